// A statement of where the files of a release come from, by the predicate that SLSA 1.0 defines (https://slsa.dev/provenance/v1) in a
// statement of in-toto's. It is not signed: a signer wraps it. It has no time, so that the same inputs give the same bytes.

import type { Component } from "../materials.ts";

export interface Subject {
  readonly name: string;
  readonly sha256: string;
}

export interface Origin {
  /** The commit the files are made of; undefined outside a clone. */
  readonly commit?: string;
  /** Whether files were changed since that commit. */
  readonly isModified: boolean;
  readonly version: string;
  readonly targets: readonly string[];
  readonly epoch: number;
}

/** The build that docs/download.md describes. */
const BUILD_TYPE = "urn:fdinit:build:release:v1";
/** A builder that vouches for a build sets its own by FDINIT_BUILDER_ID. */
const NO_BUILDER = "urn:fdinit:builder:unattested";

const ALGORITHMS: Record<string, string> = { "SHA-256": "sha256", "SHA-512": "sha512" };

export function provenance(
  subjects: readonly Subject[],
  parts: readonly Component[],
  origin: Origin,
): string {
  const source = {
    uri: `pkg:generic/fdinit@${origin.version}`,
    ...(origin.commit === undefined ? {} : { digest: { gitCommit: origin.commit } }),
    ...(origin.isModified ? { annotations: { modified: true } } : {}),
  };
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject: subjects.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { targets: origin.targets, SOURCE_DATE_EPOCH: origin.epoch },
        internalParameters: { bun: Bun.version },
        resolvedDependencies: [source, ...dependencies(parts)],
      },
      runDetails: { builder: { id: process.env["FDINIT_BUILDER_ID"] ?? NO_BUILDER } },
    },
  };
  return `${JSON.stringify(statement, null, 2)}\n`;
}

/** The packages that parts were fetched from, once each. */
function dependencies(parts: readonly Component[]): unknown[] {
  const found = new Map<string, unknown>();
  for (const { purl, hashes } of parts as readonly Fetched[]) {
    if (purl === undefined || found.has(purl)) continue;
    const digest = Object.fromEntries(
      (hashes ?? []).map(({ alg, content }) => [ALGORITHMS[alg] ?? alg, content]),
    );
    found.set(purl, { uri: purl, ...(hashes === undefined ? {} : { digest }) });
  }
  return [...found.keys()].sort().map((purl) => found.get(purl));
}

interface Fetched {
  readonly purl?: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
}
