// The files of a release by their form, made of small files in place of executables: the same bytes from the same inputs, and what
// each format asks for.

import { beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { tar } from "../../../scripts/release/archives.ts";
import { image } from "../../../scripts/release/image.ts";
import { npmPackages } from "../../../scripts/release/npm.ts";
import { type Product, VERSION } from "../../../scripts/release/product.ts";
import { IMAGE, makeRelease, PROVENANCE } from "../../../scripts/release.ts";
import { STATIC_TARGETS, sha256Of, targetNamed } from "../../../scripts/targets.ts";
import { ROOT } from "../../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../../harness/leftovers.ts";
import { testUnless } from "../../harness/needs.ts";

leaveNothingBehind();

const EPOCH = 1_700_000_000;
const SOURCE = { epoch: EPOCH, commit: "0123456789abcdef0123456789abcdef01234567", isModified: false };
const PART = {
  type: "platform",
  "bom-ref": "pkg:npm/engine@1",
  name: "engine",
  version: "1",
  purl: "pkg:npm/engine@1",
  hashes: [{ alg: "SHA-256", content: "ab".repeat(32) }],
} as const;
const noDpkg =
  Bun.which("dpkg-deb") === null ? "dpkg-deb is not installed (apt-get install dpkg)" : undefined;

/** Static executables for both architectures and one on Bun, by their names only. */
function products(folder: string): Product[] {
  return [...STATIC_TARGETS, targetNamed("linux-x64")].map((target) => {
    const file = join(folder, target.name);
    writeFileSync(file, `#!/bin/sh\necho ${target.name}\n`);
    return { target, file, parts: [PART], licences: "== engine ==\n\nCopyright: its authors\n" };
  });
}

/** The entries of a tar by their paths. */
function entries(bytes: Uint8Array): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  const archive = Buffer.from(bytes);
  for (let at = 0; archive[at] !== 0; ) {
    const text = (from: number, length: number) => archive.toString("latin1", at + from, at + from + length);
    const size = Number.parseInt(text(124, 11), 8);
    found.set(text(0, 100).replace(/\0.*$/s, ""), archive.subarray(at + 512, at + 512 + size));
    at += 512 * (1 + Math.ceil(size / 512));
  }
  return found;
}

function digests(folder: string): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, sha256Of(join(folder, name))]));
}

test("a tar is one that GNU tar reads, owned by root, with one time", () => {
  const folder = temporaryDirectory();
  const bytes = tar(
    [
      { path: "a/b/run", bytes: Buffer.from("#!/bin/sh\n"), mode: 0o755 },
      { path: "a/empty", bytes: Buffer.alloc(0) },
    ],
    EPOCH,
  );
  writeFileSync(join(folder, "made.tar"), bytes);
  const listed = Bun.spawnSync(["tar", "--utc", "--full-time", "-tvf", join(folder, "made.tar")], {
    env: { ...process.env, LC_ALL: "C" },
  });
  expect(listed.stderr.toString()).toBe("");
  const lines = listed.stdout.toString().trim().split("\n");
  expect(lines.map((line) => line.replace(/\s+/g, " "))).toEqual([
    "drwxr-xr-x root/root 0 2023-11-14 22:13:20 a/",
    "drwxr-xr-x root/root 0 2023-11-14 22:13:20 a/b/",
    "-rwxr-xr-x root/root 10 2023-11-14 22:13:20 a/b/run",
    "-rw-r--r-- root/root 0 2023-11-14 22:13:20 a/empty",
  ]);
  expect(() => tar([{ path: "x".repeat(101), bytes }], EPOCH)).toThrow("too long");
});

