// Makes the files of a release in dist/release, and publishes nothing: tarballs, packages of Debian's and npm's, an image, checksums,
// a bill of materials and a statement of provenance. docs/download.md says what each is for.
//
//   bun scripts/release.ts                      for every target
//   bun scripts/release.ts --target NAME …      for these; --output FOLDER puts the files there
//
// The same commit gives the same bytes: every time in them is SOURCE_DATE_EPOCH or else the commit's.

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { buildFor, executableFor, isStale } from "./build.ts";
import { CHECKSUMS, SCHEMA } from "./built-files.ts";
import { bill, type Component, MATERIALS, partsOfExecutable } from "./materials.ts";
import { debianPackage } from "./release/debian-package.ts";
import { image } from "./release/image.ts";
import { npmPackages } from "./release/npm.ts";
import { isStatic, type Product, textOf, VERSION } from "./release/product.ts";
import { provenance } from "./release/provenance.ts";
import { tarball } from "./release/tarball.ts";
import { buildStatic, isStaticStale, partsOfStatic, staticExecutable, staticLicences } from "./static.ts";
import { STATIC_TARGETS, sha256Of, TARGETS, targetNamed } from "./targets.ts";

const root = join(import.meta.dir, "..");
const DEFAULT_OUTPUT = join(root, "dist", "release");
export const PROVENANCE = `fdinit-${VERSION}.provenance.json`;
export const IMAGE = `fdinit-${VERSION}-image.tar`;

/** The time and the source that a release states. */
export interface Source {
  /** Seconds since 1970. */
  readonly epoch: number;
  readonly commit?: string;
  /** Whether files were changed since that commit. */
  readonly isModified: boolean;
}

/** Writes the files to `folder`, which is made anew; their names. */
export function makeRelease(folder: string, products: readonly Product[], source: Source): string[] {
  const fresh = `${folder}.${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  try {
    const made = new Map<string, readonly Product[]>();
    const write = (name: string, bytes: Uint8Array | string, from: readonly Product[]) => {
      writeFileSync(join(fresh, name), bytes);
      made.set(name, from);
    };
    for (const product of products) {
      const { name, bytes } = tarball(product, source.epoch);
      write(name, bytes, [product]);
    }
    const statics = products.filter(isStatic);
    for (const product of statics) made.set(debianPackage(product, fresh, source.epoch), [product]);
    if (statics.length > 0) {
      write(IMAGE, image(statics, source.epoch, source.commit), statics);
      const [launcher, ...platforms] = npmPackages(statics, source.epoch);
      if (launcher) write(launcher.name, launcher.bytes, []);
      for (const [index, { name, bytes }] of platforms.entries())
        write(name, bytes, statics.slice(index, index + 1));
    }
    describe(fresh, made, products, source);
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
    return [...made.keys(), SCHEMA, MATERIALS, PROVENANCE, CHECKSUMS];
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** The files about the other files. */
function describe(
  folder: string,
  made: ReadonlyMap<string, readonly Product[]>,
  products: readonly Product[],
  source: Source,
): void {
  const at = (name: string) => join(folder, name);
  const summed = (name: string) => ({ name, sha256: sha256Of(at(name)) });
  writeFileSync(at(SCHEMA), textOf("schema/editor.schema.json"));
  const files = [...made].map(([name, from]) => ({
    name,
    file: at(name),
    parts: [...new Map(from.flatMap(({ parts }) => parts).map((part) => [part["bom-ref"], part])).values()],
  }));
  writeFileSync(at(MATERIALS), bill(files));
  const all = (parts: readonly Component[]): Component[] =>
    parts.flatMap((part) => [part, ...all(part.parts ?? [])]);
  const subjects = [...made.keys(), SCHEMA, MATERIALS].map(summed);
  const targets = products.map(({ target }) => target.name);
  const statement = provenance(subjects, all(products.flatMap(({ parts }) => parts)), {
    ...source,
    version: VERSION,
    targets,
  });
  writeFileSync(at(PROVENANCE), statement);
  const lines = [...subjects, summed(PROVENANCE)].map(({ name, sha256 }) => `${sha256}  ${name}\n`);
  writeFileSync(at(CHECKSUMS), lines.join(""));
}

/** Builds an executable when its sources are newer. */
export async function productFor(name: string): Promise<Product> {
  const target = STATIC_TARGETS.find((one) => one.name === name);
  if (target) {
    if (isStaticStale(target)) await buildStatic(target);
    const file = staticExecutable(target);
    return { target, file, parts: partsOfStatic(target), licences: staticLicences(target) };
  }
  const ordinary = targetNamed(name);
  const file = executableFor(ordinary);
  if (isStale(file)) buildFor(ordinary);
  return { target: ordinary, file, parts: partsOfExecutable(ordinary), licences: licencesOfBun() };
}

/** The licences that go with an executable on Bun, which has Bun, its libraries and yaml in it. */
function licencesOfBun(): string {
  const texts = [
    ["fdinit", "LICENSE"],
    ["Bun, and the libraries it links", "node_modules/bun-types/docs/project/license.mdx"],
    ["yaml", "node_modules/yaml/LICENSE"],
  ] as const;
  return texts.map(([name, file]) => `== ${name} ==\n\n${textOf(file).toString().trim()}\n`).join("\n");
}

/** The commit of this clone, and the time for everything that has one. */
function sourceHere(): Source {
  const git = (...words: string[]) => {
    const { success, stdout } = Bun.spawnSync(["git", ...words], { cwd: root });
    return success ? stdout.toString().trim() : undefined;
  };
  const commit = git("rev-parse", "HEAD");
  const asked = process.env["SOURCE_DATE_EPOCH"];
  const time = asked ?? git("log", "-1", "--format=%ct");
  if (time === undefined)
    throw new Error("there is no commit to take the time from: set SOURCE_DATE_EPOCH to seconds since 1970");
  if (!/^\d{1,11}$/.test(time))
    throw new Error(`SOURCE_DATE_EPOCH=${time} is not a number of seconds since 1970`);
  const isModified = (git("status", "--porcelain") ?? "") !== "";
  return { epoch: Number(time), isModified, ...(commit === undefined ? {} : { commit }) };
}

async function main(words: readonly string[]): Promise<void> {
  const names: string[] = [];
  let output = DEFAULT_OUTPUT;
  for (let index = 0; index < words.length; index++) {
    const [word = "", value] = (words[index] as string).split("=", 2);
    const given = () => value ?? words[++index] ?? "";
    if (word === "--target") names.push(given());
    else if (word === "--output") output = resolve(given());
    else throw new Error(`unknown option ${word}: --target NAME, --output FOLDER`);
  }
  // Everything in the folder is replaced, and only the default one is known to be a release's.
  if (output !== DEFAULT_OUTPUT && existsSync(output) && readdirSync(output).length > 0)
    throw new Error(`--output ${output} is not empty: name a folder that is not there yet`);
  if (Bun.which("dpkg-deb") === null) throw new Error("dpkg-deb is not installed: apt-get install dpkg");
  const all = [...STATIC_TARGETS, ...TARGETS].map(({ name }) => name);
  const products: Product[] = [];
  for (const name of names.length > 0 ? names : all) products.push(await productFor(name));
  const made = makeRelease(output, products, sourceHere());
  const sizes = made.map(
    (name) => `${String(readFileSync(join(output, name)).length).padStart(10)}  ${name}`,
  );
  console.log(`made in ${output}:\n${sizes.join("\n")}`);
}

if (import.meta.main) await main(process.argv.slice(2));
