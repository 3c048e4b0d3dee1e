// The files that Bun reads at each start and PID 1 has no use for. With an empty path in its place
// the question fails at once (open(2): ENOENT) and Bun goes by what it assumes then. A start takes a thirtieth
// less time, and PID 1 is the same whatever the machine answers.

import { contents, onlyOccurrence, section } from "../elf.ts";

/** The paths, and what is assumed without an answer. */
export const QUESTIONS: readonly string[] = [
  "/proc/sys/vm/overcommit_memory", // the allocator may reserve addresses
  "/sys/kernel/mm/transparent_hugepage/enabled", // no huge pages, which PID 1 would fill with nothing
  "/sys/devices/system/node/node%u", // one NUMA node
  "/proc/sys/vm/mmap_min_addr", // no address in the first page
  // All CPUs and all memory, for threads and a heap that PID 1 has not: it collects by --smol (scripts/build.ts).
  "/proc/self/cgroup",
  "/proc/self/statm", // memory is not running out: asked again and again while the heap grows
];

/** Edits `bytes` in place; answers what was changed. */
export function askNothing(bytes: Buffer): string {
  const strings = contents(bytes, section(bytes, ".rodata"));
  for (const path of QUESTIONS) {
    strings.writeUInt8(0, onlyOccurrence(strings, Buffer.from(`\0${path}\0`), path) + 1);
  }
  return `what Bun looks up at its start is not asked for (${QUESTIONS.length} files)`;
}
