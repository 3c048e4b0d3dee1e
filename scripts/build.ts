// Builds executables: bundle, compile with bytecode, harden, try it once where it can run.
//
//   bun scripts/build.ts [--if-stale]        dist/fdinit for this machine
//   bun scripts/build.ts --target NAME …     dist/fdinit-NAME for each, with the files of a release
//   bun scripts/build.ts --all               the same for every target
//
// `--if-stale` does nothing when an executable is newer than everything it is made of. The same inputs
// give the same bytes: nothing of the time, the place or the machine goes in.

import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { writeReleaseFiles } from "./built-files.ts";
import { EMBEDDED, MODULES } from "./bundle.ts";
import { harden } from "./harden.ts";
import { keepDispositions } from "./keep-dispositions.ts";
import { partsOfExecutable } from "./materials.ts";
import { leaveOutIcuData } from "./slim.ts";
import { buildStatic, isStaticStale, partsOfStatic, staticExecutable, staticLicences } from "./static.ts";
import {
  bunFor,
  STATIC_TARGETS,
  type StaticTarget,
  TARGETS,
  type Target,
  targetNamed,
  targetOfThisMachine,
} from "./targets.ts";

const root = join(import.meta.dir, "..");
const DIST = join(root, "dist");
export const EXECUTABLE = join(DIST, "fdinit");

const SOURCES = [
  "init/**/*.{ts,js}",
  "policies/*.yaml",
  "schema/editor.schema.json",
  "package.json",
  "bun.lock",
  "scripts/{build,bundle,elf,harden,keep-dispositions,slim,targets}.ts",
  "scripts/harden/*.ts",
];

/** How reluctant the JIT is: PID 1 runs every line a few times at most, and a JIT thread is one thread too many. */
const JIT_POLICY = "1000";

/**
 * A small heap: the engine collects garbage after one megabyte of it, and not only after a share of the machine's
 * memory. 100,000 signals leave PID 1 with 4.4 MB of its own instead of 12.
 */
const EXEC_ARGV = "--smol --disallow-code-generation-from-strings=strict";

const FLAGS = [
  "--compile",
  "--bytecode",
  "--minify",
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  "--no-compile-autoload-tsconfig",
  "--no-compile-autoload-package-json",
  `--compile-jit-policy=${JIT_POLICY}`,
  `--compile-exec-argv=${EXEC_ARGV}`,
];

export function isStale(file: string): boolean {
  if (!existsSync(file)) return true;
  const built = statSync(file).mtimeMs;
  return SOURCES.flatMap((pattern) => globSync(pattern, { cwd: root })).some(
    (source) => statSync(join(root, source)).mtimeMs > built,
  );
}

/** Compiles `entry` to `output`, unhardened. */
export function compile(
  entry: string | readonly string[],
  output: string,
  flags: readonly string[] = FLAGS,
): void {
  const built = Bun.spawnSync(
    [process.execPath, "build", ...flags, `--outfile=${output}`, ...[entry].flat()],
    {
      cwd: root,
    },
  );
  if (!built.success) throw new Error(`bun build failed:\n${built.stdout}${built.stderr}`);
}

/** Where the executable for `target` is built to. */
export function executableFor(target: Target): string {
  return join(DIST, `fdinit-${target.name}`);
}

/** dist/fdinit, by the Bun that is running. */
export function build(): void {
  buildTo(EXECUTABLE, targetOfThisMachine().machine, []);
  tryOut(EXECUTABLE);
}

/** The executable for `target`, by npm's Bun for it. */
export function buildFor(target: Target): void {
  const executable = executableFor(target);
  buildTo(executable, target.machine, [
    `--target=bun-${target.name}`,
    `--compile-executable-path=${bunFor(target)}`,
  ]);
  if (targetOfThisMachine().machine === target.machine && targetOfThisMachine().libc === target.libc)
    tryOut(executable);
}

function buildTo(executable: string, machine: Target["machine"], targetFlags: readonly string[]): void {
  mkdirSync(DIST, { recursive: true });
  const folder = mkdtempSync(join(DIST, ".build-"));
  try {
    // Bun writes the name of the output into it.
    const raw = join(folder, "fdinit");
    const modules = bundleInto(folder, machine);
    compile(modules, raw, [...FLAGS, `--root=${folder}`, `--external=${EMBEDDED}/*`, ...targetFlags]);
    const { bytes, changes } = harden(readFileSync(raw));
    const kept = keepDispositions(bytes);
    const left = leaveOutIcuData(bytes);
    const fresh = join(folder, "hardened");
    writeFileSync(fresh, bytes);
    chmodSync(fresh, 0o755);
    for (const change of [...changes, ...kept]) console.log(`hardened: ${change}`);
    console.log(`slimmed: ${left}`);
    // A rename, so that an executable that is running now is left alone.
    renameSync(fresh, executable);
    console.log(`built ${executable}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function bundleInto(folder: string, machine: Target["machine"]): string[] {
  const bundled = Bun.spawnSync([process.execPath, join(root, "scripts/bundle.ts"), machine, folder], {
    cwd: root,
  });
  if (!bundled.success) throw new Error(`bundling failed:\n${bundled.stdout}${bundled.stderr}`);
  return MODULES.map((name) => join(folder, name));
}

/** The executable must start and be itself even where the environment asks Bun for something else. */
function tryOut(executable: string): void {
  const env = { ...process.env, BUN_BE_BUN: "1", BUN_OPTIONS: "--preload /nonexistent.ts" };
  const run = Bun.spawnSync([executable, "version"], { env });
  if (!run.success || !run.stdout.toString().startsWith("fdinit ")) {
    rmSync(executable);
    throw new Error(`the hardened executable does not run: ${run.stdout}${run.stderr}`);
  }
}

async function main(words: readonly string[]): Promise<void> {
  const targets: Target[] = [];
  const statics: StaticTarget[] = [];
  let ifStale = false;
  for (let index = 0; index < words.length; index++) {
    const [word = "", value] = (words[index] as string).split("=", 2);
    if (word === "--if-stale") ifStale = true;
    else if (word === "--all") {
      targets.push(...TARGETS);
      statics.push(...STATIC_TARGETS);
    } else if (word === "--target") {
      const name = value ?? words[++index] ?? "";
      const quick = STATIC_TARGETS.find((target) => target.name === name);
      if (quick) statics.push(quick);
      else targets.push(targetNamed(name));
    } else throw new Error(`unknown option ${word}: --if-stale, --target NAME, --all`);
  }
  if (targets.length + statics.length === 0) {
    if (!ifStale || isStale(EXECUTABLE)) build();
    return;
  }
  for (const target of targets) if (!ifStale || isStale(executableFor(target))) buildFor(target);
  for (const target of statics) if (!ifStale || isStaticStale(target)) await buildStatic(target);
  const [first] = statics;
  writeReleaseFiles(
    DIST,
    [
      ...targets.map((target) => ({ file: executableFor(target), parts: partsOfExecutable(target) })),
      ...statics.map((target) => ({ file: staticExecutable(target), parts: partsOfStatic(target) })),
    ],
    first && staticLicences(first),
  );
}

if (import.meta.main) await main(process.argv.slice(2));
