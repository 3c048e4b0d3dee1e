// Benchmarks beside tini, dumb-init and catatonit, never tests: nothing fails when a goal is missed.
//
//   bun bench/run.ts [--quick] [--only whole|start|policy|size|idle|signals|orphans|descriptors]

import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { EXECUTABLE } from "../scripts/build.ts";
import { whyNotLinked } from "../scripts/static/link.ts";
import { buildStatic, isStaticStale } from "../scripts/static.ts";
import { staticTargetOfThisMachine } from "../scripts/targets.ts";
import { timeDescriptors, timeLimits } from "./descriptors.ts";
import type { Figure } from "./figures.ts";
import { measureIdle } from "./idle.ts";
import { timeOrphans } from "./orphans.ts";
import { compilePrograms, type Programs } from "./programs.ts";
import { describeMachine, keepResults, printTables } from "./report.ts";
import { measureServices } from "./services.ts";
import { measureFiles, tryLittleAddressSpace } from "./size.ts";
import { timePolicy, timeSignals, timeStart, timeWholeProcess } from "./timing.ts";

interface Extent {
  readonly starts: number;
  readonly signals: number;
  /** A period of 30 s, which is how often an allocator may look around, shows in the longer one. */
  readonly idleS: readonly number[];
  readonly orphanRounds: number;
  readonly orphans: number;
  readonly descriptorRounds: number;
  readonly serviceRounds: number;
}

const FULL: Extent = {
  starts: 150,
  signals: 500,
  idleS: [10, 40],
  orphanRounds: 5,
  orphans: 20_000,
  descriptorRounds: 30,
  serviceRounds: 9,
};
const QUICK: Extent = {
  starts: 30,
  signals: 100,
  idleS: [3],
  orphanRounds: 2,
  orphans: 2_000,
  descriptorRounds: 8,
  serviceRounds: 1,
};

type Measurement = (programs: Programs, extent: Extent) => Figure[] | Promise<Figure[]>;

const MEASUREMENTS: Readonly<Record<string, Measurement>> = {
  whole: (programs, { starts }) => [timeWholeProcess(programs, starts)],
  start: (programs, { starts }) => [timeStart(programs, starts)],
  policy: (programs, { starts }) => [timePolicy(programs, starts)],
  size: (programs) => [measureFiles(), tryLittleAddressSpace(programs)],
  idle: (programs, { idleS }) => measureIdle(programs, idleS),
  signals: (programs, { signals }) => [timeSignals(programs, signals)],
  orphans: async (programs, { orphanRounds, orphans }) => {
    const figures = await timeOrphans(programs, orphanRounds, orphans);
    if (figures.length === 0) console.log("No PID namespace is permitted here: orphans are not measured.");
    return figures;
  },
  services: (programs, { serviceRounds }) => measureServices(programs, serviceRounds),
  descriptors: (programs, { descriptorRounds }) => [
    ...timeDescriptors(programs, descriptorRounds),
    timeLimits(programs, descriptorRounds),
  ],
};

async function run(): Promise<void> {
  const { quick, measurements } = readOptions();
  await buildStaticWhereItCanBe();
  const started = new Date();
  console.log(describeMachine());
  using programs = compilePrograms();
  writeBackFreshFiles();
  const figures: Figure[] = [];
  console.log("Medians; in brackets how many times tini's, or the C program's.\n");
  let file = "";
  for (const measure of measurements) {
    // Each is said and kept as soon as it is there: the whole takes a quarter of an hour, and a run may be ended before.
    const measured = await measure(programs, quick ? QUICK : FULL);
    printTables(measured);
    figures.push(...measured);
    file = keepResults(figures, started);
  }
  console.log(`Written to ${file}`);
}

/** The column of the static executable is there where gcc, musl and QuickJS's source are. */
async function buildStaticWhereItCanBe(): Promise<void> {
  const target = staticTargetOfThisMachine();
  const why = whyNotLinked(target);
  if (why !== undefined) console.log(`The static executable is not measured: ${why}`);
  else if (isStaticStale(target)) await buildStatic(target);
}

function readOptions() {
  const { values } = parseArgs({
    args: Bun.argv.slice(2),
    options: { quick: { type: "boolean", default: false }, only: { type: "string" } },
  });
  if (!existsSync(EXECUTABLE)) stop("there is no dist/fdinit: bun run build");
  if (!Bun.which("gcc"))
    stop("gcc is needed, with a static libc (libc6-dev), for the programs that are measured with");
  const names = values.only === undefined ? Object.keys(MEASUREMENTS) : [values.only];
  const measurements = names.map(
    (name) => MEASUREMENTS[name] ?? stop(`--only is one of: ${Object.keys(MEASUREMENTS).join(", ")}`),
  );
  return { quick: values.quick, measurements };
}

/** A freshly written executable of a hundred megabytes starts more slowly until its pages are clean. */
function writeBackFreshFiles(): void {
  Bun.spawnSync(["sync"], { timeout: 120_000 });
}

function stop(message: string): never {
  console.error(`bench: ${message}`);
  process.exit(1);
}

await run();
