// Times taken by runner.c: a start of one of Bun's child processes is itself noisier than what is measured.

import { type Figure, summarize } from "./figures.ts";
import { INITS, type Init, NO_INIT, STATIC } from "./inits.ts";
import type { Programs } from "./programs.ts";

export const NOOP = "Bun no-op";

/** The whole life of an init whose program ends at once. */
export function timeWholeProcess(programs: Programs, rounds: number): Figure {
  const noop = { name: NOOP, words: [programs.noop] };
  const inits = INITS.map((init) =>
    init.name === "fdinit" ? { ...init, words: [programs.fdinit, "--"] } : init,
  );
  // The memory that a large process leaves the kernel to free costs the process that runs next time: a small one, after the no-op and after
  // fdinit alike (the rounds follow one another).
  const commands = [
    ...commandsOf(inits, ["/bin/true"]),
    { init: noop, words: noop.words },
    ...commandsOf([NO_INIT], ["/bin/true"]),
  ];
  return {
    title: "start, run /bin/true, end",
    unit: "ms",
    values: run(programs, "whole", rounds, commands, 1e6),
    goal: { atMost: 1.6, times: NOOP },
    staticGoal: { atMost: 1.5, times: "tini" },
  };
}

export function timeStart(programs: Programs, rounds: number): Figure {
  return {
    title: "start to the program's first instruction",
    unit: "ms",
    values: run(programs, "start", rounds, commandsOf([...INITS, NO_INIT], [programs.payload]), 1e6),
    staticGoal: { atMost: 2, times: "tini" },
  };
}

/** fdinit with a policy as an image has one; the others, which have none, as they are. */
export function timePolicy(programs: Programs, rounds: number): Figure {
  const isFdinit = ({ name }: Init) => name === "fdinit" || name === STATIC;
  const inits = INITS.map((init) => {
    const words =
      isFdinit(init) && init.words
        ? [...init.words.slice(0, 1), "--policy", programs.policy, "--"]
        : init.words;
    return { name: init.name, words };
  });
  return {
    title: "start with a policy, to the program's first instruction",
    unit: "ms",
    values: run(programs, "start", rounds, commandsOf(inits, [programs.payload]), 1e6),
  };
}

export function timeSignals(programs: Programs, rounds: number): Figure {
  const commands = commandsOf([...INITS, NO_INIT], [programs.payload, "signals"]);
  return {
    title: "a signal, through the init, to the program",
    unit: "µs",
    values: run(programs, "signals", rounds, commands, 1e3),
    goal: { atMost: 1.3, times: "tini" },
    staticGoal: { atMost: 1.1, times: "tini" },
  };
}

export interface Command {
  readonly init: Pick<Init, "name">;
  readonly words: readonly string[];
}

function commandsOf(inits: readonly Init[], program: readonly string[]): Command[] {
  return inits.flatMap((init) => (init.words ? [{ init, words: [...init.words, ...program] }] : []));
}

function run(
  programs: Programs,
  mode: "whole" | "start" | "signals",
  rounds: number,
  commands: readonly Command[],
  unitNs: number,
): Figure["values"] {
  const samples = sample(programs, mode, rounds, commands, unitNs);
  return new Map(commands.map(({ init }, index) => [init.name, summarize(samples[index] ?? [])]));
}

/** The time of each command, in the order of the commands. */
export function sample(
  programs: Programs,
  mode: "whole" | "start" | "between" | "signals",
  rounds: number,
  commands: readonly Command[],
  unitNs: number,
): number[][] {
  const warmup = Math.ceil(rounds / 10);
  const words = commands.flatMap((command, index) => [...(index ? [";;"] : []), ...command.words]);
  const runner = Bun.spawnSync([programs.runner, mode, String(warmup), String(rounds), ...words], {
    stderr: "inherit",
    timeout: 300_000,
  });
  if (!runner.success) throw new Error(`the ${mode} runner failed`);
  const samples: number[][] = commands.map(() => []);
  for (const line of runner.stdout.toString().trim().split("\n")) {
    const [index = Number.NaN, ns = Number.NaN] = line.split(",").map(Number);
    samples[index]?.push(ns / unitNs);
  }
  return samples;
}
