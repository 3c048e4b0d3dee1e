// A bill of materials (CycloneDX 1.6): what is inside each file that fdinit's users get. Written from the files
// and the lockfile; without time or random numbers, so that the same inputs give the same bytes.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sha256Of, type Target } from "./targets.ts";

const root = join(import.meta.dir, "..");
/** The name that tools which look for such bills expect. */
export const MATERIALS = "fdinit.cdx.json";

export interface Component {
  readonly type: "application" | "library" | "platform" | "file";
  readonly "bom-ref": string;
  readonly name: string;
  readonly version?: string;
  /** The parts of this part. */
  readonly parts?: readonly Component[];
  readonly [more: string]: unknown;
}

/** A file and what it was made of. */
export interface Made {
  readonly name: string;
  readonly file: string;
  readonly parts: readonly Component[];
}

export function bill(made: readonly Made[]): string {
  const { version, license, description } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const self = `pkg:generic/fdinit@${version}`;
  const files = made.map(
    ({ name, file, parts }): Component => ({
      type: "file",
      "bom-ref": `file:${name}`,
      name,
      hashes: [{ alg: "SHA-256", content: sha256Of(file) }],
      parts,
    }),
  );
  const all = new Map<string, Component>();
  const collect = (component: Component): void => {
    all.set(component["bom-ref"], component);
    component.parts?.forEach(collect);
  };
  files.forEach(collect);
  const refs = (components: readonly Component[]) => components.map((component) => component["bom-ref"]);
  const document = {
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
    components: [...all.values()].map(({ parts: _, ...component }) => component),
    dependencies: [
      { ref: self, dependsOn: refs(files) },
      ...[...all.values()].flatMap(({ "bom-ref": ref, parts = [] }) =>
        parts.length > 0 ? [{ ref, dependsOn: refs(parts) }] : [],
      ),
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** The parts of every executable. */
export function partsOfExecutable(target: Target): Component[] {
  return [lockedPackage("yaml", "ISC"), bunOf(target)];
}

/** A package of Debian's that something was taken from; `license` is an expression of SPDX. */
export function debianPackage(
  name: string,
  version: string,
  architecture: string,
  license: string,
): Component {
  const purl = `pkg:deb/debian/${name.replaceAll("+", "%2B")}@${encodeURIComponent(version)}?arch=${architecture}`;
  return { type: "library", "bom-ref": purl, name, version, purl, licenses: [{ expression: license }] };
}

/** A package of the lockfile, with the hash npm knows it by. */
export function lockedPackage(name: string, license: string): Component {
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
    parts: partsOfBun(),
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
