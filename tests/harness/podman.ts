// Podman with storage, state and settings of the test's own, run as root without a network.

import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../scripts/debian.ts";
import type { Answer } from "./docker.ts";
import { letLast } from "./leftovers.ts";
import { UNSHARE } from "./needs.ts";
import { children, until } from "./processes.ts";

/** A folder with a static busybox and nothing else: no C library, no /etc. Every user may read it, with any umask. */
export function bareRoot(root: string): string {
  mkdirSync(join(root, "bin"), { recursive: true });
  copyFileSync(Bun.which("busybox") ?? "", join(root, "bin", "busybox"));
  for (const path of ["", "bin", "bin/busybox"]) chmodSync(join(root, path), 0o755);
  for (const applet of ["sh", "true", "cat", "sleep"]) symlinkSync("busybox", join(root, "bin", applet));
  return root;
}

/** Why Podman runs nothing on this machine, fdinit or not; undefined when it does. */
export function whyNoPodman(): string | undefined {
  const engine = new Podman();
  const root = bareRoot(mkdtempSync(join(tmpdir(), "fdinit-podman-root-")));
  try {
    const imported = engine.import("tried", root, "ENV PATH=/bin");
    const tried = imported.code === 0 ? engine.run("tried", "true") : imported;
    return tried.code === 0
      ? undefined
      : `podman runs nothing here: ${tried.stderr.trim().split("\n").at(-1)}`;
  } finally {
    engine.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

/** Limits that the machine may not raise, and helpers (the program behind a pod) from our own folder first. */
const settings = (helpers: string) => `[containers]
default_ulimits=["nofile=1024:1024","nproc=4096:4096"]
[engine]
helper_binaries_dir=["${helpers}","/usr/local/lib/podman","/usr/lib/podman","/usr/libexec/podman"]
`;

export class Podman {
  readonly #directory = mkdtempSync(join(tmpdir(), "fdinit-podman-"));
  /** Where Podman looks for the program behind a pod, `catatonit`. */
  readonly helpers = join(this.#directory, "helpers");

  /** The start of every command: nothing, or the way into namespaces of the engine's own. */
  private enter: readonly string[] = [];
  private keeper: Bun.Subprocess | undefined;

  /**
   * An engine with a PID namespace of its own, whose first process reaps the monitors of containers. Podman waits for them to be
   * gone, and a test process, which is the next parent of what it left behind, reaps nothing before its end.
   */
  static async apart(): Promise<Podman> {
    const engine = new Podman();
    const keeper = Bun.spawn([...UNSHARE, "sh", "-c", "trap exit TERM; sleep infinity & wait; wait"], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    letLast(keeper.pid);
    engine.keeper = keeper;
    const [first] = await until("the namespace is there", () => {
      const found = children(keeper.pid);
      return found.length > 0 && found;
    });
    engine.enter = ["nsenter", `--target=${first}`, "--pid", "--mount"];
    await until(
      "it has a /proc",
      () => Bun.spawnSync([...engine.enter, "test", "-e", "/proc/1/stat"]).success,
    );
    return engine;
  }

  constructor() {
    mkdirSync(this.helpers);
    writeFileSync(join(this.#directory, "containers.conf"), settings(this.helpers));
  }

  podman(...words: string[]): Answer {
    const { exitCode, stdout, stderr } = Bun.spawnSync(this.command(...words), {
      stdin: "ignore",
      timeout: 60_000,
      env: { ...process.env, ...this.environment },
    });
    return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  /** The whole command line of a podman command for this engine. */
  command(...words: string[]): string[] {
    const at = (name: string) => join(this.#directory, name);
    const options = [
      ...[`--root=${at("root")}`, `--runroot=${at("run")}`, `--tmpdir=${at("tmp")}`],
      ...["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--runtime=runc", "--events-backend=file"],
    ];
    return [...this.enter, "podman", ...options, ...words];
  }

  /** The variables that such a command needs besides. */
  get environment(): Record<string, string> {
    return { CONTAINERS_CONF: join(this.#directory, "containers.conf") };
  }

  /** `podman run`, removed afterwards. */
  run(...words: string[]): Answer {
    return this.podman("run", "--rm", "--network=none", ...words);
  }

  /** An image of a folder, with these lines of a Dockerfile. */
  import(tag: string, folder: string, ...changes: string[]): Answer {
    const tar = join(this.#directory, "image.tar");
    run(["tar", "--owner=0", "--group=0", "-C", folder, "-cf", tar, "."], this.#directory);
    const answer = this.podman("import", ...changes.flatMap((change) => ["--change", change]), tar, tag);
    rmSync(tar);
    return answer;
  }

  /** Removes every container, pod and file of it; answers what could not be removed. */
  stop(): string[] {
    const left: string[] = [];
    for (const words of [
      ["pod", "rm", "--all", "--force", "--time=0"],
      ["rm", "--all", "--force", "--time=0"],
    ]) {
      const { code, stderr } = this.podman(...words);
      if (code !== 0) left.push(`podman ${words.join(" ")}: ${stderr}`);
    }
    this.keeper?.kill("SIGKILL");
    rmSync(this.#directory, { recursive: true, force: true });
    return left;
  }
}
