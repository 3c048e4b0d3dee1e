// A root file system of Debian's own packages: made by debootstrap when it is first needed, and kept in .cache/
// as a tar, so that a search through the repository does not go through Debian.

import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./fixtures.ts";
import { missing } from "./needs.ts";

const SUITE = "bookworm";
/** The packages that the images of images/ install, so that their Dockerfiles build without a network. */
const PACKAGES = ["nginx-light", "redis-server", "postgresql-15", "php8.2-fpm", "python3-minimal"];
/** Programs that have a policy in policies/, and curl and cgi-fcgi to ask them something. */
const PROGRAM_PACKAGES = [
  ...["apache2", "php8.2-fpm", "mariadb-server", "memcached", "rabbitmq-server", "haproxy", "nginx-light"],
  ...["redis-server", "nodejs", "gunicorn", "uvicorn", "openjdk-17-jre-headless", "cron", "openssh-server"],
  ...["dbus", "python3-minimal", "libfcgi-bin", "curl"],
];
/** Files that no program here needs to run: half of it all. The last two are PostgreSQL's compiler of queries. */
const LEFT_OUT = [
  ...["var/cache/apt/archives", "var/lib/apt/lists", "var/lib/postgresql/15"],
  ...["usr/share/doc", "usr/share/locale", "usr/share/man"],
  ...["usr/lib/*/libLLVM-*", "usr/lib/*/libz3.*"],
];

const CACHE = join(ROOT, ".cache");

/** The tar of a root with these packages: one for each list of them. */
function tarOf(packages: readonly string[]): string {
  const name = createHash("sha256").update(JSON.stringify([SUITE, packages, LEFT_OUT, "no sources"]));
  return join(CACHE, `debian-${SUITE}-${name.digest("hex").slice(0, 12)}.tar`);
}

/** `docker import` takes it as it is. */
export const DEBIAN = tarOf(PACKAGES);
/** The same with more programs. It has a gigabyte, so that only tests of those programs use it. */
export const DEBIAN_PROGRAMS = tarOf(PROGRAM_PACKAGES);

/** Why there is no such root, or undefined when there is. */
export function whyNoDebian(): string | undefined {
  return existsSync(DEBIAN) ? undefined : (missing("root", "debootstrap") ?? make(DEBIAN, PACKAGES));
}

export function whyNoPrograms(): string | undefined {
  if (existsSync(DEBIAN_PROGRAMS)) return undefined;
  return missing("root", "debootstrap") ?? make(DEBIAN_PROGRAMS, PROGRAM_PACKAGES);
}

function make(file: string, packages: readonly string[]): string | undefined {
  mkdirSync(CACHE, { recursive: true });
  const scratch = mkdtempSync(join(tmpdir(), "fdinit-debootstrap-"));
  try {
    // It becomes the container's "/".
    chmodSync(scratch, 0o755);
    const words = ["--variant=minbase", `--include=${packages.join(",")}`, SUITE, scratch];
    const { success, stdout } = Bun.spawnSync(["debootstrap", ...words], {
      timeout: 600_000,
      stdin: "ignore",
    });
    if (!success) return `debootstrap failed: ${stdout.toString().trim().split("\n").at(-1)}`;
    for (const path of LEFT_OUT.flatMap((pattern) => globSync(pattern, { cwd: scratch })))
      rmSync(join(scratch, path), { recursive: true });
    // Nothing can be fetched from where this is used, and apt-get need not try.
    writeFileSync(join(scratch, "etc/apt/sources.list"), "");
    const fresh = `${file}.${process.pid}`;
    tar("--create", "--one-file-system", "--file", fresh, "--directory", scratch, ".");
    renameSync(fresh, file);
    return undefined;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Its files in a directory. */
export function unpackDebian(directory: string): void {
  mkdirSync(directory, { recursive: true });
  tar("--extract", "--file", DEBIAN, "--directory", directory);
}

function tar(...words: string[]): void {
  const { success, stderr } = Bun.spawnSync(["tar", ...words], { timeout: 300_000, stdin: "ignore" });
  if (!success) throw new Error(`tar failed: ${stderr}`);
}
