// Several services beside the supervisors that are used for them in containers: until the last of them runs, memory for each,
// wake-ups while idle, and the stop of all. Every service is the same shell script, which becomes the payload.

import { dlopen, ptr } from "bun:ffi";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "../scripts/build.ts";
import { type Figure, summarize } from "./figures.ts";
import { INITS, STATIC } from "./inits.ts";
import type { Programs } from "./programs.ts";

const FDINIT = "fdinit";
const PEERS = ["s6-svscan", "runsvdir", "supervisord", STATIC] as const;
const COUNTS = [1, 10, 50];
const DEADLINE_MS = 60_000;
const SETTLE_MS = 1_500;
const IDLE_MS = 3_000;
const MOMENT_BYTES = 8;

/** How a supervisor is called for so many services whose script is `run`. */
type Preparation = (directory: string, count: number, run: string) => string[];

interface Round {
  readonly startMs: number;
  readonly stopMs: number;
  readonly kb: number;
  readonly wakeUps: number;
}

export async function measureServices(programs: Programs, rounds: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  const memory = new Map<string, number[]>();
  for (const count of COUNTS) {
    const seen = new Map<string, Round[]>();
    for (let round = 0; round < rounds; round++)
      for (const [name, prepare] of supervisors()) {
        const isLast = round === rounds - 1;
        const measured = await watch(prepare, count, programs.payload, isLast);
        seen.set(name, [...(seen.get(name) ?? []), measured]);
        if (isLast) memory.set(name, [...(memory.get(name) ?? []), measured.kb]);
      }
    const values = (of: (round: Round) => number) =>
      new Map(
        [...seen].map(([name, all]) => [name, summarize(all.map(of).filter((one) => !Number.isNaN(one)))]),
      );
    const goal = { atMost: 1.5, times: "s6-svscan" };
    const named = count === 1 ? "1 service" : `${count} services`;
    figures.push(
      {
        title: `until the last of ${named} runs`,
        unit: "ms",
        values: values((r) => r.startMs),
        goal,
        peers: PEERS,
      },
      { title: `stop of ${named}`, unit: "ms", values: values((r) => r.stopMs), peers: PEERS },
      {
        title: `wake-ups in ${IDLE_MS / 1000} s, ${named}`,
        unit: "",
        values: values((r) => r.wakeUps),
        goal: { atMost: 0 },
        peers: PEERS,
      },
    );
  }
  // One service alone is supervised by a loop of its own: what a further one costs shows between ten and fifty.
  const each = new Map(
    [...memory].map(([name, [, some = 0, most = 0]]) => [name, summarize([(most - some) / 40])]),
  );
  figures.push({
    title: "memory for each service",
    unit: "kB",
    values: each,
    goal: { atMost: 60 },
    peers: PEERS,
  });
  return figures;
}

function supervisors(): Map<string, Preparation> {
  const found = new Map<string, Preparation>([[FDINIT, fdinit(EXECUTABLE)]]);
  const fixed = INITS.find(({ name }) => name === STATIC)?.words?.[0];
  if (fixed !== undefined) found.set(STATIC, fdinit(fixed));
  const others: Record<string, Preparation> = { "s6-svscan": scanned, runsvdir: scanned, supervisord };
  for (const [name, prepare] of Object.entries(others)) {
    const path = Bun.which(name);
    if (path !== null) found.set(name, (...given) => [path, ...prepare(...given)]);
  }
  return found;
}

function fdinit(executable: string): Preparation {
  return (directory, count, run) => {
    const services = Array.from(
      { length: count },
      (_, index) => `  s${index}:\n    command: [${JSON.stringify(run)}]\n`,
    );
    const file = join(directory, "policy.yaml");
    writeFileSync(file, `version: 1\nintent: performance\nservices:\n${services.join("")}`);
    return [executable, "--policy", file];
  };
}

/** A folder of service folders, as s6 and runit have it. */
function scanned(directory: string, count: number, run: string): string[] {
  const folder = join(directory, "scan");
  for (let index = 0; index < count; index++) {
    mkdirSync(join(folder, `s${index}`), { recursive: true });
    const file = join(folder, `s${index}`, "run");
    writeFileSync(file, `#!/bin/sh\nexec ${run}\n`);
    chmodSync(file, 0o755);
  }
  return [folder];
}

