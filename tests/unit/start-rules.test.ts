// Holds the rules of CONTRIBUTING.md ("Rules that keep PID 1 small") about the way of every start: by the text of the files that
// every start loads, and by a start from source in which functions that are slow at first use report their caller.

import { expect, test } from "bun:test";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const MAIN = join(ROOT, "init/main.ts");
const transpiler = new Bun.Transpiler({ loader: "ts" });

/** The text without comments. */
const codeOf = (file: string) => readFileSync(file, "utf8").replace(/^\s*(\/\/|\*|\/\*).*$|\s\/\/ .*$/gm, "");

/** The file and everything that it imports, but for what stands behind a require(). */
function loadedWith(entry: string, loaded = new Set<string>()): Set<string> {
  if (loaded.has(entry)) return loaded;
  loaded.add(entry);
  for (const { kind, path } of transpiler.scanImports(readFileSync(entry, "utf8"))) {
    if (kind === "require-call" || !path.startsWith(".")) continue;
    loadedWith(join(dirname(entry), path), loaded);
  }
  return loaded;
}

const ofEveryStart = [...loadedWith(MAIN)];
const all = globSync("init/**/*.ts", { cwd: ROOT })
  .filter((path) => !path.includes("/generated/"))
  .map((path) => join(ROOT, path));

function using(files: readonly string[], pattern: RegExp): string[] {
  return files.filter((file) => pattern.test(codeOf(file))).map((file) => relative(ROOT, file));
}

test("the first import of main.ts blocks the signals, and loads files of sys/ only", () => {
  const [first] = /^import .*$/m.exec(readFileSync(MAIN, "utf8")) ?? [];
  const path = /"(\.\/sys\/[\w/]*first\.ts)"/.exec(first ?? "")?.[1] ?? "no first.ts";
  const loaded = [...loadedWith(join(dirname(MAIN), path))].map((file) => relative(ROOT, file));
  expect(loaded.length).toBeGreaterThan(5);
  expect(loaded.filter((file) => !file.startsWith("init/sys/"))).toEqual([]);
});

test("no file that every start loads uses node:*, Buffer, generators, or more of process than its arch", () => {
  expect(ofEveryStart.length).toBeGreaterThan(40);
  expect(
    using(
      ofEveryStart,
      /"node:|\bBuffer\b|\bfunction\*|^ +\*\w+\(|\byield\b|\bprocess\.(?:argv|cwd|env|exit|kill|nextTick|on|platform|std\w+)\b/m,
    ),
  ).toEqual([]);
});

test("no file returns to the engine's event loop: no promise, no timer", () => {
  expect(
    using(all, /\basync\b|\bawait\b|\bnew Promise\b|\bPromise\.|\bset(?:Timeout|Interval|Immediate)\(/),
  ).toEqual([]);
});

test("private members are not written with #, which Closure Compiler does not know", () => {
  expect(using(all, /this\.#|^ +(?:static |readonly )*#\w/m)).toEqual([]);
});

test("no file exports a let: a bundle of the static executable is given values", () => {
  expect(using(all, /^export let /m)).toEqual([]);
});

test("errno is read in the engine's room alone", () => {
  const readers = using(all, /__errno_location/);
  expect(readers.length).toBe(1);
  expect(readers.filter((file) => !/^init\/sys\/(?:\w+\/)*engine\//.test(file))).toEqual([]);
});

/** Run before main.ts: each of these functions writes down the file of init/ that calls it. */
const PRELOAD = `
import { appendFileSync } from "node:fs";
let isInside = false;
function watch(owner, label, name) {
  const original = owner[name];
  owner[name] = function (...given) {
    if (!isInside) {
      isInside = true;
      const caller = String(String(new Error().stack).split("\\n")[2]);
      const [, by, file] = /at (\\S+) \\(\\S*\\/init\\/(\\S+?):/.exec(caller) ?? [];
      if (file) appendFileSync(process.env.CALLS, label + "." + name + " " + by + " " + file + "\\n");
      isInside = false;
    }
    return Reflect.apply(original, this, given);
  };
}
for (const name of ["map", "filter", "find", "some", "flatMap", "at"]) watch(Array.prototype, "Array", name);
for (const name of ["exec", "test"]) watch(RegExp.prototype, "RegExp", name);
for (const name of ["floor", "round"]) watch(Math, "Math", name);
`;

/** From source, threads of Bun's exist before the first statement, so fdinit starts a second time: its calls, by function. */
const OF_A_SECOND_START = ["parseSignalSet", "readOwnLink", "stringsWithoutMask", "environmentVector"];

test("a plain start calls nothing before its program runs that is slow when it is first called", () => {
  const folder = mkdtempSync(join(tmpdir(), "fdinit-start-rules-"));
  try {
    const calls = join(folder, "calls");
    const preload = join(folder, "preload.ts");
    writeFileSync(calls, "");
    writeFileSync(preload, PRELOAD);
    // Bun takes BUN_OPTIONS for arguments, and the command line has only fdinit's own.
    const run = Bun.spawnSync([process.execPath, "--", "echo", "ran"], {
      stdin: "ignore",
      env: { PATH: process.env["PATH"], CALLS: calls, BUN_OPTIONS: `--preload ${preload} ${MAIN}` },
    });
    expect(`${run.stdout}${run.stderr}`).toBe("ran\n");
    const lines = readFileSync(calls, "utf8").trim().split("\n");
    // The way of a second start shows that the watching works.
    expect(lines.some((line) => line.includes("parseSignalSet"))).toBe(true);
    const slow = lines.filter((line) => {
      const [, by = "", file = ""] = line.split(" ");
      return !OF_A_SECOND_START.includes(by) && !file.startsWith("supervise/");
    });
    expect([...new Set(slow)]).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
