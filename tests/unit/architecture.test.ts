// Holds the table of rooms (CONTRIBUTING.md) against the imports: who may use whom, one file with
// bun:ffi, one file that ends the process, no file that does two jobs, no circle of imports, no room too full to find one's way in.

import { describe, expect, test } from "bun:test";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const ROOT = join(import.meta.dir, "../..");

/** Files of sys/ that hold data, types and pure functions: any room may import them. */
const PURE_SYS = [
  "descriptors/kinds",
  "facts",
  "kernel",
  "libc/constants",
  "libc/errno",
  "signals/signal-names",
  "text/bytes",
  "text/visible",
].map((name) => `init/sys/${name}.ts`);

/** The files a room may import from outside itself, as tests on the imported path. */
const ROOMS: Record<string, (path: string) => boolean> = {
  cli: (path) => path !== "init/sys/libc/libc.ts" && path !== "bun:ffi",
  policy: (path) => path === "yaml" || PURE_SYS.includes(path),
  plan: (path) => path === "init/policy/types.ts" || PURE_SYS.includes(path),
  launch: (path) => path === "init/plan/plan.ts" || PURE_SYS.includes(path),
  supervise: (path) => path === "init/plan/plan.ts" || PURE_SYS.includes(path),
  sys: (path) => path === "bun:ffi",
};

interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const sources: SourceFile[] = globSync("init/**/*.ts", { cwd: ROOT }).map((path) => {
  const text = readFileSync(join(ROOT, path), "utf8");
  const code = text.replace(/^\s*(\/\/|\*|\/\*).*$/gm, "");
  const found = [...code.matchAll(/(?:from|import|require\(|import\()\s*"([^"]+)"/g)].map(
    ([, name]) => name as string,
  );
  return {
    path,
    text,
    imports: found.map((name) => (name.startsWith(".") ? normalize(join(dirname(path), name)) : name)),
  };
});

function roomOf(path: string): string {
  return path.split("/")[1] as string;
}

/** The groups of files that reach one another: strongly connected components of more than one file (Tarjan). */
function circles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const indexes = new Map<string, number>();
  const path: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): number => {
    const index = indexes.size;
    indexes.set(file, index);
    path.push(file);
    let low = index;
    for (const next of edges.get(file) ?? []) {
      if (!edges.has(next)) continue;
      if (!indexes.has(next)) low = Math.min(low, visit(next));
      else if (path.includes(next)) low = Math.min(low, indexes.get(next) as number);
    }
    if (low === index) {
      const circle = path.splice(path.indexOf(file));
      if (circle.length > 1 || edges.get(file)?.includes(file)) found.push(circle.sort());
    }
    return low;
  };
  for (const file of edges.keys()) if (!indexes.has(file)) visit(file);
  return found;
}

test("a circle is found where there is one", () => {
  const edges: [string, string[]][] = [
    ["a", ["b", "elsewhere"]],
    ["b", ["c"]],
    ["c", ["b", "d"]],
    ["d", []],
    ["e", ["e"]],
  ];
  expect(circles(new Map(edges))).toEqual([["b", "c"], ["e"]]);
});

