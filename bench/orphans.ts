// Reaping: a program that makes orphans by the thousand, with each init as PID 1 of a PID namespace.
// The program takes the time itself (orphans.c), and ends when nobody but PID 1 is left.

import { pidNamespace } from "../scripts/demo/namespace.ts";
import { type Figure, summarize } from "./figures.ts";
import { INITS, type Init } from "./inits.ts";
import type { Programs } from "./programs.ts";

/** Undefined where PID namespaces are not permitted. */
export function timeOrphans(programs: Programs, rounds: number, orphans: number): Figure | undefined {
  const namespace = pidNamespace();
  if (!namespace) return undefined;
  const samples = new Map<string, number[]>();
  // The first round is the warm-up.
  for (let round = 0; round <= rounds; round++)
    for (const init of INITS) {
      if (!init.words) continue;
      const totalMs = reapAsPid1(init, init.words, [...namespace], [programs.orphans, String(orphans)]);
      if (round > 0) samples.set(init.name, [...(samples.get(init.name) ?? []), totalMs]);
    }
  return {
    title: `${orphans} orphans made and reaped`,
    unit: "ms",
    values: new Map([...samples].map(([name, times]) => [name, summarize(times)])),
    goal: { atMost: 1.3, times: "tini" },
    staticGoal: { atMost: 1.1, times: "tini" },
  };
}

function reapAsPid1(init: Init, words: readonly string[], namespace: string[], program: string[]): number {
  const run = Bun.spawnSync([...namespace, ...words, ...program], { stderr: "inherit", timeout: 90_000 });
  const [totalNs] = run.stdout.toString().split(" ").map(Number);
  if (run.exitCode !== 0 || !totalNs) throw new Error(`the orphans behind ${init.name} were not all reaped`);
  return totalNs / 1e6;
}
