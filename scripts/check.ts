// Everything that can be checked without running fdinit: types, lint and format, generated files,
// the table of rooms. Runs all of it and fails when any part does.

import { join } from "node:path";

const root = join(import.meta.dir, "..");
const bin = (name: string) => join(root, "node_modules", ".bin", name);

const CHECKS: readonly (readonly [string, readonly string[]])[] = [
  ["types", [bin("tsc"), "--noEmit", "-p", "tsconfig.json"]],
  ["lint and format", [bin("biome"), "check", "--error-on-warnings", "."]],
  ["generated files", [process.execPath, "scripts/generate.ts", "--check"]],
  ["architecture", [process.execPath, "test", "tests/unit/architecture.test.ts"]],
];

let failed = false;
for (const [name, command] of CHECKS) {
  const run = Bun.spawnSync([...command], { cwd: root, stdout: "pipe", stderr: "pipe" });
  console.log(`${run.success ? "ok    " : "FAILED"} ${name}`);
  if (!run.success) {
    console.log(`${run.stdout}${run.stderr}`);
    failed = true;
  }
}
process.exit(failed ? 1 : 0);
