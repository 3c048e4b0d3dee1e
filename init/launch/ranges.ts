// Closing and marking every descriptor of some ranges by the rungs that the plan names, never missing
// one: close_range(2), what /proc/self/fd lists, every number up to a bound. Answers the complaint,
// or undefined. docs/descriptors.md explains the ladder.

import type { Sweep } from "../plan/plan.ts";
import type { Rung } from "../sys/facts.ts";
import type { Kernel } from "../sys/kernel.ts";
import { CLOSE_RANGE_CLOEXEC, FD_CLOEXEC } from "../sys/libc/constants.ts";
import { EBADF, errnoText } from "../sys/libc/errno.ts";

/** How descriptors are treated: by one call for a range, and one by one. */
interface Treatment {
  readonly flags: number;
  /** Treats one number; false when there was nothing to do. Works above a lowered limit too. */
  one(kernel: Kernel, fd: number): boolean;
}

const CLOSE: Treatment = {
  flags: 0,
  // After any other answer of close(2), EIO or EINTR, the number is free.
  one: (kernel, fd) => kernel.close(fd) !== -EBADF,
};

const MARK: Treatment = {
  flags: CLOSE_RANGE_CLOEXEC,
  one(kernel, fd) {
    const flags = kernel.descriptorFlags(fd);
    if (flags < 0 || (flags & FD_CLOEXEC) !== 0) return false;
    kernel.closeOnExec(fd, true);
    return true;
  },
};

/** A listing is repeated while it changes something; more rounds than this mean it is not believable. */
const MOST_LISTINGS = 16;

export function closeRanges(kernel: Kernel, sweep: Sweep): string | undefined {
  return treat(kernel, sweep, CLOSE);
}

export function markRanges(kernel: Kernel, sweep: Sweep): string | undefined {
  return treat(kernel, sweep, MARK);
}

/** Rung after rung until one has done all of it. */
function treat(kernel: Kernel, sweep: Sweep, treatment: Treatment): string | undefined {
  const problems: string[] = [];
  for (const rung of sweep.rungs) {
    const problem = WAYS[rung](kernel, sweep, treatment);
    if (problem === undefined) return undefined;
    problems.push(problem);
  }
  return problems.join("; ");
}

type Way = (kernel: Kernel, sweep: Sweep, treatment: Treatment) => string | undefined;

const WAYS: Readonly<Record<Rung, Way>> = {
  closeRange: treatAtOnce,
  procfs: treatListed,
  scan: treatScanned,
};

function treatAtOnce(kernel: Kernel, { ranges }: Sweep, { flags }: Treatment): string | undefined {
  for (const { first, last } of ranges) {
    const result = kernel.closeRange(first, last, flags);
    if (result < 0) return `close_range(2): ${errnoText(-result)}`;
  }
  return undefined;
}

/** Done when a listing shows that nothing is due any more. */
function treatListed(kernel: Kernel, sweep: Sweep, treatment: Treatment): string | undefined {
  for (let round = 0; round < MOST_LISTINGS; round++) {
    const listed = kernel.listDescriptors();
    if (!listed) return "/proc/self/fd cannot be read";
    if (!treatDue(kernel, sweep, treatment, listed)) return undefined;
  }
  return `/proc/self/fd still lists what was treated ${MOST_LISTINGS} times`;
}

/** Treats what is due among the listed ones, both ascending; true when there was any. */
function treatDue(
  kernel: Kernel,
  { ranges }: Sweep,
  treatment: Treatment,
  listed: readonly number[],
): boolean {
  let any = false;
  let index = 0;
  for (const fd of listed) {
    while ((ranges[index]?.last ?? fd) < fd) index++;
    const range = ranges[index];
    if (range && range.first <= fd && treatment.one(kernel, fd)) any = true;
  }
  return any;
}

/** A limit may have been lowered below an open number, so the limit never ends a scan. */
function treatScanned(kernel: Kernel, sweep: Sweep, treatment: Treatment): string | undefined {
  const { ranges, scanLimit, mayMiss } = sweep;
  let isBeyond = false;
  for (const { first, last } of ranges) {
    const end = Math.min(last, scanLimit - 1);
    for (let fd = first; fd <= end; fd++) treatment.one(kernel, fd);
    isBeyond ||= last >= scanLimit;
  }
  return !isBeyond || mayMiss || kernel.nofile().hard <= scanLimit
    ? undefined
    : `descriptors from ${scanLimit} up were not looked at`;
}
