// Everything a test starts or makes is registered here and gone after it: processes killed by their
// own pid, directories removed. A process that survives by itself is a failure of the test.

import { dlopen } from "bun:ffi";
import { afterEach, expect } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PR_SET_CHILD_SUBREAPER = 36;
const { symbols: libc } = dlopen("libc.so.6", {
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
  waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
});

// Processes that a test leaves behind are adopted by the test process, and so can be found.
libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);

const DYING_MS = 2000;

interface Ends {
  readonly pid: number;
  readonly exited: Promise<unknown>;
  kill(signal: number): void;
}

const started = new Set<Ends>();
const directories = new Set<string>();

/** Has `process` killed after the test when it still runs then. */
export function register<T extends Ends>(process: T): T {
  started.add(process);
  return process;
}

const lasting = new Set<number>();

/** Lets a process that one of several tests started run on after it; who calls this ends it. */
export function letLast(pid: number): void {
  lasting.add(pid);
}

/** A directory of the test's own, removed after it. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "fdinit-test-"));
  directories.add(directory);
  return directory;
}

/** Ends and removes all that was registered; answers what else was left running. */
export async function cleanUp(): Promise<string[]> {
  for (const process of started) process.kill(9);
  await Promise.all([...started].map(({ exited }) => exited));
  const known = new Set([...started].map(({ pid }) => pid));
  started.clear();
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  directories.clear();
  const left = () => childrenOf(process.pid).filter((pid) => !known.has(pid) && !lasting.has(pid));
  // Processes killed with their namespace may take a moment to end.
  const end = performance.now() + DYING_MS;
  while (left().some((pid) => !hasEnded(pid)) && performance.now() < end) await Bun.sleep(1);
  return left().flatMap(bury);
}

function hasEnded(pid: number): boolean {
  return /\) [ZX] /.test(stat(pid));
}

function stat(pid: number): string {
  return readFileSync(`/proc/${pid}/stat`, "latin1");
}

/** Reaps a process that was adopted; one that still runs is killed and named. */
function bury(pid: number): string[] {
  const running = hasEnded(pid) ? [] : [stat(pid).replace(/\).*/s, ")")];
  process.kill(pid, 9);
  libc.waitpid(pid, null, 0);
  return running;
}

/** The children of every thread of a process, in the order they were made. */
export function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "latin1").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return []; // it has ended meanwhile
  }
}

/** To be called once in each test file: cleans up after each test, and fails it for what was left running. */
export function leaveNothingBehind(): void {
  afterEach(async () => {
    expect(await cleanUp()).toEqual([]);
  });
}
