// A package of Debian's for an architecture. It has the static executable: that one needs no library, so one package is for every
// release of Debian and what derives from it, and it is the file that Docker and Podman take for --init-path.

import {
  chmodSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Entry, gzip } from "./archives.ts";
import { ARCHITECTURES, MAN_PAGES, type Product, sharedFiles, textOf, VERSION } from "./product.ts";

/** The revision is of the packaging, which is made anew for each version. */
const DEBIAN_VERSION = `${VERSION}-1`;
/** No address of the project's takes mail: reports go the way SECURITY.md and the issue forms say. */
const MAINTAINER = "The fdinit authors <fdinit@packages.invalid>";
const DOCUMENTS = "usr/share/doc/fdinit";

/** Written to `output`; its name. */
export function debianPackage(product: Product, output: string, epoch: number): string {
  const architecture = ARCHITECTURES[product.target.machine].debian;
  const name = `fdinit_${DEBIAN_VERSION}_${architecture}.deb`;
  const folder = mkdtempSync(join(tmpdir(), "fdinit-deb-"));
  try {
    const files = installed(product, epoch);
    const kib = files.reduce((sum, { bytes }) => sum + Math.ceil(bytes.length / 1024), 0);
    const sums = files.map(
      ({ path, bytes }) => `${new Bun.CryptoHasher("md5").update(bytes).digest("hex")}  ${path}\n`,
    );
    const described: Entry[] = [
      { path: "DEBIAN/control", bytes: Buffer.from(control(architecture, kib)) },
      { path: "DEBIAN/md5sums", bytes: Buffer.from(sums.join("")) },
    ];
    lay([...files, ...described], folder, epoch);
    const words = ["--root-owner-group", "-Zxz", "--build", folder, join(output, name)];
    // One thread, because what several threads of xz write depends on their number.
    const env = { ...process.env, SOURCE_DATE_EPOCH: String(epoch), DPKG_DEB_THREADS_MAX: "1" };
    const built = Bun.spawnSync(["dpkg-deb", ...words], { env });
    if (!built.success) throw new Error(`dpkg-deb failed:\n${built.stderr}`);
    return name;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function installed(product: Product, epoch: number): Entry[] {
  return [
    { path: "usr/sbin/fdinit", bytes: readFileSync(product.file), mode: 0o755 },
    ...MAN_PAGES.map(({ name, section, bytes }) => ({
      path: `usr/share/man/man${section}/${name}.gz`,
      bytes: gzip(bytes),
    })),
    ...sharedFiles().map((file) => ({ ...file, path: `usr/share/fdinit/${file.path}` })),
    { path: `${DOCUMENTS}/copyright`, bytes: Buffer.from(copyright(product)) },
    { path: `${DOCUMENTS}/changelog.gz`, bytes: gzip(textOf("CHANGELOG.md")) },
    { path: `${DOCUMENTS}/changelog.Debian.gz`, bytes: gzip(Buffer.from(changelog(epoch))) },
    { path: "usr/share/lintian/overrides/fdinit", bytes: Buffer.from(OVERRIDES) },
  ];
}

function control(architecture: string, kib: number): string {
  return `Package: fdinit
Version: ${DEBIAN_VERSION}
Architecture: ${architecture}
Maintainer: ${MAINTAINER}
Installed-Size: ${kib}
Section: admin
Priority: optional
Description: container init that decides about every inherited file descriptor
 fdinit runs as process 1 of a container, or below it. It decides by a policy
 about every file descriptor that was open when it started, starts one program
 or several with exactly those they are promised, forwards signals, reaps every
 child, shuts down in order, and exits with the program's own code.
 .
 This is the static executable, which needs no library. It is also the file for
 the option --init-path of dockerd and of podman run --init.
`;
}

function copyright({ licences }: Product): string {
  return `fdinit ${VERSION}, and what is part of its executable, with the licence of each.\n\n${licences}`;
}

function changelog(epoch: number): string {
  const date = new Date(epoch * 1000).toUTCString().replace("GMT", "+0000");
  return `fdinit (${DEBIAN_VERSION}) unstable; urgency=medium

  * Made by scripts/release.ts of fdinit ${VERSION}; its changes are in changelog.gz.

 -- ${MAINTAINER}  ${date}
`;
}

/** The tags of lintian's that this package earns on purpose. */
const OVERRIDES = `# A static executable with changing addresses looks like a library that needs none: an init for any
# image has to run where no library and no loader is.
fdinit: shared-library-lacks-prerequisites [usr/sbin/fdinit]
# The package is not uploaded to Debian, so there is no bug to close.
fdinit: initial-upload-closes-no-bugs *
`;

/** Modes and times that depend on nothing of this machine. */
function lay(files: readonly Entry[], folder: string, epoch: number): void {
  for (const { path, bytes, mode = 0o644 } of files) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    chmodSync(file, mode);
  }
  for (const { path } of files) utimesSync(join(folder, path), epoch, epoch);
  for (const path of ["", ...globSync("**/", { cwd: folder })]) {
    chmodSync(join(folder, path), 0o755);
    utimesSync(join(folder, path), epoch, epoch);
  }
}
