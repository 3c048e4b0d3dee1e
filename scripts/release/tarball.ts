// A tarball for a target: the executable, its man pages, the schema, the policies and the licences.

import { readFileSync } from "node:fs";
import { type Entry, gzip, tar } from "./archives.ts";
import { MAN_PAGES, type Product, sharedFiles, textOf, VERSION } from "./product.ts";

export function tarball(product: Product, epoch: number): { readonly name: string; readonly bytes: Buffer } {
  const folder = `fdinit-${VERSION}-${product.target.name}`;
  const files: Entry[] = [
    { path: "fdinit", bytes: readFileSync(product.file), mode: 0o755 },
    { path: "LICENSE", bytes: textOf("LICENSE") },
    { path: "THIRD-PARTY-LICENCES", bytes: Buffer.from(product.licences) },
    { path: "CHANGELOG.md", bytes: textOf("CHANGELOG.md") },
    ...MAN_PAGES.map(({ name, section, bytes }) => ({ path: `man/man${section}/${name}`, bytes })),
    ...sharedFiles(),
  ];
  const placed = files.map((file) => ({ ...file, path: `${folder}/${file.path}` }));
  return { name: `${folder}.tar.gz`, bytes: gzip(tar(placed, epoch)) };
}