function supervisord(directory: string, count: number, run: string): string[] {
  const programs = Array.from(
    { length: count },
    (_, index) => `[program:s${index}]\ncommand=${run}\nstartsecs=0\n`,
  );
  const own = `[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=${directory}/pid\nuser=root\n`;
  const file = join(directory, "supervisord.conf");
  writeFileSync(file, own + programs.join(""));
  return ["-c", file];
}

async function watch(prepare: Preparation, count: number, payload: string, isWhole: boolean): Promise<Round> {
  const directory = mkdtempSync(join(tmpdir(), "fdinit-bench-services-"));
  const moments = join(directory, "moments");
  const run = join(directory, "run");
  writeFileSync(moments, "");
  writeFileSync(run, `#!/bin/sh\nexec ${payload} idle >>${moments}\n`);
  chmodSync(run, 0o755);
  const words = prepare(directory, count, run);
  const began = monotonic();
  const supervisor = Bun.spawn(words, { stdio: ["ignore", "ignore", "ignore"] });
  try {
    const last = await untilAllRun(moments, count);
    const idle = isWhole ? await rest(supervisor.pid, payload) : { kb: Number.NaN, wakeUps: Number.NaN };
    const all = treeOf(supervisor.pid);
    const asked = performance.now();
    // runit ends its services on SIGHUP only.
    supervisor.kill(words[0]?.endsWith("runsvdir") ? "SIGHUP" : "SIGTERM");
    await supervisor.exited;
    await untilGone(all);
    return { startMs: Number(last - began) / 1e6, stopMs: performance.now() - asked, ...idle };
  } finally {
    supervisor.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  }
}

const { symbols } = dlopen("libc.so.6", { clock_gettime: { args: ["i32", "ptr"], returns: "i32" } });
const CLOCK_MONOTONIC = 1;

/** The payload's clock, in nanoseconds: Bun's own begins with the process. */
function monotonic(): bigint {
  const now = new BigInt64Array(2);
  if (symbols.clock_gettime(CLOCK_MONOTONIC, ptr(now)) !== 0) throw new Error("clock_gettime fails");
  return (now[0] as bigint) * 1_000_000_000n + (now[1] as bigint);
}

async function until(what: string, look: () => boolean): Promise<void> {
  for (const end = performance.now() + DEADLINE_MS; !look(); await Bun.sleep(1))
    if (performance.now() > end) throw new Error(`waited too long: ${what}`);
}

/** The moment of the last service's first instruction. */
async function untilAllRun(moments: string, count: number): Promise<bigint> {
  await until("all services run", () => Bun.file(moments).size >= count * MOMENT_BYTES);
  const bytes = readFileSync(moments);
  let last = 0n;
  for (let at = 0; at < bytes.length; at += MOMENT_BYTES) {
    const moment = bytes.readBigInt64LE(at);
    if (moment > last) last = moment;
  }
  return last;
}

/** s6-supervise and runsv outlive their parent until their service has ended. */
async function untilGone(pids: readonly number[]): Promise<void> {
  await until("all services have ended", () => !pids.some((pid) => existsSync(`/proc/${pid}/exe`)));
}

async function rest(pid: number, payload: string): Promise<Pick<Round, "kb" | "wakeUps">> {
  await Bun.sleep(SETTLE_MS);
  const own = treeOf(pid).filter((one) => !commandOf(one).includes(payload));
  const kb = own.reduce((sum, one) => sum + anonymousKb(one), 0);
  const before = own.reduce((sum, one) => sum + switches(one), 0);
  await Bun.sleep(IDLE_MS);
  return { kb, wakeUps: own.reduce((sum, one) => sum + switches(one), 0) - before };
}

function treeOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1").split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(treeOf)];
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, "latin1");
}

function anonymousKb(pid: number): number {
  return Number(/^Anonymous:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "latin1"))?.[1]);
}

function switches(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/status`, "latin1"))
    .flatMap((text) => [...text.matchAll(/^voluntary_ctxt_switches:\s+(\d+)$/gm)])
    .reduce((sum, [, count]) => sum + Number(count), 0);
}
