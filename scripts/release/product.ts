// The things that every kind of download is made of: an executable for a target with its licences, and the files that are the same
// for every target.

import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Component } from "../materials.ts";
import type { StaticTarget, Target } from "../targets.ts";
import type { Entry } from "./archives.ts";

const root = join(import.meta.dir, "../..");

const description = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
export const VERSION: string = description.version;
export const DESCRIPTION: string = description.description;
export const LICENCE: string = description.license;

/** An executable that was built. */
export interface Product {
  readonly target: Target | StaticTarget;
  readonly file: string;
  /** The parts of the file. */
  readonly parts: readonly Component[];
  /** The licences of what is part of the file. */
  readonly licences: string;
}

/** The name of an architecture: `debian` for packages and images, `node` for npm. */
export const ARCHITECTURES = {
  x86_64: { debian: "amd64", node: "x64" },
  aarch64: { debian: "arm64", node: "arm64" },
} as const;

/** Whether the executable is one file that needs nothing else. */
export function isStatic({ target }: Product): boolean {
  return target.name.endsWith("-static");
}

export const textOf = (path: string): Buffer => readFileSync(join(root, path));

/** The man pages by their section, as man(1) reads them. */
export const MAN_PAGES = [
  { name: "fdinit.8", section: 8 },
  { name: "fdinit-policy.5", section: 5 },
].map(({ name, section }) => ({ name, section, bytes: textOf(`docs/man/${name}`) }));

/** The schema for editors, and the policies that the executable knows by name. */
export function sharedFiles(): Entry[] {
  const policies = globSync("policies/*.yaml", { cwd: root }).sort();
  return [
    { path: "policy.schema.json", bytes: textOf("schema/editor.schema.json") },
    ...policies.map((path) => ({ path: `policies/${basename(path)}`, bytes: textOf(path) })),
  ];
}
