// Builds dist/fdinit for the machine it runs on: bundle, compile with bytecode, harden, try it once.
// `--if-stale` does nothing when the executable is newer than everything it is made of.

import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { harden } from "./harden.ts";

const root = join(import.meta.dir, "..");
export const EXECUTABLE = join(root, "dist", "fdinit");

const SOURCES = [
  "init/**/*.{ts,js}",
  "policies/*.yaml",
  "schema/policy.schema.json",
  "package.json",
  "bun.lock",
  "scripts/{build,harden}.ts",
];

/** How reluctant the JIT is: PID 1 runs every line a few times at most, and a JIT thread is one thread too many. */
const JIT_POLICY = "1000";

const FLAGS = [
  "--compile",
  "--bytecode",
  "--minify",
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  "--no-compile-autoload-tsconfig",
  "--no-compile-autoload-package-json",
  `--compile-jit-policy=${JIT_POLICY}`,
  "--compile-exec-argv=--disallow-code-generation-from-strings=strict",
];

/** What few starts need: a module of its own, loaded at first use (cli/load-second-module.ts). */
const SECOND_MODULE = "init/cli/second-module.ts";
const EMBEDDED = "/$bunfs/root";
const SECOND_MODULE_FLAGS = [
  "--root=init",
  `--external=${EMBEDDED}/*`,
  `--define=SECOND_MODULE="${EMBEDDED}/cli/second-module.js"`,
];

function isStale(): boolean {
  if (!existsSync(EXECUTABLE)) return true;
  const built = statSync(EXECUTABLE).mtimeMs;
  return SOURCES.flatMap((pattern) => globSync(pattern, { cwd: root })).some(
    (file) => statSync(join(root, file)).mtimeMs > built,
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

export function build(): void {
  mkdirSync(join(root, "dist"), { recursive: true });
  const raw = `${EXECUTABLE}.unhardened`;
  compile(["init/main.ts", SECOND_MODULE], raw, [...FLAGS, ...SECOND_MODULE_FLAGS]);
  const { bytes, changes } = harden(readFileSync(raw));
  const fresh = `${EXECUTABLE}.new`;
  writeFileSync(fresh, bytes);
  chmodSync(fresh, 0o755);
  for (const change of changes) console.log(`hardened: ${change}`);
  tryOut(fresh);
  // A rename, so that an executable that is running now is left alone.
  renameSync(fresh, EXECUTABLE);
  console.log(`built ${EXECUTABLE}`);
}

/** The executable must start and be itself even where the environment asks Bun for something else. */
function tryOut(executable: string): void {
  const env = { ...process.env, BUN_BE_BUN: "1", BUN_OPTIONS: "--preload /nonexistent.ts" };
  const run = Bun.spawnSync([executable, "version"], { env });
  if (!run.success || !run.stdout.toString().startsWith("fdinit ")) {
    throw new Error(`the hardened executable does not run: ${run.stdout}${run.stderr}`);
  }
}

if (import.meta.main && (!process.argv.includes("--if-stale") || isStale())) build();
