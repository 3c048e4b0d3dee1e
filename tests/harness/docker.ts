// A Docker engine of the test's own: data, state, socket and cgroups apart from any other, in a PID
// and mount namespace that take its mounts and processes with them when it ends.

import {
  chmodSync,
  copyFileSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { layOut, portableTarget } from "../../scripts/portable.ts";
import { ROOT } from "./fixtures.ts";
import { letLast } from "./leftovers.ts";
import { UNSHARE } from "./needs.ts";
import { COUNT_ZOMBIES, children, until } from "./processes.ts";
import { makeRootfs } from "./rootfs.ts";

/** The whole recipe of a container. */
const DOCKERFILE = `FROM scratch
COPY rootfs/ /
ENV PATH=/bin
ENTRYPOINT ["/fdinit/fdinit", "--"]
`;

/** An option of dockerd's: root of a container is user 100000 outside. */
export const REMAPPED = "--userns-remap=remapped";

/** The machine's /etc with that user in it, over /etc in the daemon's own mount namespace. */
const WITH_USER = `
cp --archive /etc "$1"; echo remapped:x:900:900::/:/bin/false >>"$1/passwd"; echo remapped:x:900: >>"$1/group"
for file in subuid subgid; do echo remapped:100000:65536 >>"$1/$file"; done
mount --bind "$1" /etc; shift; exec "$@"`;

export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class Engine {
  readonly #directory = mkdtempSync(join(tmpdir(), "fdinit-docker-"));
  readonly #cgroup = `fdinit-test-${process.pid}`;
  readonly #daemon: Bun.Subprocess;

  private constructor(options: readonly string[]) {
    const at = (name: string) => join(this.#directory, name);
    // Root of a user namespace, who is another user outside, has to get in.
    chmodSync(this.#directory, 0o711);
    this.#daemon = Bun.spawn(
      [
        ...UNSHARE,
        ...(options.includes(REMAPPED) ? ["sh", "-ec", WITH_USER, "sh", at("etc")] : []),
        "dockerd",
        ...["--data-root", at("root"), "--exec-root", at("exec"), "--pidfile", at("pid")],
        ...["-H", this.host, "--iptables=false", "--ip6tables=false", "--bridge=none"],
        ...["--storage-driver=overlay2", `--cgroup-parent=/${this.#cgroup}`],
        ...options,
      ],
      { stdio: ["ignore", "ignore", Bun.file(at("log"))] },
    );
    letLast(this.#daemon.pid);
  }

  /** An engine that answers. `options` are dockerd's own. */
  static async start(...options: readonly string[]): Promise<Engine> {
    const engine = new Engine(options);
    const answers = await until("dockerd answers", () => {
      if (engine.#daemon.exitCode !== null) return "ended";
      return engine.docker("version").code === 0 && "answers";
    });
    if (answers === "answers") return engine;
    const log = await Bun.file(join(engine.#directory, "log")).text();
    await engine.stop();
    throw new Error(`dockerd ends at once: ${log.trim().split("\n").at(-1)}`);
  }

  /** An engine that has the image `fdinit`, which is nothing but the portable folder. */
  static async withFdinit(...options: readonly string[]): Promise<Engine> {
    layOut(portableTarget());
    const engine = await Engine.start(...options);
    const { code, stdout, stderr } = engine.buildFolder("fdinit", join(ROOT, "images/portable"));
    if (code === 0) return engine;
    await engine.stop();
    throw new Error(`the image fdinit cannot be built: ${stdout}${stderr}`);
  }

  docker(...words: string[]): Answer {
    return this.#run(words);
  }

  /** `docker run`, removed afterwards. */
  run(...words: string[]): Answer {
    return this.#run(["run", "--rm", "--network=none", ...words]);
  }

  /** Starts a container and waits until it has said "ready"; answers its id. */
  async detached(...words: string[]): Promise<string> {
    const { stdout, stderr, code } = this.docker("run", "--detach", "--network=none", ...words);
    if (code !== 0) throw new Error(stderr);
    const id = stdout.trim();
    await until("the container is ready", () => this.docker("logs", id).stdout.includes("ready\n"));
    return id;
  }

  /** The kernel's counters of a container's memory, by version 2 or 1 of cgroups; "" when there are none. */
  memoryEvents(id: string): string {
    const files = globSync(`/sys/fs/cgroup/{,*/}${this.#cgroup}/${id}/memory.{events,oom_control}`);
    return files.map((file) => readFileSync(file, "latin1")).join("");
  }

  /** Until no zombie is left in a running container. */
  async hasReaped(id: string): Promise<void> {
    await until("no zombie is left", () => this.docker("exec", id, ...COUNT_ZOMBIES).stdout === "0\n");
  }

  /** The exit code of a detached container, once it has ended; removes it. */
  ended(id: string): Answer {
    const code = Number(this.docker("wait", id).stdout);
    const { stdout, stderr } = this.docker("logs", id);
    this.docker("rm", id);
    return { code, stdout, stderr };
  }

  /** Builds an image from a directory with busybox and fdinit, or from a Dockerfile's text and other files. */
  build(tag: string, files: Record<string, string> = { Dockerfile: DOCKERFILE }): Answer {
    return this.#buildFrom(tag, (context) => {
      if (files["Dockerfile"] === DOCKERFILE) makeRootfs(join(context, "rootfs"));
      for (const [name, text] of Object.entries(files)) writeFileSync(join(context, name), text);
    });
  }

  /** The variables that the client needs besides. */
  get environment(): Record<string, string> {
    return { DOCKER_CONFIG: this.#directory };
  }

  /** Builds an image from a Dockerfile's text and copies of files. */
  buildWith(tag: string, dockerfile: string, copied: Readonly<Record<string, string>>): Answer {
    return this.#buildFrom(tag, (context) => {
      for (const [name, file] of Object.entries(copied)) copyFileSync(file, join(context, name));
      writeFileSync(join(context, "Dockerfile"), dockerfile);
    });
  }

  #buildFrom(tag: string, fill: (context: string) => void): Answer {
    const context = mkdtempSync(join(this.#directory, "context-"));
    fill(context);
    const built = this.buildFolder(tag, context);
    rmSync(context, { recursive: true });
    return built;
  }

  /** Of the process that waits for dockerd, in this PID namespace. */
  get pid(): number {
    return this.#daemon.pid;
  }

  /** Builds an image from a folder as it is, by its Dockerfile or the one named. */
  buildFolder(tag: string, folder: string, dockerfile = join(folder, "Dockerfile")): Answer {
    const words = ["build", "--network=none", "--tag", tag, "--file", dockerfile, folder];
    return this.#run(words, { DOCKER_BUILDKIT: "0" });
  }

  /** The whole command line of a docker command for this engine. */
  command(...words: string[]): string[] {
    const docker = Bun.which("docker") ?? "docker";
    return [docker, "--host", this.host, ...words];
  }

  /** Where it listens, as DOCKER_HOST says it. */
  get host(): string {
    return `unix://${join(this.#directory, "sock")}`;
  }

  /** An image of nothing but the files in a tar. */
  import(tag: string, tar: string): Answer {
    return this.#run(["import", tar, tag], {}, 300_000);
  }

  #run(words: readonly string[], env: Record<string, string> = {}, timeout = 60_000): Answer {
    const { exitCode, stdout, stderr } = Bun.spawnSync(this.command(...words), {
      stdin: "ignore",
      timeout,
      env: { ...process.env, ...this.environment, ...env },
    });
    return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  /** Ends the daemon and removes everything of it; answers what could not be removed. */
  async stop(): Promise<string[]> {
    for (const id of this.docker("ps", "--all", "--quiet").stdout.split("\n").filter(Boolean))
      this.docker("rm", "--force", id);
    // To dockerd itself: unshare, its parent, blocks SIGTERM.
    for (const pid of children(this.#daemon.pid)) process.kill(pid, "SIGTERM");
    const ended = await Promise.race([this.#daemon.exited, Bun.sleep(20_000).then(() => undefined)]);
    if (ended === undefined) this.#daemon.kill("SIGKILL");
    await this.#daemon.exited;
    rmSync(this.#directory, { recursive: true, force: true });
    for (const cgroup of globSync(`/sys/fs/cgroup/{,*/}${this.#cgroup}`)) rmdirSync(cgroup);
    return ended === undefined ? ["dockerd had to be killed"] : [];
  }
}