describe("the image", () => {
  let files: Map<string, Buffer>;
  const read = (path: string) => JSON.parse(files.get(path)?.toString() ?? "null");
  const blob = (digest: string) => read(`blobs/sha256/${digest.replace("sha256:", "")}`);

  beforeAll(() => {
    files = entries(image(products(temporaryDirectory()).slice(0, 2), EPOCH, SOURCE.commit));
  });

  test("has each blob under its own digest", () => {
    const blobs = [...files].filter(([path]) => /^blobs\/sha256\/./.test(path));
    expect(blobs.length).toBe(7);
    for (const [path, bytes] of blobs)
      expect(path).toBe(`blobs/sha256/${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`);
  });

  test("is an index of amd64 and arm64 whose only file is /fdinit", () => {
    expect(read("oci-layout")).toEqual({ imageLayoutVersion: "1.0.0" });
    const [only] = read("index.json").manifests;
    const index = blob(only.digest);
    const platforms = index.manifests.map(({ platform }: { platform: unknown }) => platform);
    expect(platforms).toEqual([
      { architecture: "amd64", os: "linux" },
      { architecture: "arm64", os: "linux" },
    ]);
    for (const { digest, platform, size } of index.manifests) {
      const manifest = blob(digest);
      expect(files.get(`blobs/sha256/${digest.slice(7)}`)?.length).toBe(size);
      expect(manifest.annotations["org.opencontainers.image.version"]).toBe(VERSION);
      expect(manifest.annotations["org.opencontainers.image.revision"]).toBe(SOURCE.commit);
      const config = blob(manifest.config.digest);
      expect(config).toMatchObject({ ...platform, created: "2023-11-14T22:13:20Z" });
      expect(config.config.Entrypoint).toEqual(["/fdinit"]);
      const layer = gunzipSync(files.get(`blobs/sha256/${manifest.layers[0].digest.slice(7)}`) ?? "");
      expect([...entries(layer).keys()]).toEqual(["fdinit"]);
      const digestOfLayer = new Bun.CryptoHasher("sha256").update(layer).digest("hex");
      expect(config.rootfs.diff_ids).toEqual([`sha256:${digestOfLayer}`]);
    }
  });

  test("names the same blobs in manifest.json, for docker load", () => {
    const [amd64, arm64] = read("manifest.json");
    expect(amd64.RepoTags).toEqual([`fdinit:${VERSION}`, "fdinit:latest", `fdinit:${VERSION}-amd64`]);
    expect(arm64.RepoTags).toEqual([`fdinit:${VERSION}-arm64`]);
    for (const { Config, Layers } of [amd64, arm64])
      for (const path of [Config, ...Layers]) expect([...files.keys()]).toContain(path);
  });
});

describe("the packages for npm", () => {
  const packed = () =>
    npmPackages(products(temporaryDirectory()).slice(0, 2), EPOCH).map(({ name, bytes }) => {
      const files = entries(gunzipSync(bytes));
      return { name, files, manifest: JSON.parse(files.get("package/package.json")?.toString() ?? "") };
    });

  test("are a launcher, and one package for each machine that it may choose", () => {
    const [launcher, ...platforms] = packed();
    expect(launcher?.name).toBe(`fdinit-${VERSION}.tgz`);
    expect(launcher?.manifest).toMatchObject({
      name: "fdinit",
      version: VERSION,
      bin: { fdinit: "fdinit.js" },
    });
    const wanted = Object.fromEntries(platforms.map(({ manifest }) => [manifest.name, VERSION]));
    expect(launcher?.manifest.optionalDependencies).toEqual(wanted);
    expect(platforms.map(({ manifest }) => [manifest.os, manifest.cpu])).toEqual([
      [["linux"], ["x64"]],
      [["linux"], ["arm64"]],
    ]);
    for (const { files } of platforms) expect([...files.keys()]).toContain("package/THIRD-PARTY-LICENCES");
  });
});

testUnless(noDpkg, "the same inputs give the same bytes, in another folder and at another time", () => {
  const folder = temporaryDirectory();
  const [first, second] = ["a", "b"].map((name) => {
    mkdirSync(join(folder, name));
    const made = products(join(folder, name));
    if (name === "b") for (const { file } of made) utimesSync(file, 1, 1);
    makeRelease(join(folder, `${name}.out`), made, SOURCE);
    return digests(join(folder, `${name}.out`));
  });
  expect(Object.keys(first ?? {}).length).toBe(13);
  expect(second).toEqual(first as Record<string, string>);
  const later = products(folder);
  makeRelease(join(folder, "later"), later, { ...SOURCE, epoch: EPOCH + 1 });
  expect(digests(join(folder, "later"))[IMAGE]).not.toBe(first?.[IMAGE]);
});

