// The requests of the rooms above about open descriptors: to close, mark, copy and make them, to find out
// what they are, and to wait for, read and write them; and the plain data that passes between them. No code that
// runs.

import type { Descriptor, DescriptorFacts } from "./kinds.ts";
import type { SeenFiles } from "./seen-files.ts";

/** The origin of a descriptor of a process, and how that is known. */
export interface Whose {
  readonly by: "inherited" | "itself";
  readonly because: string;
}

/** How a process was started, as far as /proc still tells. */
export interface StartedAs {
  readonly words: readonly string[];
  readonly executable?: string;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** The descriptors of another process, as far as they can be seen. */
export interface Inspection {
  readonly pid: number;
  /** Its command line, words separated by spaces; its name in brackets when it has none. */
  readonly command: string;
  /** How many descriptors are open. */
  readonly count: number;
  /** Undefined: their numbers can be listed and nothing more (no CAP_SYS_PTRACE). */
  readonly descriptors?: readonly Descriptor[];
  /** By number, where it can be known. */
  readonly whose: ReadonlyMap<number, Whose>;
  readonly startedAs: StartedAs;
  /** Numbers that fdinit and its runtime opened themselves, when the process is this very executable. */
  readonly own: readonly number[];
}

/** One descriptor that ppoll(2) is to watch: to be read, to be written, or both. */
export interface Watched {
  readonly fd: number;
  readonly read?: boolean;
  readonly write?: boolean;
}

/** The fate of lines that were offered to a descriptor. */
export interface LinesWritten {
  /** Bytes of whole lines that need not be offered again. */
  readonly taken: number;
  /** A line is begun, and its rest is kept: a further call, with or without lines, ends it. */
  readonly isBegun: boolean;
  /** Why no more was taken: EAGAIN, EPIPE, ENOSPC…; 0 when all of it was. */
  readonly errno: number;
}

export interface DescriptorCalls {
  /** close_range(2) with `flags`; Linux 5.9, the CLOEXEC flag 5.11. */
  closeRange(first: number, last: number, flags: number): number;
  /** 0 when close_range(2) with `flags` works, else the negated errno it answers. Closes and marks nothing. */
  canCloseRange(flags: number): number;
  close(fd: number): number;
  /** F_GETFD: 0 or FD_CLOEXEC for an open number, -EBADF for a free one. Works above the limit too. */
  descriptorFlags(fd: number): number;
  /** F_SETFD: sets or clears FD_CLOEXEC. */
  closeOnExec(fd: number, on: boolean): number;
  /** dup3(2) with O_CLOEXEC: `to` becomes a copy of `from`. */
  duplicateOnto(from: number, to: number): number;
  /** F_DUPFD_CLOEXEC: a copy at the lowest free number from `least` up. */
  duplicateAbove(fd: number, least: number): number;
  /** Opens /dev/null read-write and CLOEXEC at the lowest free number from `from` up. */
  openDevNull(from: number): number;
  /** pipe2(2): [read end, write end], CLOEXEC. */
  makePipe(): readonly [number, number] | number;
  /** Sets O_NONBLOCK on an open file that is fdinit's alone. */
  setNonBlocking(fd: number): number;
  /** memfd_create(2) with this content, sealed against every change. */
  makeMemoryFile(name: string, content: Uint8Array): number;
  /** Both are the same open file; where the kernel cannot tell (before Linux 6.10), the same file on the same device. */
  isSameOpenFile(one: number, another: number): boolean;
  changeDescriptorOwner(fd: number, uid: number, gid: number): number;
  /** The numbers in /proc/self/fd, or undefined when that is not procfs or cannot be read. */
  listDescriptors(): number[] | undefined;
  /** `st_mode` of an open descriptor, or a negated errno. */
  descriptorMode(fd: number): number;
  /** The text of /proc/self/fd/N, or undefined. */
  descriptorLink(fd: number): string | undefined;
  /** The text of /proc/self/fdinfo/N, or undefined. */
  descriptorInfo(fd: number): string | undefined;
  /** Finds out what an open descriptor is. */
  classify(fd: number, seen?: SeenFiles): DescriptorFacts;
  /** Looks at the descriptors of a running process from outside, or answers a negated errno. */
  inspect(pid: number): Inspection | number;
  /** The content of the memory file of this name that a process holds open; undefined where it has none, or none can be seen. */
  readMemoryFile(pid: number, name: string, length: number): Uint8Array | undefined;
  /** The process runs fdinit's own executable; false also where that cannot be seen. */
  isFdinit(pid: number): boolean;
  /** Blocks in ppoll(2) until one of `fds` is readable or hung up, or `timeoutMs` has passed; answers those that are. */
  waitReadable(fds: readonly number[], timeoutMs?: number): readonly number[];
  /** Blocks in ppoll(2) until one of them is ready, hung up or in error, or `timeoutMs` has passed; answers those that are. */
  waitReady(watched: readonly Watched[], timeoutMs?: number): readonly number[];
  /** read(2) of at most `length` bytes from a descriptor of fdinit's own that has O_NONBLOCK: the bytes, none at its end, or a negated errno. */
  readNow(fd: number, length: number): Uint8Array | number;
  /** Reads away what waits in a pipe, without blocking; true when its last writer is gone. */
  isAtEnd(fd: number): boolean;
  /** Writes lines whole without ever blocking; false when the descriptor would not take all of them now. */
  writeNow(fd: number, text: string): boolean;
  /** Writes as many of these lines as are taken at once, without ever blocking; never a line mixed with another of fdinit's. */
  writeLines(fd: number, lines: Uint8Array): LinesWritten;
  /** Writes the whole text, waiting as long as that takes: for reports on standard output only. */
  write(fd: number, text: string): number;
}
