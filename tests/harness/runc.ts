// Containers by runc, in a state directory of the test's own.

import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { register, temporaryDirectory } from "./leftovers.ts";
import { makeRootfs } from "./rootfs.ts";

const NAMESPACES = ["pid", "ipc", "uts", "mount", "network"].map((type) => ({ type }));
const MOUNTS = [
  { destination: "/proc", type: "proc", source: "proc" },
  { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
  { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"] },
];

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let count = 0;

export class Runc {
  readonly #directory = temporaryDirectory();
  readonly #state = join(this.#directory, "state");
  readonly id = `fdinit-test-${process.pid}-${++count}`;

  /**
   * A container that runs `args`, with more of config.json's `process` and `linux` and files at its root if wanted;
   * in a root file system of its own with busybox, or in one that is there.
   */
  constructor(
    args: readonly string[],
    more: object = {},
    files: Readonly<Record<string, string>> = {},
    linux: object = {},
    rootfs?: string,
  ) {
    // Root of a user namespace, who is another user outside, has to get in.
    chmodSync(this.#directory, 0o755);
    if (rootfs === undefined) {
      mkdirSync(join(this.#directory, "rootfs"));
      makeRootfs(join(this.#directory, "rootfs"));
    }
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(this.#directory, "rootfs", name), text);
    const process = {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args,
      env: ["PATH=/bin"],
      cwd: "/",
      capabilities: Object.fromEntries(
        ["bounding", "effective", "permitted"].map((set) => [set, ["CAP_KILL", "CAP_SETUID", "CAP_SETGID"]]),
      ),
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 4096, soft: 777 }],
      ...more,
    };
    const config = {
      ociVersion: "1.0.2",
      process,
      root: { path: rootfs ?? "rootfs", readonly: true },
      mounts: MOUNTS,
      linux: { namespaces: NAMESPACES, ...linux },
    };
    writeFileSync(join(this.#directory, "config.json"), JSON.stringify(config));
  }

  /** The contents of `linux` for a user namespace in which every user is another one outside. */
  static readonly USER_NAMESPACE = {
    namespaces: [...NAMESPACES, { type: "user" }],
    uidMappings: [{ containerID: 0, hostID: 100_000, size: 65_536 }],
    gidMappings: [{ containerID: 0, hostID: 100_000, size: 65_536 }],
  };

  /** `runc run`, as a process whose standard streams are pipes. */
  start(flags: readonly string[] = [], wrap: readonly string[] = []): Bun.Subprocess<"pipe", "pipe", "pipe"> {
    const command = [
      ...wrap,
      "runc",
      "--root",
      this.#state,
      "run",
      "--bundle",
      this.#directory,
      ...flags,
      this.id,
    ];
    return register(Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "pipe", timeout: 30_000 }));
  }

  async run(flags: readonly string[] = [], wrap: readonly string[] = []): Promise<Finished> {
    return finish(this.start(flags, wrap));
  }

  /** Another runc command for this container. */
  command(name: string, ...words: string[]): Finished {
    const { exitCode, stdout, stderr } = Bun.spawnSync(
      ["runc", "--root", this.#state, name, this.id, ...words],
      { timeout: 30_000 },
    );
    return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  /** Removes what is left of it, whatever state it is in. */
  remove(): void {
    Bun.spawnSync(["runc", "--root", this.#state, "delete", "--force", this.id], { timeout: 30_000 });
  }
}

/** A recorder's lines without SIGURG: runc passes on its own, by which Go interrupts goroutines that are slow. */
export function withoutSigurg(stdout: string): string {
  return stdout.replaceAll("23 0 0\n", "");
}

export async function finish(process: Bun.Subprocess<"pipe", "pipe", "pipe">): Promise<Finished> {
  void process.stdin.end();
  const [stdout, stderr, code] = await Promise.all([
    new Response(process.stdout).text(),
    new Response(process.stderr).text(),
    process.exited,
  ]);
  return { code, stdout, stderr };
}

/** Waits for "ready" on standard output; answers a function that gives what came after it, at the end. */
export async function ready(
  process: Bun.Subprocess<"pipe", "pipe", "pipe">,
): Promise<() => Promise<Finished>> {
  const reader = process.stdout.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes("ready\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`ended before it was ready: ${await new Response(process.stderr).text()}`);
    text += decoder.decode(value, { stream: true });
  }
  return async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read())
      text += decoder.decode(next.value, { stream: true });
    const stderr = await new Response(process.stderr).text();
    return { code: await process.exited, stdout: text.slice(text.indexOf("ready\n") + 6), stderr };
  };
}
