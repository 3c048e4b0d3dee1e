// Reads the kernel's counter of processes that it has killed for memory, of the container's cgroup.

import type { Kernel } from "../sys/kernel.ts";
import { textOf } from "../sys/text/bytes.ts";
import type { SayLine } from "./surroundings.ts";

/** How many processes of fdinit's own cgroup the kernel has killed for memory (Linux 4.13); undefined without a counter. */
export function oomKills(kernel: Kernel): number | undefined {
  for (const path of counterPaths(kernel)) {
    const bytes = kernel.readFile(path, 4096);
    if (typeof bytes === "number") continue;
    const count = /^oom_kill (\d+)$/m.exec(textOf(bytes))?.[1];
    if (count !== undefined) return Number(count);
  }
  return undefined;
}

/**
 * Says how many, where they are more than `known`; answers how many are known then. The counter may hold kills of before
 * this start: nothing is read when a program starts.
 */
export function sayOomKills({ kernel, say }: { kernel: Kernel; say: SayLine }, known: number): number {
  const kills = oomKills(kernel) ?? 0;
  if (kills > known) say("warn", `${oomKillsInWords(kills)}, as its cgroup counts`);
  return Math.max(kills, known);
}

export function oomKillsInWords(kills: number): string {
  const count = kills === 1 ? "1 process" : `${kills} processes`;
  return `the kernel's OOM killer killed ${count} of this container`;
}

const LONGEST_CGROUPS = 8192;

/**
 * cgroups(7): the group's own folder where the whole tree is to be seen, else the top of what is mounted, which is the
 * container's. Of version 2, then of version 1.
 */
function counterPaths(kernel: Kernel): string[] {
  const bytes = kernel.readFile("/proc/self/cgroup", LONGEST_CGROUPS);
  const text = typeof bytes === "number" ? "" : textOf(bytes);
  const own = (line: RegExp) => line.exec(text)?.[1];
  const paths = (root: string, group: string | undefined, file: string) => [
    ...(group === undefined ? [] : [`${root}${group}/${file}`]),
    `${root}/${file}`,
  ];
  return [
    ...paths("/sys/fs/cgroup", own(/^\d+::(\/.+)$/m), "memory.events"),
    ...paths(
      "/sys/fs/cgroup/memory",
      own(/^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.+)$/m),
      "memory.oom_control",
    ),
  ];
}
