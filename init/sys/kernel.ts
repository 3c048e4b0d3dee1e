// The interface by which the rooms above ask the kernel, and the plain data of questions and answers. No code that runs:
// launch/ and supervise/ are given a Kernel, and unit tests give a fake one.
//
// A method that can fail answers a negated errno, as the kernel does (-EBADF); it never throws and
// never logs. The caller words the failure.

import type { TerminalFacts } from "./facts.ts";
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

/** A child that ended or stopped. `status` is wait(2)'s. */
export interface ChildEnd {
  readonly pid: number;
  readonly status: number;
  /** The CPU time of the child and of the children it reaped, user and system (getrusage(2)). */
  readonly cpuMs: number;
  /** The most memory it had resident at once. */
  readonly maxRssKiB: number;
}

/** The program's arguments: those of fdinit's own command line from an index on, byte for byte, or words of a policy. */
export type Arguments =
  | { readonly commandLineFrom: number }
  /** Single ones of that command line, where options stood in between. */
  | { readonly commandLineAt: readonly number[] }
  | { readonly words: readonly string[] };

/** One resource limit a program gets of its own. `resource` is a RLIMIT_ number of <sys/resource.h>. */
export interface ProgramLimit {
  readonly resource: number;
  readonly name: string;
  readonly limit: ResourceLimit;
}

export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups; undefined: those that fdinit has. */
  readonly groups?: readonly number[];
}

/** Capability numbers of <linux/capability.h>. */
export interface CapabilitySets {
  /** The capabilities that stay in the bounding set, and in the permitted set where the user has them. */
  readonly keep: readonly number[];
  /** The capabilities that survive the change to another user. A part of `keep`. */
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
  /** The step that failed, with its call: `become uid 1000 (setresuid)`. */
  readonly attempt: string;
  readonly errno: number;
}

/** The visible part of another process's descriptors. */
export interface Inspection {
  readonly pid: number;
  /** The process's command line, words separated by spaces; the name in brackets when there is none. */
  readonly command: string;
  /** How many descriptors are open. */
  readonly count: number;
  /** Undefined: their numbers can be listed and nothing more (no CAP_SYS_PTRACE). */
  readonly descriptors?: readonly Descriptor[];
  /** Numbers that fdinit and its runtime opened themselves, when the process is this very executable. */
  readonly own: readonly number[];
}

/** Where a socket is bound or connected to. A Unix path that begins with `@` is an abstract name. */
export type SocketAddress =
  | { readonly family: "inet" | "inet6"; readonly host: readonly number[]; readonly port: number }
  | { readonly family: "unix"; readonly path: string };

/** A file that was opened by its path. */
export interface OpenedFile {
  readonly fd: number;
  /** The file did not exist before. */
  readonly isNew: boolean;
  /** Others have the same open file: its flags are not to be changed. */
  readonly isShared?: boolean;
}

/** The properties of a Unix socket to be bound to a path. `type` is a SOCK_ number of <sys/socket.h>. */
export interface SocketFile {
  readonly type: number;
  readonly mode: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** A call about a path that failed. */
export interface PathFailure {
  readonly call: string;
  readonly errno: number;
}

/** A process as /proc shows it. */
export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  /** The kernel's name of the process, cut at 15 bytes. */
  readonly name: string;
  /** The process has ended, or is ending and has closed its descriptors. */
  readonly hasEnded: boolean;
  /** When it began, in the kernel's ticks: with the number, this tells it from every other. */
  readonly startedAt: number;
}

export interface ProcessList {
  readonly found: readonly ProcessFacts[];
  /** How many more there are that were not looked at. */
  readonly more: number;
}

/** A child that has ended or stopped, and is not waited for yet. */
export interface ChangedProcess {
  readonly pid: number;
  /** The name in brackets, or "unknown": a process that ends has no command line any more. */
  readonly command: string;
  /** From its start to now; undefined where /proc cannot be read. */
  readonly ranMs?: number;
}

/** A process that has a pipe open. */
export interface PipeHolder {
  readonly pid: number;
  readonly command: string;
  /** The numbers it has it at; empty when it is in flight: sent over a socket of the process, and not received. */
  readonly fds: readonly number[];
}

export interface PipeHolders {
  readonly holders: readonly PipeHolder[];
  /** Processes whose descriptors could not be looked at. */
  readonly unseen: number;
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
  /** Opens a path with <fcntl.h>'s flags, CLOEXEC, never waiting for anybody, and through no link that is not root's. */
  openFile(path: string, flags: number, mode: number): OpenedFile | number;
  /** pipe2(2): [read end, write end], CLOEXEC. */
  makePipe(): readonly [number, number] | number;
  /** socketpair(2) of AF_UNIX, CLOEXEC. */
  makeSocketPair(type: number): readonly [number, number] | number;
  /** memfd_create(2) with this content, sealed against every change. */
  makeMemoryFile(name: string, content: Uint8Array): number;
  /** socket(2), CLOEXEC. */
  makeSocket(domain: number, type: number): number;
  /** setsockopt(2) with an int. */
  setSocketOption(fd: number, level: number, option: number, value: number): number;
  bind(fd: number, address: SocketAddress): number;
  /** bind(2) to a path, with a mode and an owner from the start; takes the place of a socket on which no process listens. */
  bindPath(fd: number, path: string, wanted: SocketFile): PathFailure | undefined;
  listen(fd: number, backlog: number): number;
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
  classify(fd: number): Descriptor;
  /** Looks at the descriptors of a running process from outside, or answers a negated errno. */
  inspect(pid: number): Inspection | number;
  /** Where the working directory is, when getcwd(2) cannot reach it from the root; else undefined. */
  workingDirectoryOutside(): string | undefined;

