// The files beside built executables: their checksums, the schema of the policy, and a bill of
// materials. Written from what was built; the same inputs give the same bytes.

import { copyFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { bill, type Component, MATERIALS } from "./materials.ts";
import { sha256Of } from "./targets.ts";

const root = join(import.meta.dir, "..");
/** For editors: no other schema is of use to them. */
const EDITOR_SCHEMA = "editor.schema.json";
export const SCHEMA = "policy.schema.json";
/** Of the engine and the libraries that are part of a static executable. */
const LICENCES = "LICENCES-static";
export const CHECKSUMS = "SHA256SUMS";

export interface Built {
  readonly file: string;
  /** The parts of the file. */
  readonly parts: readonly Component[];
}

/** `licences`: a text that goes with executables whose parts ask for it. */
export function writeReleaseFiles(folder: string, built: readonly Built[], licences?: string): void {
  copyFileSync(join(root, "schema", EDITOR_SCHEMA), join(folder, SCHEMA));
  const made = built.map(({ file, parts }) => ({ name: basename(file), file, parts }));
  if (licences !== undefined) writeFileSync(join(folder, LICENCES), licences);
  writeFileSync(join(folder, MATERIALS), bill(made));
  const beside = [...(licences === undefined ? [] : [LICENCES]), MATERIALS, SCHEMA];
  const files = [...built.map(({ file }) => file), ...beside.map((name) => join(folder, name))];
  // The format of sha256sum(1), which checks it with -c.
  const sums = files.map((file) => `${sha256Of(file)}  ${basename(file)}\n`);
  writeFileSync(join(folder, CHECKSUMS), sums.join(""));
  console.log(`wrote ${join(folder, CHECKSUMS)}, ${MATERIALS}, ${SCHEMA}`);
}
