// Compiles the C programs of tests/fixtures, once for each version of their source, statically, so
// that they run in any root file system.

import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { missing } from "./needs.ts";

export const ROOT = join(import.meta.dir, "..", "..");
export const FDINIT = process.env["FDINIT_BINARY"] ?? join(ROOT, "dist", "fdinit");

/** The engine of the executable under test: FDINIT_ENGINE=quickjs with FDINIT_BINARY means the static one. */
export const IS_QUICKJS = process.env["FDINIT_ENGINE"] === "quickjs";
/** How many descriptors the engine has open for itself. */
export const ENGINE_OWN = IS_QUICKJS ? 0 : 2;
/** The executable's name for its engine. */
export const ENGINE_NAME = IS_QUICKJS ? "QuickJS" : "Bun";

/** Whether it is musl's. */
export const IS_MUSL = process.env["FDINIT_BINARY"] !== undefined && existsSync(join(FDINIT, "../lib/ld.so"));

/** The kernel's name for the executable. */
export const COMMAND_NAME = basename(FDINIT).slice(0, 15);

const CACHE = join(ROOT, ".cache", "fixtures");

export type Fixture =
  | "hold"
  | "launch"
  | "numbers"
  | "probe"
  | "recorder"
  | "send"
  | "orphans"
  | "stream"
  | "pty"
  | "terminal"
  | "fault";

/** The path of a compiled fixture; "" when there is no compiler (its tests are skipped then). */
export function fixture(name: Fixture): string {
  if (missing("gcc") !== undefined) return "";
  const source = join(ROOT, "tests", "fixtures", `${name}.c`);
  const output = join(CACHE, `${name}-${Bun.hash(readFileSync(source)).toString(36)}`);
  if (!existsSync(output)) compile(source, output);
  return output;
}

function compile(source: string, output: string): void {
  mkdirSync(CACHE, { recursive: true });
  const fresh = `${output}.${process.pid}`;
  const run = Bun.spawnSync(["gcc", "-O1", "-Wall", "-Wextra", "-static", "-o", fresh, source], {
    timeout: 60_000,
  });
  if (!run.success) throw new Error(`gcc ${source} failed:\n${run.stderr}`);
  renameSync(fresh, output);
}
