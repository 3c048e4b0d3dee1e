// The requests of the rooms above about other processes: to start programs, to reap children, and what
// /proc shows; and the plain data that passes between them. No code that runs.

import type { CapabilitySets, Credentials, ResourceLimit } from "../self/kernel.ts";

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
  /** The file cgroup.procs of the cgroup that it begins in, open for writing; where that fails it begins in fdinit's. */
  readonly cgroupProcs?: number;
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

/** The stages of a child, from its making to execve(2), in their order. init/launch/stages.ts words them. */
export type ChildStage =
  | "make-process"
  | "cgroup"
  | "session"
  | "process-group"
  | "controlling-terminal"
  | "own-process-group"
  | "foreground"
  | "pass-descriptor"
  | "umask"
  | "nice"
  | "oom-score"
  | "limit"
  | "bounding-set"
  | "keep-capabilities"
  | "groups"
  | "group"
  | "user"
  | "capabilities"
  | "ambient-capabilities"
  | "working-directory"
  | "parent-death-signal"
  | "no-new-privileges"
  | "signal-disposition"
  | "signal-mask"
  | "execute";

/** A stage before execve(2) that failed in the child. */
export interface SpawnFailure {
  readonly stage: ChildStage;
  /** The system call, or the operation of one with several: `setresuid`, `PR_CAPBSET_DROP`. */
  readonly call: string;
  /** The stage's subject where it has one: the user's number, the limit with its values. Else "". */
  readonly subject: string;
  readonly errno: number;
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

/** A child that has ended or stopped, and is not waited for yet. */
export interface ChangedProcess {
  readonly pid: number;
  /** Its name in brackets, or "unknown": what ends has no command line any more. */
  readonly command: string;
  /** From its start to now; undefined where /proc cannot be read. */
  readonly ranMs?: number;
}

/** A process as /proc shows it. */
export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  /** Its session (setsid(2)); 0: one of another PID namespace. */
  readonly session: number;
  /** The kernel's name for it, cut at 15 bytes. */
  readonly name: string;
  /** It has ended, or is about to and has closed its descriptors. */
  readonly hasEnded: boolean;
  /** When it began, in the kernel's ticks: with the number, this tells it from every other. */
  readonly startedAt: number;
}

export interface ProcessList {
  readonly found: readonly ProcessFacts[];
  /** How many more there are that were not looked at. */
  readonly more: number;
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

export interface ProcessCalls {
  /** Starts a program with the signal mask and dispositions fdinit was started with: its pid, execve's negated errno, or what failed before. */
  spawn(request: SpawnRequest): number | SpawnFailure;
  /** Takes one change of a child, of any or of the one named, with wait4(2); undefined when there is none, "none" when there is no child. */
  reap(pid?: number): ChildEnd | "none" | undefined | number;
  /** A child that has changed, looked at while /proc still has it (waitid(2), WNOWAIT); "none" when there is no child. */
  nextChanged(): ChangedProcess | "none" | undefined | number;
  /** False when there is certainly no child. */
  hasChildren(): boolean;
  /** Lets go of a child that fdinit is the tracer of (PTRACE_TRACEME), with the signal it stopped at; false when it is not. */
  detach(pid: number, signal: number): boolean;
  processGroup(pid: number): number;
  /** pidfd_open(2), CLOEXEC: readable as soon as the process has ended; a negated errno. */
  openProcess(pid: number): number;
  /** The processes that /proc shows, fdinit's own left out; undefined where it cannot be read or is of another PID namespace. */
  processes(most?: number): ProcessList | undefined;
  /** The value that a variable had when the process was started; undefined where it has none, or may not be looked at. */
  variableOf(pid: number, name: string): string | undefined;
  /** A process's command line, words separated by spaces and cut; its name in brackets when it has none. */
  commandOf(pid: number): string;
  /** The other processes that have the pipe open that the text of its link names, `pipe:[123]`. */
  pipeHolders(pipe: string): PipeHolders | undefined;
}
