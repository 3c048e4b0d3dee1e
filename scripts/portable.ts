// Lays out the portable folder: fdinit for musl with the loader and the library it needs, so that one
// folder copied to /fdinit starts on any base image. Needs no Docker: Debian's musl, gcc and libstdc++.
//
//   bun scripts/portable.ts [--target linux-x64-musl|linux-arm64-musl]
//
// Writes dist/portable/fdinit, a tar of it beside that, and the same files as images/portable/fdinit,
// where `docker build images/portable` finds them; for the other architecture, portable-linux-arm64.

import {
  chmodSync,
  copyFileSync,
  cpSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { buildFor, executableFor, isStale } from "./build.ts";
import { bill, MATERIALS, partsOfExecutable } from "./materials.ts";
import { changeInterpreter, ignoreEnvironment } from "./portable/loader.ts";
import { licencesOf, linkStandardLibrary, loaderFor, packagesOf } from "./portable/musl.ts";
import { type Target, targetNamed, targetOfThisMachine } from "./targets.ts";

const root = join(import.meta.dir, "..");

/** Where the folder is once it is copied into an image: the loader's path is written into the executable. */
const PLACE = "/fdinit";

/** Where images/portable/Dockerfile copies it from. */
const CONTEXT = join(root, "images", "portable", "fdinit");

/** The folder that is laid out for a target. */
export function portableFolder(target: Target): string {
  const isNative = target.machine === targetOfThisMachine().machine;
  const name = isNative ? "portable" : `portable-${target.name.replace(/-musl$/, "")}`;
  return join(root, "dist", name, "fdinit");
}

/** Makes the folder, its tar and Docker's copy of it. */
export function layOut(target: Target): string {
  const folder = portableFolder(target);
  fill(folder, target, PLACE);
  pack(folder, target);
  return folder;
}

/** Makes a folder that works at `place`, a path of at most 14 characters. */
export function fill(folder: string, target: Target, place: string): void {
  if (isStale(executableFor(target))) buildFor(target);
  rmSync(folder, { recursive: true, force: true });
  for (const name of ["lib", "etc", "licences"]) mkdirSync(join(folder, name), { recursive: true });

  const executable = readFileSync(executableFor(target));
  writeFileSync(join(folder, "fdinit"), changeInterpreter(executable, `${place}/lib/ld.so`));
  writeFileSync(join(folder, "lib", "ld.so"), ignoreEnvironment(readFileSync(loaderFor(target))));
  linkStandardLibrary(target, executable, join(folder, "lib", "libstdc++.so.6"));
  // musl's loader looks for this two levels above its own path, and nowhere else for libraries.
  writeFileSync(join(folder, "etc", `ld-musl-${target.machine}.path`), `${place}/lib\n`);
  writeLicences(target, join(folder, "licences"));
  writeMaterials(target, folder);
  setModesAndTimes(folder);
}

/** The parts of the folder, where a scanner of images finds them. */
function writeMaterials(target: Target, folder: string): void {
  const { musl, library } = packagesOf(target);
  const made = [
    { name: "fdinit", parts: partsOfExecutable(target) },
    { name: "lib/ld.so", parts: [musl] },
    { name: "lib/libstdc++.so.6", parts: library },
  ];
  writeFileSync(
    join(folder, MATERIALS),
    bill(made.map((part) => ({ ...part, file: join(folder, part.name) }))),
  );
}

function writeLicences(target: Target, folder: string): void {
  const packages = join(root, "node_modules");
  copyFileSync(join(root, "LICENSE"), join(folder, "fdinit"));
  copyFileSync(join(packages, "yaml", "LICENSE"), join(folder, "yaml"));
  copyFileSync(join(packages, "bun-types", "docs", "project", "license.mdx"), join(folder, "bun.md"));
  for (const [name, file] of licencesOf(target)) copyFileSync(file, join(folder, name));
}

/** Modes and times that depend on nothing: every user may read and run it, and none may write. */
function setModesAndTimes(folder: string): void {
  const programs = ["fdinit", join("lib", "ld.so"), join("lib", "libstdc++.so.6")];
  for (const path of globSync("**", { cwd: folder })) {
    const isProgram = programs.includes(path);
    const isFolder = ["", ".", "lib", "etc", "licences"].includes(path);
    chmodSync(join(folder, path), isProgram || isFolder ? 0o755 : 0o644);
    utimesSync(join(folder, path), 0, 0);
  }
}

/** A tar with the same bytes for the same files, and the place where `docker build` looks. */
function pack(folder: string, target: Target): void {
  const above = join(folder, "..");
  const archive = join(root, "dist", `fdinit-portable-${target.name.replace(/-musl$/, "")}.tar`);
  const flags = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--format=ustar"];
  const packed = Bun.spawnSync(["tar", ...flags, "-C", above, "-cf", archive, "fdinit"]);
  if (!packed.success) throw new Error(`tar failed:\n${packed.stderr}`);
  if (target.machine === targetOfThisMachine().machine) {
    rmSync(CONTEXT, { recursive: true, force: true });
    cpSync(folder, CONTEXT, { recursive: true, preserveTimestamps: true });
  }
  console.log(`laid out ${folder}\npacked ${archive}`);
}

/** The musl target that runs on this machine, whatever C library the machine has. */
export function portableTarget(): Target {
  return targetNamed(targetOfThisMachine().machine === "aarch64" ? "linux-arm64-musl" : "linux-x64-musl");
}

function main([option, name]: readonly string[]): void {
  if (option !== undefined && option !== "--target")
    throw new Error(`unknown option ${option}: --target NAME`);
  const target = name === undefined ? portableTarget() : targetNamed(name);
  if (target.libc !== "musl") throw new Error("the portable folder is made of a musl target");
  layOut(target);
}

if (import.meta.main) main(process.argv.slice(2));
