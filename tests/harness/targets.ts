// The executables of every target, built when they are out of date, and how each is started here: as it
// is, from a root file system with musl's loader and library, or under qemu.

import { copyFileSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { buildFor, executableFor, isStale } from "../../scripts/build.ts";
import { loaderFor } from "../../scripts/portable/musl.ts";
import { fill, portableTarget } from "../../scripts/portable.ts";
import { bunFor, type Target, targetOfThisMachine } from "../../scripts/targets.ts";
import { missing, type Need } from "./needs.ts";

/** The executable for a target, fresh. */
export function built(target: Target): string {
  const file = executableFor(target);
  if (isStale(file)) buildFor(target);
  return file;
}

/** Why a target cannot be tried here, or undefined. */
export function missingFor(target: Target): string | undefined {
  const isForeign = target.machine !== targetOfThisMachine().machine;
  const needs: Need[] = [
    "unshare",
    "gcc",
    ...(isForeign ? (["qemu-aarch64-static", "aarch64-linux-gnu-gcc"] as const) : []),
    ...(target.libc === "musl" ? (["musl", "libstdc++.a", "busybox", "root"] as const) : []),
    ...(target.libc === "musl" && isForeign ? (["arm64 libstdc++.a", "arm64 musl"] as const) : []),
  ];
  const reason = missing(...needs);
  if (reason !== undefined) return reason;
  try {
    bunFor(target);
  } catch (error) {
    return String(error);
  }
  return undefined;
}

/** A root file system with the portable folder, a static busybox and, for another machine, qemu. */
export function portableRoot(directory: string, target: Target = portableTarget()): void {
  for (const path of ["bin", "tmp", "proc", "dev", "etc"])
    mkdirSync(join(directory, path), { recursive: true });
  fill(join(directory, "fdinit"), target, "/fdinit");
  copyFileSync(Bun.which("busybox") ?? "", join(directory, "bin", "busybox"));
  if (target.machine !== targetOfThisMachine().machine)
    copyFileSync(Bun.which("qemu-aarch64-static") ?? "", join(directory, "bin", "qemu"));
}

/** Where Debian's cross compiler has arm64's C library. */
const ARM64_LIBRARIES = "/usr/aarch64-linux-gnu";

export interface Started {
  /** The words in front of fdinit's own arguments. */
  readonly command: readonly string[];
  /** The root file system it runs in; "" for this machine's. */
  readonly root: string;
  /** qemu reports neither the errno of a failed exec nor signals of its own, and has a thread. */
  readonly emulated: boolean;
}

/** How a target's executable is started on this machine; `directory` is filled when it needs a root file system. */
export function started(target: Target, directory: string): Started {
  const emulated = target.machine !== targetOfThisMachine().machine;
  const file = built(target);
  if (target.libc === "glibc") {
    const qemu = emulated ? [Bun.which("qemu-aarch64-static") ?? "", "-L", ARM64_LIBRARIES] : [];
    return { command: [...qemu, file], root: "", emulated };
  }
  // As on Alpine: the loader in /lib, the library in /usr/lib.
  portableRoot(directory, target);
  for (const path of ["lib", "usr/lib", "usr/bin"]) mkdirSync(join(directory, path), { recursive: true });
  copyFileSync(loaderFor(target), join(directory, "lib", `ld-musl-${target.machine}.so.1`));
  copyFileSync(join(directory, "fdinit/lib/libstdc++.so.6"), join(directory, "usr/lib/libstdc++.so.6"));
  copyFileSync(file, join(directory, "usr/bin/fdinit"));
  const qemu = emulated ? ["/bin/qemu"] : [];
  return {
    command: [Bun.which("chroot") ?? "", directory, ...qemu, "/usr/bin/fdinit"],
    root: directory,
    emulated,
  };
}

/** Puts a static program into the root file system; answers its path there. */
export function program({ root }: Started, file: string): string {
  if (root === "") return file;
  const path = join("/bin", basename(file));
  copyFileSync(file, join(root, path));
  return path;
}
