// The page of machine code that makes a child and carries its system calls out: nothing of JavaScript and nothing of
// libc runs in the child, which shares this process's memory until it has become the program. Made at its first use.

import { CLONE_VFORK, CLONE_VM, SIGCHLD } from "../../libc/constants.ts";
import { Block, keepAlive } from "../../libc/libc.ts";
import { childCode } from "./abi/this-machine.ts";
import { callable } from "./calls.ts";
import { executablePage } from "./machine-code.ts";

const STACK_SIZE = 4096;

let childOf: ReturnType<typeof callable> | undefined;

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

export function carryOut(records: number, status: number): number {
  const stack = new Block(STACK_SIZE);
  const top = stack.address + STACK_SIZE - (stack.address % 16);
  const pid = child()(CLONE_VM | CLONE_VFORK | SIGCHLD, top, records, status);
  keepAlive(stack);
  return pid;
}
