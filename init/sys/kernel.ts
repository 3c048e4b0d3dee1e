// What the rooms above may ask of the kernel, as one interface, and the plain data that passes
// between them. No code that runs: launch/ and supervise/ are given a Kernel, and unit tests a fake.
//
// A method that can fail answers a negated errno, as the kernel does (-EBADF); it never throws and
// never logs. What the number means is for the caller to say.

import type { Descriptor } from "./kinds.ts";

/** A 64-bit kernel signal set, opaque: eight bytes, bit n-1 for signal n. */
export type SignalSet = Uint8Array;

export interface ResourceLimit {
  readonly soft: number;
  readonly hard: number;
}

/** One signal as signalfd(2) delivers it. */
export interface ReceivedSignal {
  readonly signal: number;
  /** `si_code`: SI_KERNEL when a terminal sent it, SI_QUEUE when sigqueue(3) did. */
  readonly code: number;
  /** The sender, 0 when it is outside the PID namespace or the kernel itself. */
  readonly pid: number;
  /** The `siginfo_t` to hand on when the sender gave a value with sigqueue(3), else undefined. */
  readonly value?: bigint;
}

/** A child that was reaped. `status` is wait(2)'s. */
export interface ChildEnd {
  readonly pid: number;
  readonly status: number;
}

/** The program's arguments: those of fdinit's own command line from `index` on, byte for byte, or words of a policy. */
export type Arguments = { readonly commandLineFrom: number } | { readonly words: readonly string[] };

/** One resource limit a program gets of its own. `resource` is a RLIMIT_ number of <sys/resource.h>. */
export interface ProgramLimit {
  readonly resource: number;
  readonly name: string;
  readonly limit: ResourceLimit;
}

export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
}

/** Capability numbers of <linux/capability.h>. */
export interface CapabilitySets {
  /** What stays in the bounding set, and in the permitted set where the user has it. */
  readonly keep: readonly number[];
  /** What survives the change to another user. A part of `keep`. */
  readonly ambient: readonly number[];
}

/** How a program is started. Descriptors not listed in `pass` and not inheritable stay behind. */
export interface SpawnRequest {
  readonly path: Uint8Array;
  readonly arguments: Arguments;
  /** Run by `/bin/sh` because the kernel does not know the format (execvp(3) does the same). */
  readonly byShell: boolean;
  /** Variables set on top of the inherited environment, which is otherwise passed on byte for byte. */
  readonly environment: Readonly<Record<string, string>>;
  /** Inherited variables that the program does not get. */
  readonly withoutVariables?: readonly string[];
  /** A variable that holds the program's own pid: LISTEN_PID. */
  readonly pidVariable?: string;
  readonly cwd?: string;
  /** dup2(2) in the child, in this order. */
  readonly pass: readonly { readonly from: number; readonly to: number }[];
  /** A process group of its own, or a session of its own; left out: fdinit's. */
  readonly group?: "own" | "session";
  /** The terminal whose foreground process group it becomes; with a session of its own, its controlling terminal. */
  readonly terminal?: number;
  readonly umask?: number;
  readonly nice?: number;
  readonly oomScoreAdj?: number;
  readonly limits?: readonly ProgramLimit[];
  readonly credentials?: Credentials;
  readonly capabilities?: CapabilitySets;
  readonly noNewPrivileges?: boolean;
  /** The signal it gets when fdinit dies (PR_SET_PDEATHSIG). */
  readonly parentDeathSignal?: number;
}

/** A step before execve(2) that failed in the child. */
export interface SpawnFailure {
  /** What was to be done, with the call: `become uid 1000 (setresuid)`. */
  readonly attempt: string;
  readonly errno: number;
}

/** What can be seen of another process's descriptors. */
export interface Inspection {
  readonly pid: number;
  /** Its command line, words separated by spaces; its name in brackets when it has none. */
  readonly command: string;
  /** How many descriptors are open. */
  readonly count: number;
  /** Undefined: their numbers can be listed and nothing more (no CAP_SYS_PTRACE). */
  readonly descriptors?: readonly Descriptor[];
  /** Numbers that fdinit and its runtime opened themselves, when the process is this very executable. */
  readonly own: readonly number[];
}

export interface Kernel {
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
  /** The numbers in /proc/self/fd, or undefined when that is not procfs or cannot be read. */
  listDescriptors(): number[] | undefined;
  /** `st_mode` of an open descriptor, or a negated errno. */
  descriptorMode(fd: number): number;
  /** The text of /proc/self/fd/N, or undefined. */
  descriptorLink(fd: number): string | undefined;
  /** The text of /proc/self/fdinfo/N, or undefined. */
  descriptorInfo(fd: number): string | undefined;

  /** Finds out what an open descriptor is. */
  classify(fd: number): Descriptor;
  /** Looks at the descriptors of a running process from outside, or answers a negated errno. */
  inspect(pid: number): Inspection | number;
  /** Where the working directory is, when getcwd(2) cannot reach it from the root; else undefined. */
  workingDirectoryOutside(): string | undefined;

  nofile(): ResourceLimit;
  setNofile(limit: ResourceLimit): number;
  setSubreaper(): number;

  /** access(2) with X_OK, relative to `cwd` when given. */
  canExecute(path: Uint8Array): number;
  /** The first `length` bytes of a file, or a negated errno. */
  readFile(path: string | Uint8Array, length: number): Uint8Array | number;
  /** The value of an inherited environment variable, byte for byte. */
  environmentVariable(name: string): Uint8Array | undefined;
  /** One argument of fdinit's own command line, byte for byte. */
  commandLineArgument(index: number): Uint8Array;
  /** Starts a program with the signal mask and dispositions fdinit was started with: its pid, execve's negated errno, or what failed before. */
  spawn(request: SpawnRequest): number | SpawnFailure;

  /** Blocks in ppoll(2) until one of `fds` is readable. No timeout. */
  waitReadable(fds: readonly number[]): number;
  /** Takes what waits on a signalfd, without blocking. */
  takeSignals(signalFd: number): ReceivedSignal[];
  /** Reaps one ended child with wait4(2) WNOHANG; undefined when none has ended. */
  reap(): ChildEnd | undefined;
  kill(pid: number, signal: number): number;
  /** rt_sigqueueinfo(2): the signal with the value its sender gave. */
  queue(pid: number, signal: number, value: bigint): number;
  processGroup(pid: number): number;
  readonly pid: number;

  /** Writes without ever blocking: false when the descriptor would not take the whole text now. */
  writeNow(fd: number, text: string): boolean;
  /** Writes the whole text, waiting as long as that takes: for reports on standard output only. */
  write(fd: number, text: string): number;
}
