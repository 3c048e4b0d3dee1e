// A root file system with nothing but busybox, fdinit, and the libraries that the glibc executable needs.

import { chmodSync, copyFileSync, mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { FDINIT, fixture } from "./fixtures.ts";

const APPLETS = [
  "sh",
  "true",
  "cat",
  "echo",
  "ls",
  "sleep",
  "id",
  "kill",
  "readlink",
  "grep",
  "wc",
  "ps",
  "env",
];

/** Fills `directory`; everything in it is read and executed by any user. */
export function makeRootfs(directory: string): void {
  for (const path of ["bin", "dev", "etc", "proc", "sys", "tmp", "fdinit"])
    mkdirSync(join(directory, path), { recursive: true });
  copy(Bun.which("busybox") ?? "/bin/busybox", join(directory, "bin/busybox"));
  for (const applet of APPLETS) symlinkSync("busybox", join(directory, "bin", applet));
  copy(FDINIT, join(directory, "fdinit/fdinit"));
  for (const library of libraries(FDINIT)) copy(library, join(directory, library));
  for (const name of ["hold", "recorder", "orphans"] as const)
    copy(fixture(name), join(directory, "bin", name));
}

/** The paths of the libraries and the loader, as ldd(1) names them. */
export function libraries(executable: string): string[] {
  const { stdout } = Bun.spawnSync(["ldd", executable], { timeout: 10_000 });
  return [...stdout.toString().matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path as string);
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(realpathSync(from), to);
  chmodSync(to, 0o755);
}