  nofile(): ResourceLimit;
  setNofile(limit: ResourceLimit): number;
  setSubreaper(): number;
  /** fdinit has been a subreaper since before it was started: execve(2) keeps that. */
  isSubreaper(): boolean;
  /** The signal fdinit itself gets when its parent dies (PR_SET_PDEATHSIG). */
  setParentDeathSignal(signal: number): number;
  /** chdir(2) of fdinit itself. */
  changeDirectory(path: string): number;
  /** Leaves fdinit itself these capabilities at most, for good. */
  dropCapabilities(keep: readonly number[]): number;

  /** The facts about the terminal at a descriptor; undefined when there is none. */
  terminal(fd: number): TerminalFacts | undefined;
  /** Makes a process group the terminal's foreground (tcsetpgrp(3)), from the background too. */
  setForeground(fd: number, group: number): number;
  /** A descriptor of the controlling terminal: one of the standard streams, else opened, CLOEXEC; negative when there is none. */
  controllingTerminal(): number;
  /** Gives up the controlling terminal (TIOCNOTTY), without the SIGHUP and SIGCONT that come of it. */
  releaseTerminal(fd: number): number;

  /** `st_mode` of what a path leads to, or a negated errno. For explanations, not for decisions. */
  pathMode(path: string): number;
  /** The user, the group and the supplementary groups of fdinit itself. */
  ownCredentials(): Required<Credentials>;
  /** Whether setgroups(2) is allowed: 0, or a negated errno. `groups` are fdinit's own. */
  mayChangeGroups(groups: readonly number[]): number;
  /** access(2) with X_OK, relative to `cwd` when given. */
  canExecute(path: Uint8Array): number;
  /** The first `length` bytes of a file, opened as openFile does, or a negated errno. */
  readFile(path: string | Uint8Array, length: number): Uint8Array | number;
  /** The names in a directory, sorted, those of directories with a slash behind; or a negated errno. */
  listFolder(path: string): readonly string[] | number;
  /**
   * At most `length` bytes of a path or of a descriptor that may come slowly, as from a pipe; -ETIMEDOUT when
   * nothing came for `patienceMs`.
   */
  readSource(source: string | number, length: number, patienceMs: number): Uint8Array | number;
  /** The value of an inherited environment variable, byte for byte. */
  environmentVariable(name: string): Uint8Array | undefined;
  /** One argument of fdinit's own command line, byte for byte. */
  commandLineArgument(index: number): Uint8Array;
  /** Starts a program with the signal mask and dispositions fdinit was started with: its pid, execve's negated errno, or what failed before. */
  spawn(request: SpawnRequest): number | SpawnFailure;

  /** Milliseconds of CLOCK_MONOTONIC. */
  now(): number;
  /** Blocks in ppoll(2) until one of `fds` is readable or hung up, or `timeoutMs` has passed; answers those that are. */
  waitReadable(fds: readonly number[], timeoutMs?: number): readonly number[];
  /** Blocks until a signal comes and takes it; undefined when the wait was interrupted. */
  waitForSignal(): ReceivedSignal | undefined;
  /** Takes some of what waits on a signalfd, without blocking; there may be more. */
  takeSignals(signalFd: number): ReceivedSignal[];
  /** Takes one change of a child, of any or of the one named, with wait4(2); undefined when there is none, "none" when there is no child. */
  reap(pid?: number): ChildEnd | "none" | undefined | number;
  /** A child that has changed, looked at while /proc still has it (waitid(2), WNOWAIT); "none" when there is no child. */
  nextChanged(): ChangedProcess | "none" | undefined | number;
  /** False when there is certainly no child. */
  hasChildren(): boolean;
  /** Lets go of a child that fdinit is the tracer of (PTRACE_TRACEME), with the signal it stopped at; false when it is not. */
  detach(pid: number, signal: number): boolean;
  kill(pid: number, signal: number): number;
  /** rt_sigqueueinfo(2): the signal with the value its sender gave; without it where the kernel has no room for one. */
  queue(pid: number, signal: number, value: bigint): number;
  /** The signal to exactly the process that was seen, by a pidfd; -ESRCH when it is gone. */
  signalProcess(process: ProcessFacts, signal: number): number;
  /** Whether fdinit may send signals to processes of a user. */
  maySignal(uid: number): boolean;
  processGroup(pid: number): number;
  /** fdinit's process group is orphaned (POSIX): no shell could continue it once it is stopped. */
  isOrphaned(): boolean;
  /** The processes that /proc shows, fdinit's own left out; undefined where it cannot be read or is of another PID namespace. */
  processes(most?: number): ProcessList | undefined;
  /** A process's command line, words separated by spaces and cut; its name in brackets when it has none. */
  commandOf(pid: number): string;
  /** The other processes that have a pipe open; its link's text names it, `pipe:[123]`. */
  pipeHolders(pipe: string): PipeHolders | undefined;
  readonly pid: number;

  /** Reads away what waits in a pipe, without blocking; true when its last writer is gone. */
  isAtEnd(fd: number): boolean;
  /** Writes a file from its start, creating it when it is missing; 0 or a negated errno. */
  writeFile(path: string, text: string): number;
  /** Writes lines whole without ever blocking; false when the descriptor would not take all of them now. */
  writeNow(fd: number, text: string): boolean;
  /** Writes the whole text, waiting as long as that takes: for reports on standard output only. */
  write(fd: number, text: string): number;
}
