// The processes that fdinit answers for. Pure, but for asking the kernel which there are.

import type { Kernel, ProcessFacts } from "../sys/kernel.ts";

/** Those that have not ended: as PID 1 every process of the namespace, else all below fdinit. Empty without /proc. */
export function descendants(kernel: Kernel): readonly ProcessFacts[] {
  const all = kernel.processes()?.filter(({ hasEnded }) => !hasEnded) ?? [];
  if (kernel.pid === 1) return all;
  const below = new Set([kernel.pid]);
  for (let before = 0; before < below.size; ) {
    before = below.size;
    for (const { pid, parent } of all) if (below.has(parent)) below.add(pid);
  }
  return all.filter(({ pid }) => below.has(pid));
}

/** `17 (sleep 100), 18 (cat)`, cut where nobody would read on. */
export function inWords(processes: readonly Pick<ProcessFacts, "pid" | "command">[]): string {
  const words = processes.slice(0, MOST_NAMED).map(({ pid, command }) => `${pid} (${command})`);
  const more = processes.length - words.length;
  return more > 0 ? `${words.join(", ")} and ${more} more` : words.join(", ");
}

const MOST_NAMED = 10;
