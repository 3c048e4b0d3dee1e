// The tools and rights that a test needs of the machine. A suite whose tools are missing is skipped by name, with the
// reason; scripts/test.ts collects the reasons.

import { describe, test } from "bun:test";
import { appendFileSync, globSync, readFileSync } from "node:fs";
import { whyNoArm64Musl } from "../../scripts/portable/musl.ts";

/** `root` also means: may make namespaces and mounts. */
export type Need =
  | "gcc"
  | "unshare"
  | "nsenter"
  | "root"
  | "raise limits"
  | "runc"
  | "dockerd"
  | "docker-compose"
  | "podman"
  | "containerd"
  | "ctr"
  | "busybox"
  | "debootstrap"
  | "strace"
  | "python3"
  | "bash"
  | "nginx"
  | "gunicorn"
  | "systemd-socket-activate"
  | "s6-fdholder-daemon"
  | "dbus-daemon"
  | "sshd"
  | "ssh-keygen"
  | "node"
  | "musl"
  | "musl-gcc"
  | "qemu-aarch64-static"
  | "aarch64-linux-gnu-gcc"
  | "libstdc++.a"
  | "arm64 libstdc++.a"
  | "arm64 musl"
  | "tini"
  | "dumb-init"
  | "catatonit";

/** FDINIT_LONG=1 runs the long versions. */
export const LONG = process.env["FDINIT_LONG"] === "1";

const PACKAGES: Partial<Record<Need, string>> = {
  gcc: "gcc libc6-dev",
  unshare: "util-linux",
  nsenter: "util-linux",
  runc: "runc",
  dockerd: "docker.io",
  "docker-compose": "docker-compose",
  podman: "podman",
  containerd: "containerd",
  ctr: "containerd",
  busybox: "busybox-static",
  debootstrap: "debootstrap",
  strace: "strace",
  python3: "python3-minimal",
  bash: "bash",
  nginx: "nginx-light",
  gunicorn: "gunicorn",
  "systemd-socket-activate": "systemd",
  "s6-fdholder-daemon": "s6",
  "dbus-daemon": "dbus-daemon",
  sshd: "openssh-server",
  "ssh-keygen": "openssh-client",
  node: "nodejs",
  musl: "musl",
  "musl-gcc": "musl-tools",
  "qemu-aarch64-static": "qemu-user-static",
  "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
  "libstdc++.a": "g++",
  "arm64 libstdc++.a": "g++-aarch64-linux-gnu",
  tini: "tini",
  "dumb-init": "dumb-init",
  catatonit: "catatonit",
};

/** Needs that are no command: whether each is there. */
const PLACES: Partial<Record<Need, () => boolean>> = {
  musl: () => globSync("/lib/*-linux-musl/libc.so").length > 0,
  "libstdc++.a": () => hasArchive("gcc"),
  "arm64 libstdc++.a": () => hasArchive("aarch64-linux-gnu-gcc"),
};

/** Whether a compiler finds its static C++ library: it answers with a path then, else with the bare name. */
function hasArchive(compiler: string): boolean {
  if (Bun.which(compiler) === null) return false;
  const { stdout } = Bun.spawnSync([compiler, "-print-file-name=libstdc++.a"], { timeout: 10_000 });
  return stdout.toString().startsWith("/");
}

const known = new Map<Need, string | undefined>();

/** Why the needs are not met, or undefined when they are. */
export function missing(...needs: Need[]): string | undefined {
  for (const need of needs) {
    if (!known.has(need)) known.set(need, look(need));
    const reason = known.get(need);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function look(need: Need): string | undefined {
  if (need === "root") return process.getuid?.() === 0 ? undefined : "not run as root";
  if (need === "raise limits")
    return hasCapability(CAP_SYS_RESOURCE) ? undefined : "limits cannot be raised here (no CAP_SYS_RESOURCE)";
  if (need === "arm64 musl") return whyNoArm64Musl();
  const isThere = PLACES[need]?.() ?? Bun.which(need) !== null;
  if (!isThere) return `${need} is not installed (apt-get install ${PACKAGES[need]})`;
  return need === "unshare" ? namespaces() : undefined;
}

// <linux/capability.h>
const CAP_SYS_RESOURCE = 24n;

function hasCapability(capability: bigint): boolean {
  const held = /^CapEff:\s*(\w+)/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0";
  return ((BigInt(`0x${held}`) >> capability) & 1n) === 1n;
}

/** The start of every command line that gives a program its own PID namespace; ends with it. */
export const UNSHARE: readonly string[] = [
  "unshare",
  ...(process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"]),
  "--pid",
  "--fork",
  "--mount-proc",
  "--kill-child",
];

function namespaces(): string | undefined {
  const tried = Bun.spawnSync([...UNSHARE, "true"], { timeout: 10_000 });
  return tried.success
    ? undefined
    : `no new PID namespace can be made here: ${tried.stderr.toString().trim()}`;
}

/** `describe`, skipped with a reason when a need is not met. */
export function describeWith(needs: readonly Need[], name: string, body: () => void): void {
  describeUnless(missing(...needs), name, body);
}

/** `describe`, skipped when there is a reason. */
export function describeUnless(reason: string | undefined, name: string, body: () => void): void {
  if (reason === undefined) describe(name, body);
  else {
    note(name, reason);
    describe.skip(name, body);
  }
}

/** Why a test of what Bun makes necessary is skipped with the static executable: its own descriptors, threads, second start, options. */
export const NOT_OF_BUN =
  process.env["FDINIT_ENGINE"] === "quickjs"
    ? "it is about what Bun makes necessary, and this executable has QuickJS"
    : undefined;

/** `test`, skipped when there is a reason. */
export function testUnless(
  reason: string | undefined,
  name: string,
  body: () => void | Promise<void>,
  deadlineMs?: number,
): void {
  if (reason !== undefined) {
    note(name, reason);
    test.skip(name, body);
  } else if (deadlineMs === undefined) test(name, body);
  else test(name, body, deadlineMs);
}

/** Says why something was skipped, here and to scripts/test.ts. */
function note(name: string, reason: string): void {
  console.error(`skipped: ${name}: ${reason}`);
  const file = process.env["FDINIT_TEST_SKIPS"];
  if (file) appendFileSync(file, `${JSON.stringify({ name, reason })}\n`);
}
