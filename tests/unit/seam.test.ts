// The seam between fdinit and its engine: both sides export the same names with the same types, and nothing outside
// init/sys/engine knows which side it has.

import { expect, test } from "bun:test";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const INIT = join(import.meta.dir, "../../init");
const ENGINE = join(INIT, "sys/engine");

/** A side of the seam that has everything the seam hands on, with the same types: the compiler holds this. */
type Side<Seam, _Other extends Seam> = Seam;
type Parts = {
  calls: Side<
    typeof import("../../init/sys/engine/calls.ts"),
    typeof import("../../init/sys/engine/quickjs/calls.ts")
  >;
  child: Side<
    typeof import("../../init/sys/engine/child.ts"),
    typeof import("../../init/sys/engine/quickjs/child.ts")
  >;
  descriptors: Side<
    typeof import("../../init/sys/engine/descriptors.ts"),
    typeof import("../../init/sys/engine/quickjs/descriptors.ts")
  >;
  process: Side<
    typeof import("../../init/sys/engine/process.ts"),
    typeof import("../../init/sys/engine/quickjs/process.ts")
  >;
  text: Side<
    typeof import("../../init/sys/engine/text.ts"),
    typeof import("../../init/sys/engine/quickjs/text.ts")
  >;
};
const PARTS: Record<keyof Parts, true> = {
  calls: true,
  child: true,
  descriptors: true,
  process: true,
  text: true,
};

test("has the parts whose types are compared here, each a choice of a file and nothing else", () => {
  const parts = globSync("*.ts", { cwd: ENGINE }).filter((file) => file !== "image.ts");
  expect(parts.map((file) => file.replace(".ts", "")).sort()).toEqual(Object.keys(PARTS).sort());
  for (const part of parts) {
    const code = readFileSync(join(ENGINE, part), "utf8").replace(/^\/\/.*\n/gm, "");
    expect(code.trim()).toMatch(new RegExp(`^export \\{[^}]*\\} from "\\./bun/${part}";$`));
  }
});

test("has a host in C of at most 400 lines, each file of which opens by saying what it is for", () => {
  const host = join(INIT, "../engine");
  const texts = globSync("*", { cwd: host }).map((file) => readFileSync(join(host, file), "utf8"));
  expect(texts.length).toBe(3);
  for (const text of texts) expect(text).toStartWith("// ");
  expect(texts.join("").trimEnd().split("\n").length).toBeLessThanOrEqual(400);
});

// `new RegExp` is among them: QuickJS has it only once reports or several services are loaded, and throws before.
test("is all there is of an engine: no file outside it asks for what only one engine has", () => {
  const found: string[] = [];
  for (const file of globSync("**/*.ts", { cwd: INIT }).filter((file) => !file.startsWith("sys/engine/"))) {
    const code = readFileSync(join(INIT, file), "utf8").replace(/^\s*(\/\/|\*|\/\*).*$/gm, "");
    const foreign =
      /\b(Bun\.\w+|TextEncoder|TextDecoder|structuredClone|Intl|RegExp\.escape|Buffer|setTimeout|console|performance\.now|new RegExp)\b(?!["':])|"node:/g;
    for (const [name] of code.matchAll(foreign)) found.push(`${file}: ${name}`);
  }
  expect(found).toEqual([]);
});

test("is passed only through its parts", () => {
  const around = globSync("**/*.ts", { cwd: INIT }).filter((file) => !file.startsWith("sys/engine/"));
  expect(around.length).toBeGreaterThan(100);
  const reached = around.filter((file) =>
    /from "[^"]*\/(bun|quickjs)\/|require\("[^"]*\/(bun|quickjs)\//.test(
      readFileSync(join(INIT, file), "utf8"),
    ),
  );
  expect(reached).toEqual([]);
  for (const [side, other] of [
    ["bun", "quickjs"],
    ["quickjs", "bun"],
  ] as const)
    for (const file of globSync(`${side}/**/*.ts`, { cwd: ENGINE }))
      expect(readFileSync(join(ENGINE, file), "utf8")).not.toContain(`/${other}/`);
});
