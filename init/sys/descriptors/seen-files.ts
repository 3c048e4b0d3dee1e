// The files behind descriptors that were classified, by inode: thousands of descriptors may lead to the same file. Types only;
// valid as long as those descriptors are open, because only then the kernel gives the inode to no other file.

import type { Status } from "../paths/status.ts";
import type { DescriptorFacts } from "./kinds.ts";

export interface SeenFile {
  /** F_GETFL's. */
  readonly flags: number;
  readonly status: Status;
  readonly facts: DescriptorFacts;
}

export type SeenFiles = Map<number, SeenFile>;
