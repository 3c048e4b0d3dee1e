// nginx, redis and PostgreSQL from Debian's packages behind fdinit in Docker: built by the Dockerfiles of
// images/ as they are written, run hardened with the built-in policies, asked for something, told to reload,
// stopped, and started again on what they left. The base image is made by debootstrap, with the packages in
// it already: there is no network to install them from.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, readdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { portableTarget } from "../../scripts/portable.ts";
import { DEBIAN, whyNoDebian } from "../harness/debian.ts";
import { Engine } from "../harness/docker.ts";
import { ROOT } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeUnless, missing } from "../harness/needs.ts";
import { until } from "../harness/processes.ts";
import { missingFor } from "../harness/targets.ts";

leaveNothingBehind();

const IMAGES = join(ROOT, "images");
const HARDENED = ["--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"];

const reason = missing("dockerd", "gcc", "unshare", "root") ?? missingFor(portableTarget()) ?? whyNoDebian();

describeUnless(reason, "from Debian's packages, behind fdinit in Docker,", () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await Engine.withFdinit();
    expect(engine.import("debian:12-slim", DEBIAN)).toMatchObject({ code: 0 });
    for (const name of ["nginx", "redis", "postgres"]) {
      const { code, stdout, stderr } = engine.buildFolder(name, IMAGES, join(IMAGES, name, "Dockerfile"));
      expect({ code, output: code === 0 ? "" : stdout + stderr }).toEqual({ code: 0, output: "" });
    }
  }, 400_000);

  afterAll(async () => {
    expect(await engine.stop()).toEqual([]);
  }, 60_000);

  function start(...words: string[]): string {
    const { code, stdout, stderr } = engine.docker("run", "--detach", ...HARDENED, ...words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return stdout.trim();
  }

  const within = (id: string, ...words: string[]) => engine.docker("exec", id, ...words);

  /** The program of PID 1's child, and the open descriptors of both. */
  function seen(id: string): { readonly program: string; readonly pid1: string[]; readonly own: string[] } {
    const script =
      'for p in /proc/[0-9]*; do { read -r _ name _ parent _; } <$p/stat; [ "$parent" = 1 ] && break; done; ' +
      'echo "$name"; readlink /proc/1/fd/*; echo --; readlink $p/fd/*';
    const [first = "", second = ""] = within(id, "bash", "-c", script).stdout.split("--\n");
    const [program = "", ...pid1] = first.trim().split("\n");
    return { program, pid1: pid1.sort(), own: second.trim().split("\n") };
  }

  /** Of PID 1: standard streams, and what the runtime and fdinit have. */
  const PID1 = [
    "/dev/null",
    // The state that `fdinit health` reads.
    "/memfd:fdinit-status (deleted)",
    "anon_inode:[eventfd]",
    "anon_inode:[eventpoll]",
    "anon_inode:[signalfd]",
    expect.stringMatching(/^pipe:/),
    expect.stringMatching(/^pipe:/),
  ];

  /** As HEALTHCHECK asks: 0 once the policy's check has succeeded. */
  const isHealthy = (id: string) => within(id, "/fdinit/fdinit", "health", "--quiet").code === 0;

  /** `docker stop`, with as long as the engine's default; what the container said. */
  function stopped(id: string): string {
    expect(engine.docker("stop", "--time=10", id).code).toBe(0);
    const { code, stdout, stderr } = engine.ended(id);
    expect(code).toBe(0);
    // Nothing had to be killed, nothing was left, nothing went wrong.
    expect(stderr).not.toContain("fdinit:");
    return stdout + stderr;
  }

  test("nginx serves, reloads on SIGHUP, and finishes what it has begun before it stops", async () => {
    const shared = temporaryDirectory();
    chmodSync(shared, 0o777);
    const size = 60_000;
    writeFileSync(join(shared, "file"), "x".repeat(size));
    const site = (words: string) =>
      `server { listen unix:/etc/nginx/conf.d/socket; location /word { return 200 "${words}"; } ` +
      "location /slow { limit_rate 30000; alias /etc/nginx/conf.d/file; } }";
    writeFileSync(join(shared, "site.conf"), site("before"));
    const id = start(
      ...["--tmpfs=/run", "--tmpfs=/var/lib/nginx", "--volume", `${shared}:/etc/nginx/conf.d`],
      ...["CHOWN", "SETUID", "SETGID", "KILL"].map((capability) => `--cap-add=${capability}`),
      "nginx",
    );
    const socket = join(shared, "socket");
    const word = async () => (await get(socket, "/word")).split("\r\n\r\n")[1];
    await until("it answers", async () => (await word()) === "before");
    await until("it is healthy", () => isHealthy(id));
    const { program, pid1, own } = seen(id);
    expect({ program, pid1 }).toEqual({ program: "(nginx)", pid1: PID1 });
    expect(own[0]).toBe("/dev/null");

    writeFileSync(join(shared, "site.conf"), site("after"));
    expect(engine.docker("kill", "--signal=HUP", id).code).toBe(0);
    await until("it answers anew", async () => (await word()) === "after");
    await engine.hasReaped(id);

    let begun = () => {};
    const hasBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const slow = get(socket, "/slow", begun);
    await hasBegun;
    const log = stopped(id);
    expect((await slow).split("\r\n\r\n")[1]?.length).toBe(size);
    expect(log).toContain("GET /word");
    expect(readdirSync(shared).sort()).toEqual(["file", "site.conf"]);
  }, 60_000);

  test("nginx with a half-sent request ends inside the budget, and what was waited for is named with the step", async () => {
    const shared = temporaryDirectory();
    chmodSync(shared, 0o777);
    writeFileSync(
      join(shared, "site.conf"),
      "server { listen unix:/etc/nginx/conf.d/socket; location /status { stub_status; } }",
    );
    // Graceful for as long as nobody knows whether the rest of the request comes, then at once.
    writeFileSync(
      join(shared, "steps.yaml"),
      `version: 1
services: { nginx: { command: [nginx, -g, "daemon off;"] } }
shutdown: { budget: 19s, steps: [{ signal: SIGQUIT, wait: 1s }, { signal: SIGTERM }] }
`,
    );
    const socket = join(shared, "socket");
    /** Stops nginx while a client holds half of a request open, which ends with nginx and not before; what fdinit said. */
    const stopHalfway = async (options: readonly string[], words: readonly string[]) => {
      const id = start(
        ...["--tmpfs=/run", "--tmpfs=/var/lib/nginx", "--volume", `${shared}:/etc/nginx/conf.d`],
        ...["CHOWN", "SETUID", "SETGID", "KILL"].map((capability) => `--cap-add=${capability}`),
        ...options,
        "nginx",
        ...words,
      );
      await until("it answers", async () => (await get(socket, "/status")).includes("Reading: 0"));
      const client = connect(socket);
      const isOver = new Promise<void>((resolve) => client.on("close", () => resolve()));
      client.on("error", () => {});
      client.write("GET / HTTP/1.0\r\nHost: ha");
      await until("nginx has begun to read it", async () =>
        (await get(socket, "/status")).includes("Reading: 1"),
      );
      expect(engine.docker("stop", "--time=20", id).code).toBe(0);
      await isOver;
      // Else Docker's SIGKILL has ended fdinit.
      const { code, stderr } = engine.ended(id);
      return { code, said: stderr.split("\n").filter((line) => line.startsWith("fdinit: ")) };
    };
    const processes = /((, )?\d+ \(nginx\)){2,}$/;

    const budget = await stopHalfway(["--env=STOP_BUDGET=2s"], []);
    expect(budget).toEqual({
      code: 137,
      said: [
        "fdinit: the shutdown budget is used up",
        expect.stringMatching(
          new RegExp(
            `^fdinit: nginx has not ended [\\d.]+ s after SIGQUIT \\(stop step 1 of 1\\); waited for ${processes.source}`,
          ),
        ),
        expect.stringMatching(new RegExp(`^fdinit: SIGKILL to what is left: ${processes.source}`)),
      ],
    });

    const steps = await stopHalfway([], ["--policy", "/etc/nginx/conf.d/steps.yaml"]);
    expect(steps).toEqual({
      code: 0,
      said: [
        expect.stringMatching(
          new RegExp(
            `^fdinit: not everything has ended 1 s after SIGQUIT \\(shutdown step 1 of 2\\); waited for ${processes.source}`,
          ),
        ),
      ],
    });
  }, 60_000);

  test("redis serves, goes on after SIGHUP, saves when it is stopped, and has it when it is started again", async () => {
    const data = temporaryDirectory();
    chmodSync(data, 0o777);
    const run = async () => {
      const id = start("--volume", `${data}:/data`, "redis");
      await until("it answers", () => within(id, "redis-cli", "ping").stdout === "PONG\n");
      await until("it is healthy", () => isHealthy(id));
      return id;
    };
    const first = await run();
    const { program, pid1 } = seen(first);
    expect({ program, pid1 }).toEqual({ program: "(redis-server)", pid1: PID1 });
    expect(within(first, "redis-cli", "set", "key", "value").stdout).toBe("OK\n");
    // redis has no signal to reload by: it ignores this one, and settings are changed through redis-cli.
    expect(engine.docker("kill", "--signal=HUP", first).code).toBe(0);
    expect(within(first, "redis-cli", "get", "key").stdout).toBe("value\n");
    const log = stopped(first);
    expect(log).toContain("Received SIGTERM scheduling shutdown");
    expect(log).toContain("DB saved on disk");

    const second = await run();
    expect(within(second, "redis-cli", "get", "key").stdout).toBe("value\n");
    stopped(second);
    expect(readdirSync(data)).toEqual(["dump.rdb"]);
  }, 60_000);

  test("PostgreSQL serves, reloads on SIGHUP, and is stopped fast with a client connected: no recovery after it", async () => {
    const volume = ["--volume", "cluster:/var/lib/postgresql/data"];
    const writable = ["--tmpfs=/tmp", "--tmpfs=/run/postgresql"];
    const made = engine.run(
      ...HARDENED.slice(1),
      ...volume,
      ...writable,
      "postgres",
      "initdb",
      "--auth=trust",
    );
    expect({ code: made.code, stderr: made.stderr }).toEqual({ code: 0, stderr: "" });
    const run = async () => {
      const id = start(...volume, ...writable, "postgres");
      await until("it is healthy", () => isHealthy(id));
      expect(within(id, "pg_isready", "--quiet").code).toBe(0);
      return id;
    };
    const ask = (id: string, query: string) =>
      within(id, "psql", "--no-psqlrc", "--tuples-only", "--no-align", "--command", query).stdout.trim();
    const first = await run();
    const { program, pid1, own } = seen(first);
    expect({ program, pid1 }).toEqual({ program: "(postgres)", pid1: PID1 });
    expect(own[0]).toBe("/dev/null");
    expect(ask(first, "create table kept as select 42 as answer")).toBe("SELECT 1");
    ask(first, "alter system set work_mem = '7MB'");
    expect(engine.docker("kill", "--signal=HUP", first).code).toBe(0);
    await until("it has reloaded", () => ask(first, "show work_mem") === "7MB");

    // SIGTERM alone, PostgreSQL's smart shutdown, would wait for this one for ever.
    const client = "psql --no-psqlrc --command 'select pg_sleep(1000)'";
    expect(engine.docker("exec", "--detach", first, "sh", "-c", client).code).toBe(0);
    const busy = "select count(*) from pg_stat_activity where query like 'select pg_sleep%'";
    await until("a client is busy", () => ask(first, busy) === "1");
    const log = stopped(first);
    expect(log).toContain("received fast shutdown request");
    expect(log).toContain("database system is shut down");

    const second = await run();
    expect(ask(second, "select answer from kept")).toBe("42");
    const again = stopped(second);
    expect(again).toContain("database system was shut down at");
    expect(again).not.toContain("was not properly shut down");
  }, 120_000);
});

/** An HTTP request over a Unix socket; `onBegun` is called with the first bytes of the answer. "" when refused. */
function get(socket: string, path: string, onBegun: () => void = () => {}): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const connection = connect(socket);
    connection.setEncoding("latin1");
    connection.on("connect", () => connection.write(`GET ${path} HTTP/1.0\r\n\r\n`));
    connection.on("data", (text: string) => {
      answer += text;
      onBegun();
    });
    connection.on("error", () => resolve(""));
    connection.on("close", () => resolve(answer));
  });
}
