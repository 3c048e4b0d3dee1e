import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { asCommonJs, modulesBehindRequire, runWhereTheyStand } from "../../../scripts/bundle.ts";
import { ROOT } from "../../harness/fixtures.ts";

const init = join(ROOT, "init");

test("what is exported is handed out at the end, and nothing else changes", () => {
  const source =
    'import { a } from "./a.ts";\nexport interface I {}\nexport const one = a;\nexport function two() {}\nexport class Three {}\nfunction four() {}\n';
  expect(asCommonJs(source)).toBe(
    'import { a } from "./a.ts";\ninterface I {}\nconst one = a;\nfunction two() {}\nclass Three {}\nfunction four() {}\n\nmodule.exports = { one, two, Three };\n',
  );
});

test("a file that hands on another's exports stays as it is", () => {
  const source = 'export { A } from "./a.ts";\nexport const b = 1;\n';
  expect(asCommonJs(source)).toBe(source);
});

test("what it does not know how to hand out is refused", () => {
  const sources = [
    "export let one = 1;",
    "export const { a } = b;",
    "export const a = 1, b = 2;",
    "export async function f() {}",
    "export const a$ = 1;",
  ];
  for (const source of sources)
    expect(() => asCommonJs(`${source}\n`)).toThrow("not known how to make CommonJS of what exports");
});

test("what a start may never load is found behind require(), and what is imported anyway is not among it", () => {
  const behind = modulesBehindRequire(join(init, "main.ts")).map((file) => relative(init, file));
  for (const file of [
    "sys/descriptors/inspect.ts",
    "sys/sockets/inspect-sockets.ts",
    "sys/processes/child.ts",
    "launch/open.ts",
    "cli/check/check.ts",
  ])
    expect(behind).toContain(file);
  for (const file of ["sys/libc/libc.ts", "sys/processes/spawn.ts", "supervise/loop.ts", "main.ts"])
    expect(behind).not.toContain(file);
});

test("modules that every start loads run where they stand", () => {
  const bundled = [
    "var __esm = (f) => f;",
    "function size() {\n  return PAGE * HOW_MANY;\n}",
    'var PAGE = 4096, HOW_MANY = -2, name, TEXT = "a", changes = 0;',
    "var init_one = __esm(() => {\n  name = size();\n  if (name) {\n    name = 1;\n  }\n});",
    "var init_types = () => {};",
    "var init_two = __esm(() => {\n  init_one();\n  init_types();\n});",
    "var require_three = __commonJS(function(exports, module) {\n  init_one();\n  use(name);\n});",
  ].join("\n");
  expect(runWhereTheyStand(`${bundled}\n`)).toBe(
    [
      "var __esm = (f) => f;",
      "function size() {\n  return PAGE * HOW_MANY;\n}",
      'var PAGE = 4096, HOW_MANY = -2, name, TEXT = "a", changes = 0;',
      "  name = size();\n  if (name) {\n    name = 1;\n  }",
      "var require_three = __commonJS(function(exports, module) {\n  use(name);\n});\n",
    ].join("\n"),
  );
});

test("what the bundler writes in another way than expected is refused", () => {
  expect(() => runWhereTheyStand("var init_one = __esm(async () => {\n  a = 1;\n});\n")).toThrow(
    "has Bun changed?",
  );
  expect(() => runWhereTheyStand("var init_one = __esm(() => { a = 1; });\n")).toThrow("has Bun changed?");
  expect(() => runWhereTheyStand("if (a) init_one();\n")).toThrow("has Bun changed?");
});

test("a bundle has one machine's numbers, and keeps what holds memory for C", () => {
  const folder = mkdtempSync(join(tmpdir(), "fdinit-bundle-"));
  try {
    const bundled = Bun.spawnSync([process.execPath, join(ROOT, "scripts/bundle.ts"), "aarch64", folder]);
    expect({ code: bundled.exitCode, stderr: bundled.stderr.toString() }).toEqual({ code: 0, stderr: "" });
    const text = readFileSync(join(folder, "main.js"), "utf8");
    expect(text).toContain("openat:56"); // arm64's; x86-64's is 257
    expect(text).not.toContain("openat:257");
    expect(text).toContain("Bun.FFI");
    expect(text).not.toContain("bun:ffi");
    // keepAlive goes through blocks and asks for the address of each, and is called after posix_spawn.
    const keepAlive = /function (\w+)\(\.\.\.\w+\)\{for\(let \{bytes:\w+\} ?of \w+\)\w+\.ptr\(\w+\)\}/.exec(
      text,
    )?.[1];
    expect(keepAlive).toBeDefined();
    expect(text).toMatch(new RegExp(`\\.posix_spawn\\([^;]*;${keepAlive}\\(`));
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
