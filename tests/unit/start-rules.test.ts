// Holds the rules of CONTRIBUTING.md ("Rules that keep PID 1 small") about the way of every start, by the text of the files that
// every start loads.

import { expect, test } from "bun:test";
import { globSync, readFileSync } from "node:fs";
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
