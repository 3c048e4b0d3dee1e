// Packages for npm: `fdinit`, which has a launcher, and one package a platform, which has the static executable. npm installs the one
// whose `os` and `cpu` are the machine's and leaves the others out.

import { readFileSync } from "node:fs";
import { type Entry, gzip, tar } from "./archives.ts";
import { ARCHITECTURES, DESCRIPTION, LICENCE, type Product, textOf, VERSION } from "./product.ts";

interface Package {
  readonly name: string;
  readonly bytes: Buffer;
}

/** The name of an architecture's package. */
const platformName = (machine: keyof typeof ARCHITECTURES) => `@fdinit/linux-${ARCHITECTURES[machine].node}`;

/** `products`: static executables, one an architecture. */
export function npmPackages(products: readonly Product[], epoch: number): Package[] {
  return [
    pack(
      launcherManifest(),
      [
        { path: "fdinit.js", bytes: textOf("scripts/release/launcher.js"), mode: 0o755 },
        { path: "README.md", bytes: Buffer.from(README) },
        { path: "LICENSE", bytes: textOf("LICENSE") },
      ],
      epoch,
    ),
    ...products.map((product) =>
      pack(
        platformManifest(product),
        [
          { path: "fdinit", bytes: readFileSync(product.file), mode: 0o755 },
          { path: "LICENSE", bytes: textOf("LICENSE") },
          { path: "THIRD-PARTY-LICENCES", bytes: Buffer.from(product.licences) },
        ],
        epoch,
      ),
    ),
  ];
}

const COMMON = { version: VERSION, description: DESCRIPTION, license: LICENCE };

/** Every platform that a release has, whichever of them this run makes. */
function launcherManifest(): Manifest {
  const platforms = (["x86_64", "aarch64"] as const).map(platformName);
  return {
    name: "fdinit",
    ...COMMON,
    bin: { fdinit: "fdinit.js" },
    files: ["fdinit.js"],
    engines: { node: ">=16" },
    optionalDependencies: Object.fromEntries(platforms.map((name) => [name, VERSION])),
  };
}

function platformManifest(product: Product): Manifest {
  return {
    name: platformName(product.target.machine),
    ...COMMON,
    os: ["linux"],
    cpu: [ARCHITECTURES[product.target.machine].node],
    files: ["fdinit", "THIRD-PARTY-LICENCES"],
    preferUnplugged: true,
  };
}

interface Manifest {
  readonly name: string;
  readonly [more: string]: unknown;
}

function pack(manifest: Manifest, files: readonly Entry[], epoch: number): Package {
  const described = { path: "package.json", bytes: Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`) };
  const placed = [described, ...files].map((file) => ({ ...file, path: `package/${file.path}` }));
  // The name that npm pack gives.
  const name = `${manifest.name.replace("@", "").replace("/", "-")}-${VERSION}.tgz`;
  return { name, bytes: gzip(tar(placed, epoch)) };
}

const README = `# fdinit

A container init (PID 1) whose policy says what becomes of every inherited file descriptor. This package brings its command line to
a pipeline: policies are checked before an image is built.

    npx fdinit check policy.yaml

It has executables for Linux on x86-64 and arm64, with any C library. On another platform it ends with code 126.
`;
