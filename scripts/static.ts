// Builds the static executable: the same program on QuickJS, one file that needs no library (docs/targets.md).

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
} from "node:fs";
import { join } from "node:path";
import { run } from "./debian.ts";
import { type Component, lockedPackage } from "./materials.ts";
import { muslLicence, muslPackage, ownersOf } from "./portable/musl.ts";
import { bundles } from "./static/bundles.ts";
import { compileBundles, link } from "./static/link.ts";
import { quickjs, quickjsComponent } from "./static/source.ts";
import { type StaticTarget, staticTargetOfThisMachine } from "./targets.ts";

const root = join(import.meta.dir, "..");
const DIST = join(root, "dist");

const SOURCES = [
  "init/**/*.{ts,js}",
  "policies/*.yaml",
  "schema/editor.schema.json",
  "package.json",
  "bun.lock",
  "engine/*",
  "scripts/{bundle,debian,static,targets}.ts",
  "scripts/static/*.ts",
  "scripts/portable/musl.ts",
];

/** Where the static executable for `target` is built to. */
export function staticExecutable(target: StaticTarget): string {
  return join(DIST, `fdinit-${target.name}`);
}

export function isStaticStale(target: StaticTarget): boolean {
  const file = staticExecutable(target);
  if (!existsSync(file)) return true;
  const built = statSync(file).mtimeMs;
  return SOURCES.flatMap((pattern) => globSync(pattern, { cwd: root })).some(
    (source) => statSync(join(root, source)).mtimeMs > built,
  );
}

export async function buildStatic(target: StaticTarget): Promise<void> {
  mkdirSync(DIST, { recursive: true });
  const folder = mkdtempSync(join(DIST, ".build-"));
  try {
    const fresh = join(folder, "fdinit");
    link(target, compileBundles(await bundles(target.machine), folder), fresh);
    chmodSync(fresh, 0o755);
    if (target === staticTargetOfThisMachine()) tryOut(fresh);
    // A rename, so that an executable that is running now is left alone.
    renameSync(fresh, staticExecutable(target));
    console.log(`built ${staticExecutable(target)}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function tryOut(executable: string): void {
  const said = run([executable, "version"], DIST);
  if (!/^fdinit \S+ \(QuickJS\)\n$/.test(said))
    throw new Error(`the static executable says ${JSON.stringify(said)}`);
}

/** The parts of the static executable. */
export function partsOfStatic(target: StaticTarget): Component[] {
  return [
    lockedPackage("yaml", "ISC"),
    quickjsComponent(),
    muslPackage(target),
    ...ownersOf(target, ["libgcc.a"]),
  ];
}

/** The licences that go with it: of QuickJS, musl and yaml, whose code is part of the file. */
export function staticLicences(target: StaticTarget): string {
  const texts: [name: string, file: string][] = [
    ["fdinit", join(root, "LICENSE")],
    ["QuickJS", join(quickjs(), "LICENSE")],
    ["musl", muslLicence(target)],
    ["yaml", join(root, "node_modules/yaml/LICENSE")],
  ];
  return texts.map(([name, file]) => `== ${name} ==\n\n${readFileSync(file, "utf8").trim()}\n`).join("\n");
}
