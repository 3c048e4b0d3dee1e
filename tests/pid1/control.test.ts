// The control socket of the executable as PID 1, spoken to by its own subcommands inside the container.

import { expect, test } from "bun:test";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SYS } from "../../init/sys/libc/abi/this-machine.ts";
import { EPERM } from "../../init/sys/libc/errno.ts";
import { FDINIT, fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { until } from "../harness/processes.ts";
import { expectValid } from "../harness/report-schemas.ts";
import { policy, type Running, start } from "../harness/run.ts";

leaveNothingBehind();

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a subcommand inside the container, as `docker exec` would. */
async function inside(
  running: Running,
  words: readonly string[],
  env: Record<string, string> = {},
  launch: readonly string[] = [],
): Promise<Said> {
  const launched = launch.length === 0 ? [] : [fixture("launch"), ...launch, "--"];
  const enter = ["nsenter", "--target", String(await running.pid()), "--pid", "--mount"];
  const command = [...enter, ...launched, FDINIT, ...words];
  const child = Bun.spawn(command, {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { PATH: process.env["PATH"] ?? "", ...env },
    timeout: 20_000,
  });
  const [stdout, stderr] = [await new Response(child.stdout).text(), await new Response(child.stderr).text()];
  return { code: await child.exited, stdout, stderr };
}

const WAITING = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"];

function container(
  control: Record<string, unknown>,
  more: Record<string, unknown> = {},
  launch: readonly string[] = [],
) {
  const services = {
    web: { command: WAITING, essential: false },
    job: { command: ["true"], type: "oneshot" },
    app: { command: WAITING },
    ...more,
  };
  // Descriptors of the test runner may be open: they are none of this test's.
  const document = {
    version: 1,
    intent: "simplicity",
    fds: { inherited: { default: "close" } },
    ...control,
    services,
  };
  return start({ run: [], options: policy(JSON.stringify(document)), launch });
}

/** An engine whose seccomp profile forbids memory files: nothing but /proc shows the services then. */
const NO_MEMORY_FILES = [`deny=${SYS.memfd_create}:${EPERM}`];
/** The engine's default: CAP_SYS_PTRACE is 19 (<linux/capability.h>). */
const NO_PTRACE = ["nocap=19"];

interface Document {
  readonly services: readonly { name: string; state: string; pid?: number; restarts: number }[];
}

async function states(running: Running): Promise<Record<string, string>> {
  const { stdout } = await inside(running, ["status", "--json"]);
  if (stdout === "") return {};
  const document = JSON.parse(stdout) as Document;
  expectValid("status", document);
  const { services } = document;
  return Object.fromEntries(services.map(({ name, state }) => [name, state]));
}

describeWith(["unshare", "nsenter"], "control of a container", () => {
  test("status, stop, start, restart, signal and health find the socket by the policy of PID 1", async () => {
    const socket = join(temporaryDirectory(), "control.sock");
    const running = container({ control: { socket } });
    await until("all services are ready", async () => {
      const { app, job } = await states(running);
      return app === "ready" && job === "completed";
    });
    expect((await inside(running, ["status"])).stdout).toMatch(/NAME .*\n {2}web +ready +\d+ /);
    expect(await inside(running, ["stop", "web"])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await states(running)).toEqual({ web: "stopped", job: "completed", app: "ready" });
    expect(await inside(running, ["start", "web", "job"])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await inside(running, ["restart", "web"])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await inside(running, ["health"])).toEqual({ code: 0, stdout: "healthy\n", stderr: "" });
    expect((await inside(running, ["stop", "wbe"])).code).toBe(64);
    // With the program the container ends, and the kernel may end the client before it has ended itself.
    expect([0, 137]).toContain((await inside(running, ["signal", "app", "TERM"])).code);
    expect((await running.ended()).code).toBe(0);
  });

  test("reload does not end a program that has nothing for SIGHUP, and says what to do", async () => {
    const socket = join(temporaryDirectory(), "control.sock");
    const running = container(
      { control: { socket } },
      {
        deaf: { command: ["sh", "-c", "echo $$$$; exec sleep 1000"] },
        reopens: { command: ["sh", "-c", "trap 'echo again' HUP; echo up; while :; do sleep 0.01; done"] },
      },
    );
    const begun = [await running.line(), await running.line()];
    const deaf = begun.find((line) => line !== "up");
    const refused = await inside(running, ["reload", "deaf"]);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining(`deaf (process ${deaf}) has no handler for SIGHUP, which would end it`),
    ]);
    expect((await inside(running, ["reload", "reopens"])).code).toBe(0);
    expect(await running.line()).toBe("again");
    expect(await states(running)).toMatchObject({ deaf: "ready", reopens: "ready" });
    process.kill(await running.pid(), "SIGTERM");
    await running.ended();
  });

  test("an abstract name needs no directory, and what a request has stopped is neither missed nor started", async () => {
    const running = container({ control: { socket: `@fdinit-test-${process.pid}` } });
    await until("it is up", async () => (await states(running))["app"] === "ready");
    expect((await inside(running, ["stop", "app", "web"])).code).toBe(0);
    expect(await states(running)).toEqual({ web: "stopped", job: "completed", app: "stopped" });
    expect((await inside(running, ["health", "--quiet"])).code).toBe(0);
    process.kill(await running.pid(), "SIGTERM");
    await running.ended();
  });

  test("without a socket status and health show all the same what PID 1 knows, to root without CAP_SYS_PTRACE too", async () => {
    const notify =
      "trap 'exit 0' TERM; read ready < \"$0\"; systemd-notify --ready --status=serving; while :; do sleep 1000 & wait; done";
    const directory = temporaryDirectory();
    chmodSync(directory, 0o755);
    const gate = join(directory, "gate");
    expect(Bun.spawnSync(["mkfifo", "-m", "666", gate]).success).toBe(true);
    const running = container(
      {},
      {
        app: { command: ["sh", "-c", notify, gate], ready: { sdNotify: true }, user: "65534:65534" },
        web: { command: WAITING, essential: false, user: "1:1" },
      },
      NO_PTRACE,
    );
    const ask = (...words: string[]) => inside(running, words, {}, NO_PTRACE);
    await until("app runs, and is not ready", async () => {
      const { code, stdout } = await ask("health");
      return code === 1 && stdout === "not healthy: app is starting\n";
    });
    writeFileSync(gate, "\n");
    await until("all are ready", async () => (await ask("health", "--quiet")).code === 0);
    const { code, stdout, stderr } = await ask("status");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(
      /\n {2}web +ready +\d+ .*\n {2}job +completed +- .*\n {2}app +ready +\d+ .* yes: serving/,
    );
    const document = JSON.parse((await ask("status", "--json")).stdout) as Document;
    expectValid("status", document);
    expect(document).toMatchObject({ source: "memory", healthy: true, services: [{ name: "web" }, {}, {}] });
    // Root may look; another user may not.
    const stranger = await inside(running, ["health"], {}, ["user=1000"]);
    expect([stranger.code, stranger.stdout]).toEqual([
      1,
      expect.stringContaining("only root and the user of fdinit"),
    ]);
    process.kill(await running.pid(), "SIGTERM");
    await running.ended();
  });

  test("without a socket and memory files status and health show what /proc does, and the others say where they looked", async () => {
    const running = container({}, {}, NO_MEMORY_FILES);
    await until("it is up", async () => (await inside(running, ["health", "--quiet"])).code === 0);
    const { code, stdout, stderr } = await inside(running, ["status"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\n {2}web +running +\d+ .*\n {2}job +no process +- .*\n {2}app +running +\d+ /);
    expect(stderr).toContain("control.socket");
    const document = JSON.parse((await inside(running, ["status", "--json"])).stdout) as Document;
    expectValid("status", document);
    expect(document).toMatchObject({
      source: "proc",
      services: [{ name: "web" }, { name: "job" }, { name: "app" }],
    });
    const stop = await inside(running, ["stop", "web"]);
    expect([stop.code, stop.stderr]).toEqual([69, expect.stringContaining("has none (control.socket)")]);
    const elsewhere = await inside(running, ["status"], { FDINIT_CONTROL: "/nowhere" });
    expect([elsewhere.code, elsewhere.stderr]).toEqual([69, expect.stringContaining("/nowhere: ENOENT")]);
    const pid = document.services[0]?.pid as number;
    expect(
      Bun.spawnSync([
        "nsenter",
        "--target",
        String(await running.pid()),
        "--pid",
        "--mount",
        "kill",
        "-9",
        String(pid),
      ]).success,
    ).toBe(true);
    await until("web is gone, and not healthy", async () => {
      const health = await inside(running, ["health"]);
      return health.code === 1 && health.stdout.includes("web has no process");
    });
    process.kill(await running.pid(), "SIGTERM");
    await running.ended();
  });

  test("without a socket health makes the checks of ports and files itself", async () => {
    const file = join(temporaryDirectory(), "ready");
    writeFileSync(file, "");
    const running = container({}, { web: { command: WAITING, ready: { file } } });
    await until("it is up", async () => (await inside(running, ["health", "--quiet"])).code === 0);
    rmSync(file);
    expect(await inside(running, ["health"])).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^not healthy: web is not ready: .*ENOENT/),
    });
    process.kill(await running.pid(), "SIGTERM");
    await running.ended();
  });

  test("a check with `timeout: none` that fails ends nothing, and health says why; a command in the place of the policy's goes without it", async () => {
    const path = join(temporaryDirectory(), "none");
    const app = { command: WAITING, ready: { file: path, timeout: "none" } };
    const document = JSON.stringify({ version: 1, intent: "simplicity", services: { app } });
    const own = start({ run: [], options: policy(document) });
    await until("it is up, and not healthy", async () => {
      const { code, stdout } = await inside(own, ["health"]);
      return (
        code === 1 && stdout === `not healthy: app is starting: ${path}: ENOENT: no such file or directory\n`
      );
    });
    const other = start({ run: WAITING, options: policy(document) });
    await until("the other is healthy", async () => (await inside(other, ["health", "--quiet"])).code === 0);
    expect((await inside(own, ["health"])).code).toBe(1);
    for (const running of [own, other]) {
      process.kill(await running.pid(), "SIGTERM");
      expect((await running.ended()).code).toBe(0);
    }
  });

  test("a program of another user has a status and a health too, for root without CAP_SYS_PTRACE", async () => {
    const document = {
      version: 1,
      intent: "simplicity",
      services: { main: { command: WAITING, user: "65534:65534" } },
    };
    const running = start({ run: [], options: policy(JSON.stringify(document)), launch: NO_PTRACE });
    const ask = (...words: string[]) => inside(running, words, {}, NO_PTRACE);
    await until("it is up", async () => (await ask("health", "--quiet")).code === 0);
    expect((await ask("status")).stdout).toMatch(/\n {2}main +running +\d+ /);
    process.kill(await running.pid(), "SIGTERM");
    expect((await running.ended()).code).toBe(0);
  });
});
