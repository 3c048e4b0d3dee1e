// A child that is more than posix_spawn(3) can make: a list of system calls, carried out between
// clone(CLONE_VM | CLONE_VFORK) and execve(2) by a few machine instructions (abi/child-*.s). That is what
// posix_spawn does inside, with a list of our own: nothing of JavaScript and nothing of libc runs in the
// child, and this process stands still until it has become the program or has failed. Decides nothing.

import { CLONE_VFORK, CLONE_VM, SIGCHLD } from "./constants.ts";
import {
  Block,
  type Bytes,
  callable,
  childCode,
  cString,
  keepAlive,
  SYS,
  setInteger,
  syscall,
} from "./libc.ts";
import { executablePage } from "./machine-code.ts";

/** One system call of the child. Memory its arguments point to is the caller's to keep. */
export interface ChildCall {
  readonly call: number;
  readonly arguments: readonly number[];
  /** What it is for, in words that follow "cannot". */
  readonly attempt: string;
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

export interface FailedCall {
  readonly attempt: string;
  readonly errno: number;
  /** Its place in the list; -1 when there was no child. */
  readonly index: number;
}

// struct record { int64_t number, arguments[6], *store; } of abi/child-*.s
const RECORD_SIZE = 64;
const STORE_OFFSET = 56;
const PID_TEXT = -1;
const MAY_FAIL = 0x40000000;

const STACK_SIZE = 4096;
/** "4194304", the highest pid, with room to spare. */
const MOST_DIGITS = 10;

let childOf: ReturnType<typeof callable> | undefined;

// Made at first use: most starts need none of it.
function child(): ReturnType<typeof callable> {
  if (!childOf) {
    const bytes = new Uint8Array(childCode.length / 2);
    for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(childCode.slice(2 * i, 2 * i + 2), 16);
    const page = executablePage([{ at: 0, code: bytes }]);
    // Bun's FFI, which has brought us here, needs executable pages itself.
    if (page === undefined) throw new Error("no page of memory can be made executable");
    childOf = callable(page);
  }
  return childOf;
}

/** Carries the list out in a new child; its last call is execve(2). Answers the child's pid, or the call that failed. */
export function runChild(list: readonly (ChildCall | PidText)[]): number | FailedCall {
  const records = new Block(RECORD_SIZE * list.length);
  const status = new Block(16);
  const stack = new Block(STACK_SIZE);
  const texts: Bytes[] = [];
  for (let index = 0; index < list.length; index++) {
    const at = RECORD_SIZE * index;
    const entry = list[index] as ChildCall | PidText;
    if ("slot" in entry) texts.push(...putPidText(records, at, entry));
    else putCall(records, at, entry);
  }
  const top = stack.address + STACK_SIZE - (stack.address % 16);
  const pid = child()(CLONE_VM | CLONE_VFORK | SIGCHLD, top, records.address, status.address);
  keepAlive(stack, ...texts);
  if (pid < 0) return { attempt: "make a process (clone)", errno: -pid, index: -1 };
  const result = Number(status.view.getBigInt64(0, true));
  if (result === 0) return pid;
  // It has ended already, and its status says nothing more.
  syscall(SYS.wait4, pid, 0, 0, 0);
  const index = (Number(status.view.getBigInt64(8, true)) - records.address) / RECORD_SIZE;
  return { attempt: (list[index] as ChildCall).attempt, errno: -result, index };
}

function putCall(records: Block, at: number, { call, arguments: given, mayFail, result }: ChildCall): void {
  setInteger(records.view, at, mayFail ? call | MAY_FAIL : call);
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
