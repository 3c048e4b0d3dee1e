// The requests of the rooms above about fdinit's own process: its command line and environment, its rights
// and limits, its place among processes, its clock; and the plain data that passes between them. No code that runs.

export interface ResourceLimit {
  readonly soft: number;
  readonly hard: number;
}

export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups; undefined: those that fdinit has. */
  readonly groups?: readonly number[];
}

/** Capability numbers of <linux/capability.h>. */
export interface CapabilitySets {
  /** The capabilities that stay in the bounding set, and in the permitted set where the user has it. */
  readonly keep: readonly number[];
  /** The capabilities that survive the change to another user. A part of `keep`. */
  readonly ambient: readonly number[];
}

export interface SelfCalls {
  readonly pid: number;
  /** One argument of fdinit's own command line, byte for byte. */
  commandLineArgument(index: number): Uint8Array;
  /** The value of an inherited environment variable, byte for byte. */
  environmentVariable(name: string): Uint8Array | undefined;
  /** The user, the group and the supplementary groups of fdinit itself. */
  ownCredentials(): Required<Credentials>;
  /** Whether setgroups(2) is allowed: 0, or a negated errno. `groups` are fdinit's own. */
  mayChangeGroups(groups: readonly number[]): number;
  /** Leaves fdinit itself these capabilities at most, for good. */
  dropCapabilities(keep: readonly number[]): number;
  /** Whether fdinit may send signals to processes of a user. */
  maySignal(uid: number): boolean;
  nofile(): ResourceLimit;
  setNofile(limit: ResourceLimit): number;
  setSubreaper(): number;
  /** fdinit has been a subreaper since before it was started: execve(2) keeps that. */
  isSubreaper(): boolean;
  /** The signal fdinit itself gets when its parent dies (PR_SET_PDEATHSIG). */
  setParentDeathSignal(signal: number): number;
  /** fdinit's process group is orphaned (POSIX): nobody could continue it once it is stopped. */
  isOrphaned(): boolean;
  /** chdir(2) of fdinit itself. */
  changeDirectory(path: string): number;
  /** Where the working directory is, when getcwd(2) cannot reach it from the root; else undefined. */
  workingDirectoryOutside(): string | undefined;
  /** Milliseconds of CLOCK_MONOTONIC. */
  now(): number;
}
