// Starts a child that posix_spawn(3) cannot make. The child carries out a list of system calls between
// clone(CLONE_VM | CLONE_VFORK) and execve(2) (engine/child.ts), as posix_spawn does inside. No JavaScript runs in the
// child, and fdinit stands still until the child has become the program or has failed. Decides nothing.

import { carryOut } from "../engine/child.ts";
import { PR_GET_DUMPABLE, PR_SET_DUMPABLE } from "../libc/constants.ts";
import { Block, type Bytes, cString, keepAlive, SYS, setInteger, syscall } from "../libc/libc.ts";
import type { SpawnFailure } from "./kernel.ts";

/** One system call of the child. Memory its arguments point to is the caller's to keep. */
export interface ChildCall {
  readonly number: number;
  readonly arguments: readonly number[];
  readonly failure: Omit<SpawnFailure, "errno">;
  /** The list goes on when it fails. */
  readonly mayFail?: boolean;
  /** Where its result goes: an address, or the first argument of the call that follows. */
  readonly result?: number | "next";
}

/** Makes the text `NAME=pid`, the pid being the child's own, and stores its address at `slot`. */
export interface PidText {
  readonly name: string;
  readonly slot: number;
}

export interface FailedCall extends SpawnFailure {
  /** The index of the failed call in the list; -1 when there was no child. */
  readonly index: number;
}

// struct record { int64_t number, arguments[6], *store; } of engine/bun/abi/child-*.s and engine/host.c
const RECORD_SIZE = 64;
const STORE_OFFSET = 56;
const PID_TEXT = -1;
const MAY_FAIL = 0x40000000;

/** "4194304", the highest pid, with room to spare. */
const MOST_DIGITS = 10;

/** Carries the list out in a new child; its last call is execve(2). Answers the child's pid, or the call that failed. */
export function runChild(list: readonly (ChildCall | PidText)[]): number | FailedCall {
  const records = new Block(RECORD_SIZE * list.length);
  const status = new Block(16);
  const texts: Bytes[] = [];
  for (let index = 0; index < list.length; index++) {
    const at = RECORD_SIZE * index;
    const entry = list[index] as ChildCall | PidText;
    if ("slot" in entry) texts.push(...putPidText(records, at, entry));
    else putCall(records, at, entry);
  }
  const wasDumpable = syscall(SYS.prctl, PR_GET_DUMPABLE) === 1;
  const pid = carryOut(records.address, status.address);
  // A child that takes another user's rights makes the memory non-dumpable (PR_SET_DUMPABLE(2const)), and until it is a program that is
  // fdinit's own memory: root without CAP_SYS_PTRACE, as in a container, could not look at PID 1 any more.
  if (wasDumpable) syscall(SYS.prctl, PR_SET_DUMPABLE, 1);
  keepAlive(...texts);
  if (pid < 0) return { stage: "make-process", call: "clone", subject: "", errno: -pid, index: -1 };
  const result = Number(status.view.getBigInt64(0, true));
  if (result === 0) return pid;
  // The child has ended already, and its status adds nothing.
  syscall(SYS.wait4, pid, 0, 0, 0);
  const index = (Number(status.view.getBigInt64(8, true)) - records.address) / RECORD_SIZE;
  return { ...(list[index] as ChildCall).failure, errno: -result, index };
}

function putCall(records: Block, at: number, { number, arguments: given, mayFail, result }: ChildCall): void {
  setInteger(records.view, at, mayFail ? number | MAY_FAIL : number);
  for (let i = 0; i < given.length; i++) {
    records.view.setBigInt64(at + 8 * (i + 1), BigInt(given[i] as number), true);
  }
  const store = result === "next" ? records.address + at + RECORD_SIZE + 8 : (result ?? 0);
  setInteger(records.view, at + STORE_OFFSET, store);
}

/** The digits are written from the last one back, then the name before them. */
function putPidText(records: Block, at: number, { name, slot }: PidText): Bytes[] {
  const before = cString(`${name}=`);
  const length = before.bytes.length - 1;
  const text = new Block(length + MOST_DIGITS + 1);
  records.view.setBigInt64(at, BigInt(PID_TEXT), true);
  setInteger(records.view, at + 8, text.address + length + MOST_DIGITS - 1);
  setInteger(records.view, at + 16, before.address + length - 1);
  setInteger(records.view, at + 24, length);
  setInteger(records.view, at + 32, slot);
  return [text, before];
}
