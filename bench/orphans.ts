// Reaping: a program that makes orphans by the thousand, with each init as PID 1 of a PID namespace.
// The program takes the time itself (orphans.c), and ends when nobody but PID 1 is left.

import { pidNamespace } from "../scripts/demo/namespace.ts";
import { children } from "../tests/harness/processes.ts";
import { type Figure, summarize } from "./figures.ts";
import { memoryOf } from "./idle.ts";
import { INITS, type Init } from "./inits.ts";
import type { Programs } from "./programs.ts";

/** The time they take, and what they leave the init with. None where PID namespaces are not permitted. */
export async function timeOrphans(programs: Programs, rounds: number, orphans: number): Promise<Figure[]> {
  const namespace = pidNamespace();
  if (!namespace) return [];
  const samples = new Map<string, number[]>();
  const memories = new Map<string, number[]>();
  // The first round is the warm-up.
  for (let round = 0; round <= rounds; round++)
    for (const init of INITS) {
      if (!init.words) continue;
      const program = [programs.orphans, String(orphans)];
      const { totalMs, anonymousKb } = await reapAsPid1(init, [...namespace, ...init.words, ...program]);
      if (round === 0) continue;
      samples.set(init.name, [...(samples.get(init.name) ?? []), totalMs]);
      memories.set(init.name, [...(memories.get(init.name) ?? []), anonymousKb]);
    }
  const summaries = (of: ReadonlyMap<string, number[]>) =>
    new Map([...of].map(([name, values]) => [name, summarize(values)]));
  return [
    {
      title: `${orphans} orphans made and reaped`,
      unit: "ms",
      values: summaries(samples),
      goal: { atMost: 1.3, times: "tini" },
      staticGoal: { atMost: 1.1, times: "tini" },
    },
    {
      title: `memory, private, after ${orphans} orphans`,
      unit: "kB",
      values: summaries(memories),
      staticGoal: { atMost: 1536 },
    },
  ];
}

async function reapAsPid1(init: Init, command: string[]) {
  const unshare = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "inherit", timeout: 90_000 });
  const { value } = await unshare.stdout.getReader().read();
  const [totalNs] = new TextDecoder().decode(value).split(" ").map(Number);
  const [pid1] = children(unshare.pid);
  const measured = pid1 === undefined ? undefined : memoryOf(pid1);
  await unshare.stdin.end();
  if ((await unshare.exited) !== 0 || !totalNs || !measured)
    throw new Error(`the orphans behind ${init.name} were not all reaped`);
  return { totalMs: totalNs / 1e6, anonymousKb: measured.anonymousKb };
}
