// The facts that are observed before anything is done, as plain data: observe.ts asks the kernel.

import type { DescriptorFacts } from "./descriptors/kinds.ts";
import type { RuntimeDescriptors } from "./engine/image.ts";
import type { ResourceLimit } from "./self/kernel.ts";
import type { TerminalFacts } from "./terminal/kernel.ts";

/** An inclusive range of descriptor numbers. */
export interface FdRange {
  readonly first: number;
  readonly last: number;
}

/** The ways to close, mark and list descriptors, best first: docs/descriptors.md calls them the ladder. */
export type Rung = "closeRange" | "procfs" | "scan";

/** Which facts about descriptors a policy makes necessary: as few as will do. */
export interface Questions {
  /** Every open number must be known. */
  readonly enumerate: boolean;
  /** The kind of each open descriptor must be known, not only that it is open. */
  readonly classify: boolean;
  /** Numbers that must be looked at. */
  readonly lookAt: readonly FdRange[];
  /** Numbers of `lookAt` that must not be missed, because they are not all closed or marked alike. */
  readonly mustSee: readonly FdRange[];
  /** Where a number-by-number look ends when /proc cannot list them. */
  readonly scanLimit: number;
  /** The one way to list, close and mark that the policy wants; `auto`: whichever works. */
  readonly method: "auto" | Rung;
  /** Whether descriptors will be closed by range. */
  readonly closes: boolean;
  /** Whether descriptors will be marked by range. */
  readonly marks: boolean;
  /** Whether the working directory lies outside the root must be known. */
  readonly workingDirectory: boolean;
  /** Whether descriptor 0 is a terminal, and whose, must be known. */
  readonly terminal: boolean;
}

/** sd_listen_fds(3): SD_LISTEN_FDS_START, where announced descriptors stand in a row. */
export const FIRST_ANNOUNCED = 3;

/** An inherited descriptor that was looked at. */
export interface InheritedDescriptor {
  readonly fd: number;
  /** Only when the questions asked for it. */
  readonly descriptor?: DescriptorFacts;
  /** Of one that was not classified: the text of its link in /proc. */
  readonly link?: string;
  /** Of one without a link: st_mode, which is known without /proc; negative when it could not be found out. */
  readonly mode?: number;
}

/** The ways to list, close and mark that work here. A field is absent when the questions did not ask for it. */
export interface Rungs {
  /** close_range(2): 0 when it works, else the errno. */
  readonly closing?: number;
  /** The same with CLOSE_RANGE_CLOEXEC. */
  readonly marking?: number;
  /** Whether /proc/self/fd can be read. */
  readonly procfs?: boolean;
}

export interface Facts {
  /** 1: orphans come by themselves. Any other: only to a subreaper. */
  readonly pid: number;
  readonly nofile: ResourceLimit;
  /** fdinit's own descriptors; every later one has a higher number than these. */
  readonly own: readonly number[];
  /** The runtime's own: left open when certain, else closed and their numbers occupied. */
  readonly runtime: RuntimeDescriptors;
  /** The inherited descriptors that were asked for, ascending, 0 to 2 included when open. */
  readonly inherited: readonly InheritedDescriptor[];
  /** The names of LISTEN_FDNAMES from 3 on, when the launcher meant them for this process. */
  readonly announced: readonly string[];
  /** Announced numbers that are not open. */
  readonly announcedMissing?: readonly number[];
  /** LISTEN_FDS meant for this process, when it is no plain number. */
  readonly malformedCount?: string;
  readonly rungs: Rungs;
  /** Set when /proc was not read and the scan ended below numbers that must be seen. */
  readonly unseenFrom?: number;
  /** The terminal at descriptor 0, when there is one and `questions.terminal` is set. */
  readonly terminal?: TerminalFacts;
  /** Where the working directory is, when it lies outside the root. */
  readonly workingDirectoryOutside?: string;
}
