// The cost of closing and marking inherited descriptors, after start-up: the time from the exec of the init to the
// program's first instruction with N files open, less the same with none and nothing to close. Beside a C program
// that makes the one system call, Python's subprocess with close_fds=True, and a loop of close(2) over the limit.

import { EXECUTABLE } from "../scripts/build.ts";
import { type Figure, summarize, type Value } from "./figures.ts";
import { INITS, STATIC } from "./inits.ts";
import type { Programs } from "./programs.ts";
import { type Command, sample } from "./timing.ts";

const COUNTS = [10, 1_000, 10_000];
const FEW = 10;
/** The limit that moby grants and many a container has: every number below it is tried by the loop. */
const HIGH_LIMIT = 1_048_576;
/** As many as are open, and the standard three, and the runtime's and fdinit's own. */
const LEAST_LIMIT = 20_000;
const MS = 1e6;

interface Way {
  readonly name: string;
  /** The words before the program's own; undefined: not installed. */
  readonly words: readonly string[] | undefined;
  /** The same without closing anything, where that can be had. */
  readonly idle?: readonly string[] | undefined;
}

const ONE_CALL = "C, one call";
const TWO_CALLS = "C, two calls each";
const PYTHON = "Python, close_fds";
const LOOP = "C, loop to 1,048,576";

export function timeDescriptors(programs: Programs, rounds: number): Figure[] {
  const { descriptors, closeByNumber } = programs;
  const staticWords = INITS.find(({ name }) => name === STATIC)?.words?.slice(0, 1);
  const others: Way[] = [
    { name: PYTHON, words: python(true), idle: python(false) },
    { name: LOOP, words: [descriptors, "loop", String(HIGH_LIMIT)], idle: [descriptors, "close"] },
  ];
  const marking: Way[] = [
    { name: "fdinit", words: [EXECUTABLE, "--intent", "performance", "--"] },
    { name: STATIC, words: staticWords && [...staticWords, "--intent", "performance", "--"] },
    { name: ONE_CALL, words: [descriptors, "mark"] },
  ];
  const closing: Way[] = [
    { name: "fdinit", words: [EXECUTABLE, "--policy", closeByNumber, "--"] },
    { name: STATIC, words: staticWords && [...staticWords, "--policy", closeByNumber, "--"] },
    { name: ONE_CALL, words: [descriptors, "close"] },
    ...others,
  ];
  const judging: Way[] = [
    { name: "fdinit", words: [EXECUTABLE, "--intent", "security", "--"] },
    { name: STATIC, words: staticWords && [...staticWords, "--intent", "security", "--"] },
    { name: TWO_CALLS, words: [descriptors, "judge"] },
    ...others,
  ];
  return [
    ...differences(programs, rounds, "marked (intent performance)", marking, ONE_CALL, 1.3),
    ...differences(programs, rounds, "closed by number", closing, ONE_CALL, 1.3),
    ...differences(
      programs,
      Math.ceil(rounds / 3),
      "classified and closed (intent security)",
      judging,
      TWO_CALLS,
      2,
    ),
  ];
}

/** One figure for each number of descriptors. */
function differences(
  programs: Programs,
  rounds: number,
  what: string,
  ways: readonly Way[],
  inC: string,
  atMost: number,
): Figure[] {
  const peers = [inC, STATIC, PYTHON, LOOP];
  const installed = ways.filter(({ words }) => words !== undefined);
  const counts = [0, ...COUNTS];
  const commands = counts.flatMap((count) =>
    installed.map(({ name, words, idle = words }) =>
      opening(programs, count, 0, { name, words: count === 0 ? idle : words }),
    ),
  );
  const samples = sample(programs, "between", rounds, commands, MS);
  const of = (count: number, way: number) => samples[counts.indexOf(count) * installed.length + way] ?? [];
  return COUNTS.map((count) => ({
    title: `${count.toLocaleString("en")} descriptors ${what}`,
    unit: "ms",
    values: new Map(installed.map(({ name }, way) => [name, less(of(count, way), of(0, way))])),
    peers,
    ...(count === 10_000 ? { goal: { atMost, times: inC }, staticGoal: { atMost, times: inC } } : {}),
  }));
}

/** The start itself, as the limit of open files grows: it should not. */
export function timeLimits(programs: Programs, rounds: number): Figure {
  const ways: Way[] = [
    { name: "fdinit", words: [EXECUTABLE, "--intent", "performance", "--"] },
    { name: ONE_CALL, words: [programs.descriptors, "mark"] },
    { name: PYTHON, words: python(true) },
  ];
  const installed = ways.filter(({ words }) => words !== undefined);
  const high = canRaise(programs) ? HIGH_LIMIT : LEAST_LIMIT;
  const limits = [1024, high];
  const commands = limits.flatMap((limit) => installed.map((way) => opening(programs, FEW, limit, way)));
  const loops = limits.map((limit) =>
    opening(programs, FEW, 0, { name: LOOP, words: [programs.descriptors, "loop", String(limit)] }),
  );
  const samples = sample(programs, "between", rounds, [...commands, ...loops], MS);
  const [first, second] = [samples.slice(0, installed.length), samples.slice(installed.length)];
  const values = new Map(
    installed.map(({ name }, way) => [name, less(second[way] ?? [], first[way] ?? [])] as const),
  );
  const [low = [], above = []] = samples.slice(-2);
  return {
    title: `10 descriptors marked, soft limit ${high.toLocaleString("en")} instead of 1,024`,
    unit: "ms",
    values: values.set(LOOP, less(above, low)),
    peers: [ONE_CALL, PYTHON, LOOP],
  };
}

function opening({ descriptors, payload }: Programs, count: number, limit: number, way: Way): Command {
  const words = [descriptors, "open", String(count), String(limit), ...(way.words ?? []), payload];
  return { init: { name: way.name }, words };
}

/** The samples less the median of what they are compared with: below zero when noise is all there is. */
function less(samples: readonly number[], base: readonly number[]): Value {
  const { median } = summarize(base);
  return summarize(samples.map((value) => value - median));
}

function canRaise({ descriptors }: Programs): boolean {
  const tried = Bun.spawnSync([descriptors, "open", "0", String(HIGH_LIMIT), "/bin/true"]);
  return tried.success;
}

/** The interpreter itself, which a version manager may have hidden behind a script. */
function python(closes: boolean): readonly string[] | undefined {
  const asked = Bun.which("python3")
    ? Bun.spawnSync(["python3", "-c", "import sys; print(sys.executable)"])
    : undefined;
  if (!asked?.success) return undefined;
  const script = `import subprocess, sys; subprocess.run(sys.argv[1:], close_fds=${closes ? "True" : "False"})`;
  return [asked.stdout.toString().trim(), "-I", "-S", "-c", script];
}
