// The remedy when another thread could take a signal away: start this same executable once more
// with every signal blocked, so that every thread of the new process inherits the mask. The mask
// fdinit was first started with travels in one environment variable, which the payload never sees.

import { textOf } from "../../bytes.ts";
import {
  argumentVectorFrom,
  auxiliaryValue,
  environmentStrings,
  environmentVariable,
  variableName,
} from "../../command-line.ts";
import { SIG_IGN } from "../../constants.ts";
import {
  close,
  closeOnExec,
  descriptorFlags,
  descriptorInfo,
  descriptorMode,
  listDescriptors,
} from "../../descriptors.ts";
import type { SignalSet } from "../../kernel.ts";
import { bytesAt, cString, keepAlive, pointers, SYS, syscall } from "../../libc.ts";
import { ownPid } from "../../processes.ts";
import { formatSignalSet, openSignalFd, parseSignalSet, setDisposition } from "../../signals.ts";
import { findRuntimeDescriptors } from "./descriptors.ts";
import { programDispositions } from "./runtime-signals.ts";

export const REEXEC_VARIABLE = "FDINIT_ORIGINAL_SIGNAL_MASK";

const AT_EXECFN = 31;

let isSecondStart = false;

/**
 * The mask of the first start when this is the second, else undefined. The variable's value ends with
 * the pid, which execve(2) keeps and no launcher knows beforehand; so there is never a third start. The
 * mask itself proves nothing: the engine takes SIGPWR out of it before any JavaScript runs.
 */
export function maskBeforeReexec(): SignalSet | undefined {
  const text = environmentVariable(REEXEC_VARIABLE);
  if (text === undefined) return undefined;
  const [mask = "", pid] = textOf(text).split(":");
  const parsed = pid === String(ownPid()) ? parseSignalSet(mask) : undefined;
  isSecondStart = parsed !== undefined;
  return parsed;
}

/** True when a program is not to have the environment as it is: fdinit's own variable is in it. */
export function environmentIsChanged(): boolean {
  return isSecondStart;
}

/** The inherited environment's strings, without the variable when it is fdinit's own. */
export function programEnvironment(): readonly number[] {
  return isSecondStart ? stringsWithoutMask() : environmentStrings();
}

function stringsWithoutMask(): number[] {
  return environmentStrings().filter((address) => variableName(bytesAt(address)) !== REEXEC_VARIABLE);
}

/** Starts over with the calling thread's mask in place. Returns only when execve(2) failed: the negated errno. */
export function reexec(originalMask: SignalSet): number {
  passInheritedThroughExec();
  // execve(2) makes a default of a handler, and these have been fdinit's.
  for (const signal of programDispositions().ignored) setDisposition(signal, SIG_IGN);
  const variable = cString(`${REEXEC_VARIABLE}=${formatSignalSet(originalMask)}:${ownPid()}`);
  const envp = pointers([...stringsWithoutMask(), variable.address]);
  // The path as it was given keeps the process's name; /proc/self/exe would call it "exe".
  const given = syscall(SYS.execve, auxiliaryValue(AT_EXECFN), argumentVectorFrom(0), envp.address);
  const itself = cString("/proc/self/exe");
  const again = syscall(SYS.execve, itself.address, argumentVectorFrom(0), envp.address);
  keepAlive(variable, envp, itself);
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
