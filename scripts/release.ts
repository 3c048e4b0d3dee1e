// The files of a release beside its executables: their checksums, the schema of the policy, and a bill of
// materials. Written from what was built; the same inputs give the same bytes.

import { copyFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { bill, MATERIALS, partsOfExecutable } from "./materials.ts";
import { sha256Of, type Target } from "./targets.ts";

const root = join(import.meta.dir, "..");
/** For editors: a release has no other use for a schema. */
const EDITOR_SCHEMA = "editor.schema.json";
const SCHEMA = "policy.schema.json";
const CHECKSUMS = "SHA256SUMS";

export interface Built {
  readonly target: Target;
  readonly file: string;
}

export function writeReleaseFiles(folder: string, built: readonly Built[]): void {
  copyFileSync(join(root, "schema", EDITOR_SCHEMA), join(folder, SCHEMA));
  const made = built.map(({ target, file }) => ({
    name: basename(file),
    file,
    parts: partsOfExecutable(target),
  }));
  writeFileSync(join(folder, MATERIALS), bill(made));
  const files = [...built.map(({ file }) => file), join(folder, MATERIALS), join(folder, SCHEMA)];
  // The format of sha256sum(1), which checks it with -c.
  const sums = files.map((file) => `${sha256Of(file)}  ${basename(file)}\n`);
  writeFileSync(join(folder, CHECKSUMS), sums.join(""));
  console.log(`wrote ${join(folder, CHECKSUMS)}, ${MATERIALS}, ${SCHEMA}`);
}
