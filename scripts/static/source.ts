// Where QuickJS comes from: the source package of Debian 13, fetched by apt-get with lists of its own, unpacked in .cache/. Nothing
// is used whose bytes are not the ones written down here.

import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { aptGet, debianMirror, run } from "../debian.ts";
import type { Component } from "../materials.ts";
import { sha256Of } from "../targets.ts";

const root = join(import.meta.dir, "../..");

/** For a new QuickJS: these, and what scripts/static/link.ts says of its files. */
const RELEASE = "trixie";
export const VERSION = "2025.04.26";
const REVISION = "1";
const ARCHIVE = `quickjs_${VERSION}.orig.tar.xz`;
const SHA256 = "ec81da5b3249ed648dbc7df4a1654988910e66a118d9b71cb63534216efcfbbe";

/** The folder with QuickJS's source, fetched when it is not there yet. */
export function quickjs(): string {
  const cache = join(root, ".cache", "quickjs");
  const folder = join(cache, VERSION);
  if (existsSync(join(folder, "quickjs.c"))) return folder;
  const archive = join(cache, ARCHIVE);
  if (!existsSync(archive)) fetchArchive(cache);
  const sha256 = sha256Of(archive);
  if (sha256 !== SHA256) {
    rmSync(archive);
    throw new Error(`${ARCHIVE} has SHA-256 ${sha256}, not ${SHA256}`);
  }
  const scratch = mkdtempSync(join(cache, ".unpack-"));
  try {
    run(["tar", "-xf", archive, "--strip-components=1", "--no-same-owner"], scratch);
    if (!existsSync(join(folder, "quickjs.c"))) renameSync(scratch, folder);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return folder;
}

function fetchArchive(cache: string): void {
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(join(tmpdir(), "fdinit-apt-"));
  try {
    // The signature of Debian's archive is checked by apt-get, with the keys this machine trusts.
    const architecture = run(["dpkg", "--print-architecture"], scratch).trim();
    const apt = aptGet(scratch, architecture, `deb-src ${debianMirror()} ${RELEASE} main\n`);
    apt("update");
    apt("source", "--download-only", `quickjs=${VERSION}-${REVISION}`);
    const fresh = join(cache, `${ARCHIVE}.${process.pid}`);
    run(["cp", join(scratch, ARCHIVE), fresh], scratch);
    renameSync(fresh, join(cache, ARCHIVE));
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** For a bill of materials. */
export function quickjsComponent(): Component {
  const purl = `pkg:deb/debian/quickjs@${encodeURIComponent(`${VERSION}-${REVISION}`)}?arch=source`;
  return {
    type: "platform",
    "bom-ref": purl,
    name: "quickjs",
    version: `${VERSION}-${REVISION}`,
    description: `the JavaScript engine; the hash is that of ${ARCHIVE}`,
    purl,
    licenses: [{ license: { id: "MIT" } }],
    hashes: [{ alg: "SHA-256", content: SHA256 }],
  };
}