describe("the table of rooms", () => {
  test("finds the sources it is about", () => {
    expect(sources.map(({ path }) => path)).toContain("init/main.ts");
    expect(sources.find(({ path }) => path === "init/main.ts")?.imports.length).toBeGreaterThan(5);
    expect(new Set(sources.map(({ path }) => roomOf(path)))).toEqual(
      new Set([...Object.keys(ROOMS), "main.ts"]),
    );
  });

  for (const [room, mayImport] of Object.entries(ROOMS)) {
    test(`${room} imports only what it may`, () => {
      const broken = sources
        .filter(({ path }) => roomOf(path) === room)
        .flatMap(({ path, imports }) => imports.map((name) => ({ path, name })))
        .filter(({ name }) => !name.startsWith(`init/${room}/`) && !mayImport(name));
      expect(broken).toEqual([]);
    });
  }

  test("no files import each other in a circle, types included", () => {
    expect(circles(new Map(sources.map(({ path, imports }) => [path, imports])))).toEqual([]);
  });

  test("no room has more than fifteen files outside its sub-rooms", () => {
    const counts = new Map<string, number>();
    for (const path of globSync("init/**/*.*", { cwd: ROOT }))
      counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
    expect(counts.size).toBeGreaterThan(20);
    expect([...counts].filter(([, count]) => count > 15)).toEqual([]);
  });

  test("what few starts need is asked for in one way", () => {
    const others = ["init/cli/load-modules.ts", "init/policy/reading/yaml-document.ts"];
    const way = /^const \w+ = \(\) =>\s+require\("([^"]+)"\) as typeof import\("\1"\);$/gm;
    const asking = sources.filter(({ text }) => text.replace(/^\s*\/\/.*$/gm, "").includes("require("));
    expect(asking.length).toBeGreaterThan(10);
    const differing = asking.filter(({ text }) => text.replace(way, "").includes("require("));
    expect(differing.map(({ path }) => path).sort()).toEqual(others);
  });

  test("only main.ts loads the parsers and reports, and the plain policies", () => {
    const loaders = sources.filter(({ imports }) => imports.includes("init/cli/load-modules.ts"));
    expect(loaders.map(({ path }) => path)).toEqual(["init/main.ts"]);
  });

  test("only one file imports bun:ffi", () => {
    expect(sources.filter(({ imports }) => imports.includes("bun:ffi")).map(({ path }) => path)).toEqual([
      "init/sys/engine/bun/calls.ts",
    ]);
  });

  test("a path reaches the kernel through the door to paths alone, but for paths that nobody else can prepare", () => {
    const doors: Record<string, string> = {
      "paths/paths.ts": "the door",
      "paths/path-walk.ts": "the door",
      "paths/folders.ts": "below a directory opened through the door",
      "sockets/path-sockets.ts": "the door",
      "paths/files.ts": "/proc",
      "descriptors/inspect.ts": "/proc",
      "descriptors/writing.ts": "/proc",
      "paths/status.ts": "asks, and opens nothing",
      "descriptors/descriptors.ts": "/dev/null",
      "terminal/terminal.ts": "/dev/tty",
      "paths/root.ts": "/ and .",
      "self/own-process.ts": "/",
      "processes/child-calls.ts": "in the child, with its rights",
    };
    const passes =
      /SYS\.(openat2?|unlinkat|mkdirat|renameat2?|linkat|symlinkat|mknodat|fchmodat|fchownat|faccessat|readlinkat|newfstatat|statx|chdir|truncate)\b/;
    const passing = sources.filter(({ path, text }) => path.startsWith("init/sys/") && passes.test(text));
    expect(passing.length).toBeGreaterThan(5);
    const names = passing.map(({ path }) => path.slice("init/sys/".length));
    expect(names.filter((name) => !(name in doors))).toEqual([]);
  });

  /** The files that a module of the executable is made of. */
  function reachedFrom(entry: string): string[] {
    const reached = new Set<string>();
    const follow = (path: string) => {
      if (reached.has(path)) return;
      reached.add(path);
      const source = sources.find((known) => known.path === path);
      const typesOnly = [...(source?.text ?? "").matchAll(/^import type [^;]*? from "([^"]+)"/gms)].map(
        ([, name]) => normalize(join(dirname(path), name as string)),
      );
      for (const name of source?.imports ?? []) if (!typesOnly.includes(name)) follow(name);
    };
    follow(entry);
    expect(reached.size).toBeGreaterThan(20);
    return [...reached];
  }

  test("the executable's other modules do not reach libc, which would be there twice", () => {
    for (const entry of [
      "init/cli/plain-policies.ts",
      "init/cli/parsers-and-reports.ts",
      "init/cli/several-services.ts",
    ]) {
      const reached = reachedFrom(entry);
      expect(reached.filter((path) => path === "init/sys/libc/libc.ts" || path === "bun:ffi")).toEqual([]);
    }
  });

  test("the module of plain policies has neither the thorough reader nor the words of complaints about the shape", () => {
    const reached = reachedFrom("init/cli/plain-policies.ts");
    const heavy =
      /^yaml$|yaml-document|policy\/advice|generated\/schema-keys|shape\/validate|wording\/render/;
    expect(reached.filter((path) => heavy.test(path))).toEqual([]);
  });

  test("the module of several services has neither the thorough reader nor reports", () => {
    const reached = reachedFrom("init/cli/several-services.ts");
    const heavy =
      /^yaml$|cli\/reports|policy\/load|generated\/schema|wording\/render|refusal\.ts$|launch-failure/;
    expect(reached.filter((path) => heavy.test(path))).toEqual([]);
  });

  test("no test imports what takes over the signals of its process: a runner that collects garbage would end", () => {
    const files = globSync("tests/**/*.ts", { cwd: ROOT });
    const importing = files.filter((file) =>
      /^(?:import|export) .*from "[./]*\/init\/(?:main|sys\/linux|sys\/first)\.ts"/m.test(
        readFileSync(join(ROOT, file), "utf8"),
      ),
    );
    expect(files.length).toBeGreaterThan(100);
    expect(importing).toEqual([]);
  });

  test("only main.ts ends the process", () => {
    const enders = sources.filter(({ text }) => /process\.exit|exitNow\(/.test(text)).map(({ path }) => path);
    expect(enders.sort()).toEqual(["init/main.ts", "init/sys/self/process.ts"]);
  });

  test("libc is named in one place", () => {
    expect(sources.filter(({ text }) => /"libc\./.test(text)).map(({ path }) => path)).toEqual([
      "init/sys/engine/bun/calls.ts",
    ]);
  });

  test("no file has more than 400 lines, and main.ts tells its story in 64", () => {
    const lines = (path: string) =>
      sources
        .find((source) => source.path === path)
        ?.text.trimEnd()
        .split("\n").length ?? 0;
    expect(
      sources
        .filter(({ path }) => !path.includes("/generated/") && lines(path) > 400)
        .map(({ path }) => path),
    ).toEqual([]);
    expect(lines("init/main.ts")).toBeLessThanOrEqual(64);
  });

  test("nothing outside the seam uses what only one of the engines has", () => {
    const onlyBuns = /\b(?:TextEncoder|TextDecoder|structuredClone|Intl|Buffer)\b|\bBun\./;
    const offenders = sources
      .filter(({ path }) => !path.startsWith("init/sys/engine/bun/") && !path.includes("/generated/"))
      .filter(({ text }) => onlyBuns.test(text.replace(/^\s*(\/\/|\*|\/\*).*$|"(?:[^"\\]|\\.)*"/gm, "")))
      .map(({ path }) => path);
    expect(offenders).toEqual([]);
  });

  test("every file opens by saying what it is for", () => {
    const silent = sources.filter(
      ({ path, text }) => !path.includes("/generated/") && !text.startsWith("// "),
    );
    expect(silent.map(({ path }) => path)).toEqual([]);
  });
});
