// ARCHITECTURE.md names files and functions. This holds the page against the tree: each path is a file, and each function that
// the page finds in a file is defined there.

import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const page = readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8");

/** `init/plan/build.ts`, `schema/policy.schema.json`: every path of a file in the text. */
function pathsIn(text: string): string[] {
  return [...text.matchAll(/\b(?:init|scripts|tests|schema)\/[\w./-]*\.(?:ts|json)\b/g)].map(
    ([path]) => path,
  );
}

test("ARCHITECTURE.md names only files that exist", () => {
  const paths = [...new Set(pathsIn(page))];
  expect(paths.length).toBeGreaterThan(40);
  expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test("each function that ARCHITECTURE.md places in a file is defined in that file", () => {
  const flat = page.replace(/\s+/g, " ");
  const named = [...flat.matchAll(/`(\w+)(?:\(\))?` of `(init\/[\w./-]+\.ts)`/g)];
  expect(named.length).toBeGreaterThan(20);
  const missing = named.filter(([, name, path]) => !defines(path as string, name as string));
  expect(missing.map(([text]) => text)).toEqual([]);
});

/** A function, method, type or re-export called `name`. */
function defines(path: string, name: string): boolean {
  const text = readFileSync(join(ROOT, path), "utf8");
  return new RegExp(
    `(?:function|interface|type|class) ${name}\\b|^  (?:private )?${name}\\(|^export \\{[^}]*\\b${name}\\b`,
    "m",
  ).test(text);
}

test("a start is followed through every room", () => {
  const rooms = new Set(pathsIn(page).map((path) => path.split("/").slice(0, 2).join("/")));
  for (const room of ["cli", "policy", "plan", "launch", "supervise", "sys"])
    expect([...rooms]).toContain(`init/${room}`);
});
