// The remedy when another thread could take a signal away: start this same executable once more
// with every signal blocked, so that every thread of the new process inherits the mask. The mask
// fdinit was first started with travels in a sealed memory file; one environment variable, which the payload
// never sees, holds the file's descriptor number and proves nothing.

import {
  close,
  closeOnExec,
  descriptorFlags,
  descriptorInfo,
  descriptorMode,
  listDescriptors,
} from "../../descriptors/descriptors.ts";
import {
  F_ADD_SEALS,
  F_GET_SEALS,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  MFD_ALLOW_SEALING,
  SIG_IGN,
} from "../../libc/constants.ts";
import { Block, bytesAt, cString, keepAlive, pointers, SYS, syscall } from "../../libc/libc.ts";
import {
  argumentVectorFrom,
  auxiliaryValue,
  environmentStrings,
  environmentVariable,
  variableName,
} from "../../self/command-line.ts";
import { ownPid } from "../../self/process.ts";
import type { SignalSet } from "../../signals/kernel.ts";
import { formatSignalSet, openSignalFd, parseSignalSet, setDisposition } from "../../signals/signals.ts";
import { textOf } from "../../text/bytes.ts";
import { findRuntimeDescriptors } from "./descriptors.ts";
import { programDispositions } from "./runtime-signals.ts";

export const REEXEC_VARIABLE = "FDINIT_ORIGINAL_SIGNAL_MASK";

const AT_EXECFN = 31;

let isSecondStart = false;

/** No process can write to the file any more, and the seal cannot be taken back. */
const SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
/** The text is shorter: a name, sixteen digits of a mask, a pid. */
const LONGEST = 64;

/** The text of the memory file: the pid of the process that wrote it, and the mask. */
function stateText(mask: SignalSet): string {
  return `fdinit ${ownPid()} ${formatSignalSet(mask)}`;
}

/**
 * The mask of the first start when this is the second, else undefined. An image's ENV can set the variable and
 * knows that the pid is 1, but it cannot leave an open descriptor: only a sealed memory file that holds this
 * process's pid, which execve(2) keeps, is believed. So there is never a third start. That every signal is blocked
 * proves nothing: the engine takes SIGPWR out of the mask before any JavaScript runs.
 */
export function maskBeforeReexec(): SignalSet | undefined {
  const text = environmentVariable(REEXEC_VARIABLE);
  if (text === undefined) return undefined;
  const number = textOf(text);
  const fd = Number(number);
  const seals = String(fd) === number ? syscall(SYS.fcntl, fd, F_GET_SEALS) : -1;
  // vm.memfd_noexec adds a seal of its own.
  if (seals < 0 || (seals & SEALS) !== SEALS) return undefined;
  const block = new Block(LONGEST);
  // pread(2) and not read(2), because the file may be another program's, and its offset must stay.
  const length = syscall(SYS.pread64, fd, block.address, LONGEST, 0);
  if (length < 0) return undefined;
  const [name, pid, mask = ""] = textOf(block.bytes.slice(0, length)).split(" ");
  const parsed = name === "fdinit" && pid === String(ownPid()) ? parseSignalSet(mask) : undefined;
  if (parsed) close(fd);
  isSecondStart = parsed !== undefined;
  return parsed;
}

/** The memory file for the second start, which execve(2) leaves open; a negated errno when there can be none. */
function leaveState(mask: SignalSet): number {
  const name = cString(REEXEC_VARIABLE);
  const fd = syscall(SYS.memfd_create, name.address, MFD_ALLOW_SEALING);
  if (fd < 0) return fd;
  const text = cString(stateText(mask));
  const written = syscall(SYS.write, fd, text.address, text.bytes.length - 1);
  const failed = written < 0 ? written : syscall(SYS.fcntl, fd, F_ADD_SEALS, SEALS);
  keepAlive(name, text);
  if (failed >= 0) return fd;
  close(fd);
  return failed;
}

/** True when a program is not to have the environment as it is: fdinit's own variable is in it. */
export function environmentIsChanged(): boolean {
  return isSecondStart;
}

/** The inherited environment's strings, without the variable when it is fdinit's own. */
export function programEnvironment(): readonly number[] {
  return isSecondStart ? stringsWithoutMask() : environmentStrings();
}

/** fdinit's own stands first; one that an image set as well is the program's. */
function stringsWithoutMask(): number[] {
  const strings = environmentStrings();
  const own = strings.findIndex((address) => variableName(bytesAt(address)) === REEXEC_VARIABLE);
  return strings.filter((_, index) => index !== own);
}

/**
 * Starts over with the calling thread's mask in place. Returns only when that cannot be done: the negated errno.
 * Without memfd_create(2), Linux 3.17, nothing is there that a second start could believe.
 */
export function reexec(originalMask: SignalSet): number {
  passInheritedThroughExec();
  const state = leaveState(originalMask);
  if (state < 0) return state;
  // execve(2) makes a default of a handler, and these have been fdinit's.
  for (const signal of programDispositions().ignored) setDisposition(signal, SIG_IGN);
  const variable = cString(`${REEXEC_VARIABLE}=${state}`);
  const envp = pointers([variable.address, ...environmentStrings()]);
  // The path as it was given keeps the process's name; /proc/self/exe would call it "exe".
  const given = syscall(SYS.execve, auxiliaryValue(AT_EXECFN), argumentVectorFrom(0), envp.address);
  const itself = cString("/proc/self/exe");
  const again = syscall(SYS.execve, itself.address, argumentVectorFrom(0), envp.address);
  keepAlive(variable, envp, itself);
  close(state);
  return again || given;
}

/**
 * Bun marked every inherited descriptor from 4 up CLOEXEC at its start. Nothing inherited can have
 * been CLOEXEC before (it would not be here), so the mark is taken off again; Bun's own keep it.
 */
function passInheritedThroughExec(): void {
  const lowestFree = openSignalFd();
  close(lowestFree);
  const runtime = findRuntimeDescriptors({ descriptorMode, descriptorInfo }, lowestFree, lowestFree).numbers;
  for (const fd of listDescriptors() ?? openNumbers()) {
    if (fd > 2 && !runtime.includes(fd)) closeOnExec(fd, false);
  }
}

const MOST_LOOKED_AT = 65536;

/** Without /proc, one by one: what is above the bound stays marked, and is closed. */
function openNumbers(): number[] {
  const numbers: number[] = [];
  for (let fd = 0; fd < MOST_LOOKED_AT; fd++) if (descriptorFlags(fd) >= 0) numbers.push(fd);
  return numbers;
}
