// The files behind descriptors that were classified, by inode: thousands of descriptors may lead to the same file. Types only;
// valid as long as those descriptors are open, because only then the kernel gives the inode to no other file.

import type { DescriptorFacts } from "./kinds.ts";

export interface SeenFile {
  /** F_GETFL's. */
  readonly flags: number;
  readonly mount: number | undefined;
  readonly device: number;
  readonly mode: number;
  readonly links: number;
  readonly facts: DescriptorFacts;
  /** The answer of statx(2) as 32-bit words; undefined where fstat(2) stood in for it. */
  readonly words: Uint32Array | undefined;
}

export interface SeenFiles {
  readonly byInode: Map<number, SeenFile>;
  /** The last one looked at: the next descriptor may well lead to the same file, which is found out without making an object. */
  before?: SeenFile;
}
