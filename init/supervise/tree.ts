// Lists the processes that fdinit is responsible for, by asking the kernel, and words such lists.

import type { Kernel, ProcessFacts } from "../sys/kernel.ts";

/**
 * The processes that have not ended: for PID 1 all of the namespace, else all below fdinit. Undefined where /proc
 * does not tell.
 */
export function descendantsOrNone(kernel: Kernel): readonly ProcessFacts[] | undefined {
  const all = kernel.processes()?.found.filter(({ hasEnded }) => !hasEnded);
  if (!all || kernel.pid === 1) return all;
  const below = new Set([kernel.pid]);
  for (let before = 0; before < below.size; ) {
    before = below.size;
    for (const { pid, parent } of all) if (below.has(parent)) below.add(pid);
  }
  return all.filter(({ pid }) => below.has(pid));
}

/** The same; an empty list where /proc cannot be read. */
export function descendants(kernel: Kernel): readonly ProcessFacts[] {
  return descendantsOrNone(kernel) ?? [];
}

/** The most processes that are looked at to name those that are left: a look at thousands would delay the signal behind it. */
const MOST_LOOKED_AT = 256;

/** Like descendantsOrNone(), and as PID 1 up to a bound; `more`: how many there are beyond it. */
export function firstDescendants(kernel: Kernel): {
  readonly known: readonly ProcessFacts[] | undefined;
  readonly more: number;
} {
  if (kernel.pid !== 1) return { known: descendantsOrNone(kernel), more: 0 };
  const list = kernel.processes(MOST_LOOKED_AT);
  return { known: list?.found.filter(({ hasEnded }) => !hasEnded), more: list?.more ?? 0 };
}

/**
 * `; waited for 7 (nginx), 8 (nginx)`: what is left below fdinit, by the kernel's names. A command line is not read, because
 * reading that of a process that hangs in the kernel can hang too. "" where /proc does not tell.
 */
export function leftInWords(kernel: Kernel): string {
  const { known = [], more } = firstDescendants(kernel);
  return waitedForInWords(known, more);
}

export function waitedForInWords(left: readonly ProcessFacts[], more = 0): string {
  return left.length === 0 ? "" : `; waited for ${inWords(left, nameOf, more)}`;
}

/** `17 (sleep 100), 18 (cat) and 5 more`. Processes beyond the cut are counted, and their command lines are not read. */
export function inWords<P extends { readonly pid: number }>(
  processes: readonly P[],
  wordsOf: (process: P) => string,
  unlisted = 0,
): string {
  const words = processes.slice(0, MOST_NAMED).map((process) => `${process.pid} (${wordsOf(process)})`);
  const more = processes.length - words.length + unlisted;
  return more > 0 ? `${words.join(", ")} and ${more} more` : words.join(", ");
}

export const nameOf = ({ name }: ProcessFacts): string => name;

const MOST_NAMED = 10;
