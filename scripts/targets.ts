// The machines an executable can be built for, and where each one's Bun comes from: npm's packages of the
// pinned version, fetched by name through Bun's own client into .cache/ when a target is first built.
// Nothing is used whose bytes are not the ones written down here.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const root = join(import.meta.dir, "..");
const pinned: string = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).engines.bun;

export type TargetName =
  | "linux-x64"
  | "linux-arm64"
  | "linux-x64-musl"
  | "linux-arm64-musl"
  | "linux-x64-baseline";

export interface Target {
  readonly name: TargetName;
  /** The answer of `uname -m` there. */
  readonly machine: "x86_64" | "aarch64";
  readonly libc: "glibc" | "musl";
  /** npm's package with Bun for this target. */
  readonly package: string;
  /** Of the executable in that package, at the pinned version. */
  readonly sha256: string;
}

/** For a new Bun: its version in package.json, then these; a build says what each one is when it is not this. */
export const TARGETS: readonly Target[] = [
  {
    name: "linux-x64",
    machine: "x86_64",
    libc: "glibc",
    package: "@oven/bun-linux-x64",
    sha256: "f05d28a3862f4b84395c7fa32480b835dd47482e80b7e7a49a115227f0c06083",
  },
  {
    name: "linux-arm64",
    machine: "aarch64",
    libc: "glibc",
    package: "@oven/bun-linux-aarch64",
    sha256: "04778f1f42399a69d086853e9c7af4acf574b2f21a43d0dc673853d8b84a2923",
  },
  {
    name: "linux-x64-musl",
    machine: "x86_64",
    libc: "musl",
    package: "@oven/bun-linux-x64-musl",
    sha256: "cf5d285ddbe256785a5121a3c113191a6b577504976374c7cfd5aedca609b720",
  },
  {
    name: "linux-arm64-musl",
    machine: "aarch64",
    libc: "musl",
    package: "@oven/bun-linux-aarch64-musl",
    sha256: "9c48986093073afec8b76a3e285303598dd2462f52748aecb65e4d94866e1ea3",
  },
  // Since 1.4 the same bytes as linux-x64, which needs no more than SSE4.2 and looks for AVX when it runs.
  {
    name: "linux-x64-baseline",
    machine: "x86_64",
    libc: "glibc",
    package: "@oven/bun-linux-x64-baseline",
    sha256: "f05d28a3862f4b84395c7fa32480b835dd47482e80b7e7a49a115227f0c06083",
  },
];

/** The same program on QuickJS, as one file that needs no library: scripts/static.ts. */
export interface StaticTarget {
  readonly name: "linux-x64-static" | "linux-arm64-static";
  readonly machine: Target["machine"];
}

export const STATIC_TARGETS: readonly StaticTarget[] = [
  { name: "linux-x64-static", machine: "x86_64" },
  { name: "linux-arm64-static", machine: "aarch64" },
];

export function staticTargetOfThisMachine(): StaticTarget {
  const { machine } = targetOfThisMachine();
  return STATIC_TARGETS.find((target) => target.machine === machine) as StaticTarget;
}

export function targetNamed(name: string): Target {
  const found = TARGETS.find((target) => target.name === name);
  const known = [...TARGETS, ...STATIC_TARGETS].map((target) => target.name).join(", ");
  if (!found) throw new Error(`no target ${JSON.stringify(name)}: ${known}`);
  return found;
}

/** The target whose executables run on this machine. */
export function targetOfThisMachine(): Target {
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  const libc = existsSync(`/lib/ld-musl-${machine}.so.1`) && !hasGlibc() ? "musl" : "glibc";
  return TARGETS.find((target) => target.machine === machine && target.libc === libc) as Target;
}

function hasGlibc(): boolean {
  return ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"].some((path) => existsSync(path));
}

/** Where Bun for `target` is, fetched when it is not there yet. */
export function bunFor(target: Target): string {
  const file = join(root, ".cache", "bun", pinned, target.name, "bun");
  if (!existsSync(file)) fetchBun(target, file);
  const sha256 = sha256Of(file);
  if (sha256 === target.sha256) return file;
  throw new Error(`${file}, from ${target.package}@${pinned}, has SHA-256 ${sha256}, not ${target.sha256}`);
}

function fetchBun(target: Target, file: string): void {
  const folder = mkdtempSync(join(tmpdir(), "fdinit-bun-"));
  try {
    writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
    const command = ["add", "--exact", "--ignore-scripts", "--os=linux", "--cpu=*"];
    const added = Bun.spawnSync([process.execPath, ...command, `${target.package}@${pinned}`], {
      cwd: folder,
    });
    if (!added.success) throw new Error(`cannot fetch ${target.package}@${pinned}:\n${added.stderr}`);
    mkdirSync(dirname(file), { recursive: true });
    const fresh = `${file}.${process.pid}`;
    // A copy, because Bun's own cache of packages is linked to what was installed.
    const copied = Bun.spawnSync(["cp", join(folder, "node_modules", target.package, "bin", "bun"), fresh]);
    if (!copied.success) throw new Error(copied.stderr.toString());
    chmodSync(fresh, 0o755);
    renameSync(fresh, file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function sha256Of(file: string): string {
  return new Bun.CryptoHasher("sha256").update(readFileSync(file)).digest("hex");
}
