// The cost of an init while nothing happens: its memory, its threads, and how often any of them wakes up.

import { readdirSync, readFileSync } from "node:fs";
import { type Figure, summarize } from "./figures.ts";
import { INITS } from "./inits.ts";
import type { Programs } from "./programs.ts";

/** An init has done by then all that it still does after the program has started. */
const SETTLE_MS = 2_000;
const SIGNALS = 100_000;

interface Waiting {
  readonly anonymousKb: number;
  readonly fileBackedKb: number;
  readonly writableKb: number;
  readonly threads: number;
  /** After `SIGNALS` of them. */
  readonly floodedKb: number;
  /** By the time from the first look, in the order of what was asked. */
  readonly wakeUps: readonly number[];
}

/** `idleS`: after how many seconds to count the wake-ups, ascending. */
export async function measureIdle(programs: Programs, idleS: readonly number[]): Promise<Figure[]> {
  const waiting = await watch(programs, idleS);
  const pick = (value: (of: Waiting) => number): Figure["values"] =>
    new Map([...waiting].map(([name, measured]) => [name, summarize([value(measured)])]));
  return [
    {
      title: "memory, private",
      unit: "kB",
      values: pick(({ anonymousKb }) => anonymousKb),
      goal: { atMost: 4096 },
      staticGoal: { atMost: 700 },
    },
    { title: "memory, of files, shared", unit: "kB", values: pick(({ fileBackedKb }) => fileBackedKb) },
    {
      title: "address space, private and writable",
      unit: "kB",
      values: pick(({ writableKb }) => writableKb),
      staticGoal: { atMost: 16 * 1024 },
    },
    {
      title: `memory, private, after ${SIGNALS} signals`,
      unit: "kB",
      values: pick(({ floodedKb }) => floodedKb),
      staticGoal: { atMost: 1536 },
    },
    { title: "threads", unit: "", values: pick((of) => of.threads) },
    ...idleS.map((seconds, index): Figure => {
      const values = pick(({ wakeUps }) => wakeUps[index] ?? Number.NaN);
      return {
        title: `wake-ups in ${seconds} s`,
        unit: "",
        values,
        goal: { atMost: 0 },
        staticGoal: { atMost: 0 },
      };
    }),
  ];
}

/** All of them at the same time, so that the idle seconds are the same ones. */
async function watch(programs: Programs, idleS: readonly number[]): Promise<Map<string, Waiting>> {
  const started = INITS.flatMap(({ name, words }) => (words ? [start(name, words, programs.payload)] : []));
  try {
    for (const { name, init } of started) await untilProgramRuns(name, init.stdout);
    await Bun.sleep(SETTLE_MS);
    const before = started.map(({ init }) => contextSwitches(init.pid));
    const seen = started.map(({ init }) => ({
      ...memoryOf(init.pid),
      writableKb: writableKb(init.pid),
      threads: threads(init.pid).length,
    }));
    const wakeUps: number[][] = started.map(() => []);
    let elapsedS = 0;
    for (const seconds of idleS) {
      await Bun.sleep((seconds - elapsedS) * 1_000);
      elapsedS = seconds;
      for (const [index, { init }] of started.entries()) {
        wakeUps[index]?.push(contextSwitches(init.pid) - (before[index] ?? Number.NaN));
      }
    }
    for (const { name, init } of started) {
      const sent = Bun.spawnSync([programs.runner, "flood", String(init.pid), String(SIGNALS)]);
      if (!sent.success) throw new Error(`the signals to ${name}: ${sent.stderr}`);
    }
    await Bun.sleep(SETTLE_MS);
    return new Map(
      started.flatMap(({ name, init }, index) => {
        const measured = seen[index];
        const { anonymousKb: floodedKb } = memoryOf(init.pid);
        return measured ? [[name, { ...measured, floodedKb, wakeUps: wakeUps[index] ?? [] }]] : [];
      }),
    );
  } finally {
    for (const { init } of started) init.kill("SIGTERM");
    await Promise.all(started.map(({ init }) => init.exited));
  }
}

function start(name: string, words: readonly string[], payload: string) {
  const init = Bun.spawn([...words, payload, "idle"], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  return { name, init };
}

async function untilProgramRuns(name: string, stdout: ReadableStream<Uint8Array>): Promise<void> {
  const { done } = await stdout.getReader().read();
  if (done) throw new Error(`the program behind ${name} ended instead of waiting`);
}

function threads(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`);
}

/** Of every thread. One that sleeps through has none; a thread that comes or goes in between shows as well. */
function contextSwitches(pid: number): number {
  return threads(pid)
    .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8"))
    .flatMap((status) => [...status.matchAll(/^(?:non)?voluntary_ctxt_switches:\s+(\d+)$/gm)])
    .reduce((sum, [, count]) => sum + Number(count), 0);
}

/** The pages that a process could write to without sharing them: what RLIMIT_AS and overcommit_memory=2 count. */
function writableKb(pid: number): number {
  let bytes = 0;
  for (const [, from = "", to = ""] of readFileSync(`/proc/${pid}/maps`, "latin1").matchAll(
    /^(\w+)-(\w+) .w.p/gm,
  ))
    bytes += Number.parseInt(to, 16) - Number.parseInt(from, 16);
  return bytes / 1024;
}

/** Anonymous counts pages of files that were written to as well: they are this process's own from then on. */
export function memoryOf(pid: number): Pick<Waiting, "anonymousKb" | "fileBackedKb"> {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const kb = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(rollup)?.[1]);
  return { anonymousKb: kb("Anonymous"), fileBackedKb: kb("Rss") - kb("Anonymous") };
}
