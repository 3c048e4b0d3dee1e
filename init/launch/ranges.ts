// Closing and marking every descriptor of a range, by the best way the kernel offers, never
// missing one: close_range(2), else what /proc/self/fd lists, else every number up to a bound.
// Answers what stood in the way, or undefined. docs/descriptors.md explains the ladder.

import { CLOSE_RANGE_CLOEXEC, FD_CLOEXEC } from "../sys/constants.ts";
import { errnoText } from "../sys/errno.ts";
import type { Range } from "../sys/facts.ts";
import type { Kernel } from "../sys/kernel.ts";

/** What is done to each descriptor, in one call for a range and one by one. */
interface Treatment {
  readonly flags: number;
  apply(kernel: Kernel, fd: number): number;
  /** Whether an open descriptor with these F_GETFD flags still has to be treated. */
  isDue(descriptorFlags: number): boolean;
}

const CLOSE: Treatment = {
  flags: 0,
  apply: (kernel, fd) => kernel.close(fd),
  isDue: () => true,
};

const MARK: Treatment = {
  flags: CLOSE_RANGE_CLOEXEC,
  apply: (kernel, fd) => kernel.closeOnExec(fd, true),
  isDue: (descriptorFlags) => (descriptorFlags & FD_CLOEXEC) === 0,
};

/** Without close_range and /proc this many numbers are tried: a few hundredths of a second. */
export const SCAN_LIMIT = 65536;

/** A listing is repeated while it changes something; more rounds than this mean it is not believable. */
const MOST_LISTINGS = 16;

export function closeRange(kernel: Kernel, range: Range): string | undefined {
  return treat(kernel, range, CLOSE);
}

export function markRange(kernel: Kernel, range: Range): string | undefined {
  return treat(kernel, range, MARK);
}

function treat(kernel: Kernel, range: Range, treatment: Treatment): string | undefined {
  const refused = kernel.closeRange(range.first, range.last, treatment.flags);
  if (refused >= 0 || treatListed(kernel, range, treatment)) return undefined;
  return treatScanned(kernel, range, treatment)
    ? undefined
    : `close_range: ${errnoText(-refused)}; /proc/self/fd cannot be read; numbers from ${SCAN_LIMIT} up were not looked at`;
}

/** True when a listing showed that nothing is due any more. */
function treatListed(kernel: Kernel, { first, last }: Range, treatment: Treatment): boolean {
  for (let round = 0; round < MOST_LISTINGS; round++) {
    const listed = kernel.listDescriptors();
    if (!listed) return false;
    const due = listed.filter((fd) => first <= fd && fd <= last && isDue(kernel, fd, treatment));
    if (due.length === 0) return true;
    for (const fd of due) treatment.apply(kernel, fd);
  }
  return false;
}

/** True when no descriptor can be above the numbers tried. F_GETFD finds those above a lowered limit too. */
function treatScanned(kernel: Kernel, { first, last }: Range, treatment: Treatment): boolean {
  for (let fd = first; fd <= Math.min(last, SCAN_LIMIT - 1); fd++) {
    if (isDue(kernel, fd, treatment)) treatment.apply(kernel, fd);
  }
  return last < SCAN_LIMIT || kernel.nofile().hard <= SCAN_LIMIT;
}

function isDue(kernel: Kernel, fd: number, treatment: Treatment): boolean {
  const flags = kernel.descriptorFlags(fd);
  return flags >= 0 && treatment.isDue(flags);
}
