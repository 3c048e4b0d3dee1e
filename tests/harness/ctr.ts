// A containerd of the test's own, driven by its command line tool ctr: data, state, socket, namespace and
// cgroups apart from any other, in a PID and mount namespace that ends with it.

import { globSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Answer } from "./docker.ts";
import { letLast } from "./leftovers.ts";
import { UNSHARE } from "./needs.ts";
import { children, until } from "./processes.ts";
import { makeRootfs } from "./rootfs.ts";

export class Containerd {
  readonly #directory = mkdtempSync(join(tmpdir(), "fdinit-ctr-"));
  /** containerd names cgroups after its namespaces. */
  readonly #namespace = `fdinit-test-${process.pid}`;
  readonly #daemon: Bun.Subprocess;
  readonly rootfs = join(this.#directory, "rootfs");

  private constructor() {
    const at = (name: string) => join(this.#directory, name);
    const settings = [
      "version = 2",
      `root = "${at("root")}"`,
      `state = "${at("state")}"`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      ...["grpc", "ttrpc", "debug"].map((name) => `[${name}]\naddress = "${at(`${name}.sock`)}"`),
    ];
    writeFileSync(at("config.toml"), `${settings.join("\n")}\n`);
    makeRootfs(this.rootfs);
    this.#daemon = Bun.spawn([...UNSHARE, "containerd", "--config", at("config.toml")], {
      stdio: ["ignore", "ignore", Bun.file(at("log"))],
    });
    letLast(this.#daemon.pid);
  }

  static async start(): Promise<Containerd> {
    const made = new Containerd();
    await until("containerd answers", () => made.ctr("version").code === 0);
    return made;
  }

  ctr(...words: string[]): Answer {
    const socket = join(this.#directory, "grpc.sock");
    const command = ["ctr", "--address", socket, "--namespace", this.#namespace, ...words];
    const { exitCode, stdout, stderr } = Bun.spawnSync(command, { stdin: "ignore", timeout: 30_000 });
    return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  /** `ctr run` of fdinit with these words, removed afterwards. */
  run(id: string, options: readonly string[], ...words: string[]): Answer {
    return this.runIn(this.rootfs, id, options, ...words);
  }

  /** The same in another root file system. */
  runIn(rootfs: string, id: string, options: readonly string[], ...words: string[]): Answer {
    return this.ctr("run", "--rm", "--rootfs", ...options, rootfs, id, "/fdinit/fdinit", "--", ...words);
  }

  /**
   * A task whose program ends with 33 on SIGTERM, which `ctr task kill` sends until it has ended, with a program of `ctr task
   * exec` beside it that ends with 5. Answers the exit code of each command; ctr's own exit code is the task's, hence its output.
   */
  async killed(rootfs: string, shell: string) {
    const script = "trap 'exit 33' TERM; while :; do sleep 0.05; done";
    const words = ["/fdinit/fdinit", "--", shell, "-c", script];
    const started = this.ctr("run", "--detach", "--rootfs", rootfs, "task", ...words).code;
    const exec = ["task", "exec", "--exec-id", "beside", "task", shell, "-c", "exit 5"];
    const beside = this.ctr(...exec).code;
    await until("it has ended", () => {
      this.ctr("task", "kill", "--signal", "TERM", "task");
      return this.ctr("task", "ls").stdout.includes("STOPPED");
    });
    const said = this.ctr("task", "delete", "task").stderr;
    return { started, beside, said, deleted: this.ctr("container", "delete", "task").code };
  }

  /** Ends the daemon and removes everything of it. */
  async stop(): Promise<void> {
    for (const pid of children(this.#daemon.pid)) process.kill(pid, "SIGTERM");
    await this.#daemon.exited;
    rmSync(this.#directory, { recursive: true, force: true });
    for (const cgroup of globSync(`/sys/fs/cgroup/{,*/}${this.#namespace}`)) rmdirSync(cgroup);
  }
}
