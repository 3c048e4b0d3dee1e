// Installs the dependencies the lockfile pins, when they are not there yet. Needs nothing but Bun,
// so every script can begin with it on a fresh machine.

import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const lockfile = join(root, "bun.lock");
const stamp = join(root, "node_modules", ".installed");
const pinned: string = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).engines.bun;

if (Bun.version !== pinned) {
  console.error(`fdinit is built with Bun ${pinned}, this is ${Bun.version}: npx -y bun@${pinned} run …`);
  process.exit(1);
}

if (!existsSync(stamp) || statSync(stamp).mtimeMs < statSync(lockfile).mtimeMs) {
  const install = Bun.spawnSync([process.execPath, "install", "--frozen-lockfile"], {
    cwd: root,
    stdout: "inherit",
    stderr: "inherit",
  });
  if (!install.success) process.exit(install.exitCode ?? 1);
  writeFileSync(stamp, `${Bun.version}\n`);
}
