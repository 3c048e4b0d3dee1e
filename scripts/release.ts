// The files of a release beside its executables: their checksums, the schema of the policy, and a bill
// of materials (CycloneDX 1.6) of what is inside each of them. Written from what was built and from the
// lockfile; without time or random numbers, so that the same inputs give the same bytes.

import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { sha256Of, type Target } from "./targets.ts";

const root = join(import.meta.dir, "..");
const SCHEMA = "policy.schema.json";
const MATERIALS = "fdinit.cdx.json";
const CHECKSUMS = "SHA256SUMS";

export interface Built {
  readonly target: Target;
  readonly file: string;
}

export function writeReleaseFiles(folder: string, built: readonly Built[]): void {
  copyFileSync(join(root, "schema", SCHEMA), join(folder, SCHEMA));
  writeFileSync(join(folder, MATERIALS), `${JSON.stringify(materials(built), null, 2)}\n`);
  const files = [...built.map(({ file }) => file), join(folder, MATERIALS), join(folder, SCHEMA)];
  // The format of sha256sum(1), which checks it with -c.
  const sums = files.map((file) => `${sha256Of(file)}  ${basename(file)}\n`);
  writeFileSync(join(folder, CHECKSUMS), sums.join(""));
  console.log(`wrote ${join(folder, CHECKSUMS)}, ${MATERIALS}, ${SCHEMA}`);
}

interface Component {
  readonly type: "application" | "library" | "platform" | "file";
  readonly "bom-ref": string;
  readonly name: string;
  readonly version?: string;
  readonly [more: string]: unknown;
}

/** CycloneDX 1.6: fdinit, its executables, and what went into each. */
function materials(built: readonly Built[]): object {
  const { version, license, description } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const self = `pkg:generic/fdinit@${version}`;
  const yaml = lockedPackage("yaml", "ISC");
  const platforms = built.map(({ target }) => bunOf(target));
  const executables = built.map(
    ({ file }): Component => ({
      type: "file",
      "bom-ref": `file:${basename(file)}`,
      name: basename(file),
      hashes: [{ alg: "SHA-256", content: sha256Of(file) }],
    }),
  );
  const parts = partsOfBun();
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": self,
        name: "fdinit",
        version,
        description,
        licenses: [{ license: { id: license } }],
      },
    },
    components: [...executables, yaml, ...platforms, ...parts],
    dependencies: [
      { ref: self, dependsOn: executables.map((executable) => executable["bom-ref"]) },
      ...executables.map((executable, index) => ({
        ref: executable["bom-ref"],
        dependsOn: [yaml["bom-ref"], (platforms[index] as Component)["bom-ref"]],
      })),
      ...platforms.map((platform) => ({
        ref: platform["bom-ref"],
        dependsOn: parts.map((part) => part["bom-ref"]),
      })),
    ],
  };
}

/** A package of the lockfile, with the hash npm knows it by. */
function lockedPackage(name: string, license: string): Component {
  const lock = readFileSync(join(root, "bun.lock"), "utf8");
  const found = new RegExp(`"${name}": \\["${name}@([^"]+)".*"sha512-([^"]+)"\\]`).exec(lock);
  if (!found) throw new Error(`${name} is not in bun.lock`);
  const [, version = "", hash = ""] = found;
  return {
    type: "library",
    "bom-ref": `pkg:npm/${name}@${version}`,
    name,
    version,
    purl: `pkg:npm/${name}@${version}`,
    licenses: [{ license: { id: license } }],
    hashes: [{ alg: "SHA-512", content: Buffer.from(hash, "base64").toString("hex") }],
  };
}

function bunOf(target: Target): Component {
  const purl = `pkg:npm/${target.package.replace("@", "%40")}@${Bun.version}`;
  return {
    type: "platform",
    "bom-ref": purl,
    name: target.package,
    version: Bun.version,
    description: "Bun, which the executable is a copy of; the hash is that of bin/bun in the package",
    purl,
    licenses: [{ license: { id: "MIT" } }],
    hashes: [{ alg: "SHA-256", content: target.sha256 }],
  };
}

/** Bun's own libraries, by the keys of process.versions, with the licences Bun's documentation gives them. */
const LINKED: readonly (readonly [key: string, name: string, license: string])[] = [
  ["ares", "c-ares", "MIT"],
  ["boringssl", "boringssl", "several, see its LICENSE"],
  ["icu", "icu", "Unicode-3.0"],
  ["libarchive", "libarchive", "several, see its COPYING"],
  ["libdeflate", "libdeflate", "MIT"],
  ["llhttp", "llhttp", "MIT"],
  ["lolhtml", "lol-html", "BSD-3-Clause"],
  ["lshpack", "ls-hpack", "MIT"],
  ["mimalloc", "mimalloc", "MIT"],
  ["picohttpparser", "picohttpparser", "MIT or Perl"],
  ["sqlite", "sqlite", "public domain"],
  ["tinycc", "tinycc", "LGPL-2.1"],
  ["usockets", "uSockets", "Apache-2.0"],
  ["uwebsockets", "uWebSockets", "Apache-2.0"],
  ["webkit", "WebKit (JavaScriptCore)", "LGPL-2.0"],
  ["zlib", "zlib", "Zlib"],
  ["zstd", "zstd", "BSD-3-Clause or GPL-2.0"],
];

function partsOfBun(): Component[] {
  return LINKED.map(([key, name, license]) => {
    const version = process.versions[key];
    if (version === undefined) throw new Error(`this Bun does not say its version of ${key}`);
    return {
      type: "library",
      "bom-ref": `bun:${key}`,
      name,
      version,
      licenses: [{ license: { name: license } }],
    };
  });
}
