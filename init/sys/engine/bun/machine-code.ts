// A page of machine code, for the two places where no JavaScript can run: a signal handler on another
// thread, and a child before execve(2). The code itself is in abi/.

import { SYS, syscall } from "../../libc/libc.ts";
import { writeAt } from "./calls.ts";

// <sys/mman.h>
const PROT_READ = 1;
const PROT_WRITE = 2;
const PROT_EXEC = 4;
const MAP_PRIVATE = 2;
const MAP_ANONYMOUS = 0x20;
const PAGE = 4096;

export interface Piece {
  /** Its place in the page. */
  readonly at: number;
  readonly code: Uint8Array;
}

/** The address of a page with these pieces, executable and no longer writable; undefined where none is granted. */
export function executablePage(pieces: readonly Piece[]): number | undefined {
  const page = syscall(SYS.mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page < 0) return undefined;
  for (const { at, code } of pieces) writeAt(page + at, code);
  return syscall(SYS.mprotect, page, PAGE, PROT_READ | PROT_EXEC) < 0 ? undefined : page;
}