testUnless(
  noDpkg,
  "checksums, the bill of materials and the statement of provenance are about every file",
  () => {
    const folder = join(temporaryDirectory(), "release");
    mkdirSync(folder);
    makeRelease(folder, products(temporaryDirectory()), SOURCE);
    const names = readdirSync(folder);
    const checked = Bun.spawnSync(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], {
      cwd: folder,
    });
    expect({ code: checked.exitCode, stdout: checked.stdout.toString() }).toEqual({ code: 0, stdout: "" });
    const sums = readFileSync(join(folder, "SHA256SUMS"), "utf8").trim().split("\n");
    const summed = sums.map((line) => line.split("  ")[1] ?? "");
    expect(summed.sort()).toEqual(names.filter((name) => name !== "SHA256SUMS").sort());

    const statement = JSON.parse(readFileSync(join(folder, PROVENANCE), "utf8"));
    expect(statement._type).toBe("https://in-toto.io/Statement/v1");
    expect(statement.predicateType).toBe("https://slsa.dev/provenance/v1");
    for (const { name, digest } of statement.subject)
      expect({ name, digest }).toEqual({ name, digest: { sha256: sha256Of(join(folder, name)) } });
    const about = statement.subject.map(({ name }: { name: string }) => name);
    expect([...about, PROVENANCE].sort()).toEqual(summed);
    const { buildDefinition, runDetails } = statement.predicate;
    expect(buildDefinition.buildType).toMatch(/^urn:fdinit:/);
    expect(buildDefinition.externalParameters.targets.length).toBe(3);
    expect(buildDefinition.resolvedDependencies).toEqual([
      { uri: `pkg:generic/fdinit@${VERSION}`, digest: { gitCommit: SOURCE.commit } },
      { uri: PART.purl, digest: { sha256: "ab".repeat(32) } },
    ]);
    expect(runDetails.builder.id).toMatch(/^\w+:/);

    const bill = JSON.parse(readFileSync(join(folder, "fdinit.cdx.json"), "utf8"));
    const files = bill.components.filter(({ type }: { type: string }) => type === "file");
    const { subject } = statement;
    expect(files.length).toBe(subject.length - 2);
  },
);

test("a folder that has other files is not replaced", () => {
  const folder = temporaryDirectory();
  writeFileSync(join(folder, "mine"), "");
  const refused = Bun.spawnSync([process.execPath, "scripts/release.ts", "--output", folder], { cwd: ROOT });
  expect(refused.success).toBe(false);
  expect(refused.stderr.toString()).toContain("is not empty: name a folder that is not there yet");
  expect(existsSync(join(folder, "mine"))).toBe(true);
});

test("the launcher says what to do where no executable is, with code 126", () => {
  const folder = temporaryDirectory();
  const text = readFileSync(join(ROOT, "scripts/release/launcher.js"), "utf8");
  const run = (source: string) => {
    writeFileSync(join(folder, "fdinit.cjs"), source);
    const { exitCode, stderr } = Bun.spawnSync([process.execPath, join(folder, "fdinit.cjs"), "version"]);
    return { code: exitCode, stderr: stderr.toString() };
  };
  const absent = run(text);
  expect(absent.code).toBe(126);
  expect(absent.stderr).toMatch(
    /its package @fdinit\/linux-(x64|arm64) is not installed\n {4}.*--omit=optional/,
  );
  const elsewhere = run(text.replace("`${process.platform}-${process.arch}`", '"darwin-arm64"'));
  expect(elsewhere.code).toBe(126);
  expect(elsewhere.stderr).toMatch(
    /no executable for darwin-arm64, only for linux-x64 and linux-arm64\n.*docker run/,
  );
});

test("docker build at the top takes the folders that the static executable is made of, and nothing that a clone does not have", () => {
  const ignored = readFileSync(join(ROOT, ".dockerignore"), "utf8").split("\n");
  const taken = ignored.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  expect(ignored).toContain("*");
  const tracked = Bun.spawnSync(["git", "ls-files"], { cwd: ROOT }).stdout.toString().split("\n");
  for (const path of taken)
    expect({ path, isTracked: tracked.some((name) => name === path || name.startsWith(`${path}/`)) }).toEqual(
      {
        path,
        isTracked: true,
      },
    );
  const sources = /const SOURCES = \[(.*?)\];/s.exec(
    readFileSync(join(ROOT, "scripts/static.ts"), "utf8"),
  )?.[1];
  const needed = [...(sources ?? "").matchAll(/^\s*"([^"/]+)/gm)].map(([, name]) => name as string);
  expect(needed.length).toBeGreaterThan(6);
  for (const name of needed) expect(taken).toContain(name);
});
