// The end of a container in Docker: docker stop within the budget, stubborn trees, a terminal session, and
// what the report says when the kernel's OOM killer was there.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Engine } from "../harness/docker.ts";
import { fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { until } from "../harness/processes.ts";
import { start } from "../harness/run.ts";

leaveNothingBehind();

const IMAGE = "fdinit-lifecycle";

describeWith(["dockerd", "busybox", "gcc", "unshare", "root"], "in Docker", () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await Engine.start();
    expect(engine.build(IMAGE)).toMatchObject({ code: 0 });
  }, 120_000);

  afterAll(async () => {
    expect(await engine.stop()).toEqual([]);
  }, 60_000);

  /** docker run's words for a policy, and the folder it shares with the container at /shared. */
  function withPolicy(keys: Record<string, unknown>): { words: string[]; folder: string } {
    const folder = temporaryDirectory();
    chmodSync(folder, 0o777);
    writeFileSync(join(folder, "policy.yaml"), JSON.stringify({ version: 1, ...keys }));
    const words = ["--volume", `${folder}:/shared`, "--env", "FDINIT_POLICY=/shared/policy.yaml"];
    return { words, folder };
  }

  const STEPS = [{ signal: "SIGTERM", wait: "300ms" }, { signal: "SIGKILL" }];

  test("docker stop ends a program that ignores SIGTERM within the policy's steps, long before Docker's deadline", async () => {
    const { words, folder } = withPolicy({
      shutdown: { budget: "5s", steps: STEPS },
      report: "/shared/report",
    });
    const id = await engine.detached("--interactive", ...words, IMAGE, "recorder");
    const before = performance.now();
    expect(engine.docker("stop", "--time=60", id).code).toBe(0);
    expect(performance.now() - before).toBeLessThan(15_000);
    expect(engine.ended(id)).toEqual({
      code: 137,
      // SIGCONT (18) goes behind each step, for a program that is stopped.
      stdout: "ready\n15 0 0\n18 0 0\n",
      stderr: expect.stringMatching(
        /^fdinit: not everything has ended \d+ ms after SIGTERM \(shutdown step 1 of 2\)\nfdinit: SIGKILL to what is left: \d+ \(recorder\)\n$/,
      ),
    });
    expect(readFileSync(join(folder, "report"), "utf8")).toMatch(
      /^main was killed by SIGKILL after .*; had to be killed: \d+ \(recorder\); exit code 137\n$/,
    );
  }, 60_000);

  test("docker stop leaves no stubborn grandchild, of whatever session", async () => {
    const { words } = withPolicy({ shutdown: { steps: STEPS } });
    const stubborn =
      "mkfifo /shared/in /shared/out; setsid recorder <>/shared/in >/shared/out & read there </shared/out";
    const script = `trap 'exit 21' TERM; ${stubborn}; echo ready; while :; do sleep 0.05; done`;
    const id = await engine.detached(...words, IMAGE, "sh", "-c", script);
    const before = performance.now();
    expect(engine.docker("stop", "--time=60", id).code).toBe(0);
    expect(performance.now() - before).toBeLessThan(4_000); // the steps', not reaping.wait's
    const { code, stderr } = engine.ended(id);
    expect(code).toBe(21);
    expect(stderr).toMatch(/SIGKILL to what is left: \d+ \(recorder\)\n$/);
  }, 60_000);

  test("docker run -it is a session with job control, and exit gives the shell's code", async () => {
    const command = engine.command("run", "--rm", "--network=none", "-it", IMAGE, "sh");
    const shell = start({
      run: [fixture("pty"), ...command],
      direct: true,
      as: "child",
      env: engine.environment,
    });
    await shell.printed("# ");
    shell.type("tty && echo on a term''inal\n");
    await shell.printed("on a terminal");
    shell.type("sh -c 'echo sta''rted; read line; echo got $line; exec sleep 1000'\n");
    await shell.printed("started");
    shell.type("\x1a");
    await shell.printed("Stopped");
    shell.type("fg\n");
    shell.type("hello\n");
    await shell.printed("got hello");
    shell.type("\x03");
    await shell.printed("# ");
    shell.type("exit 7\n");
    expect((await shell.ended()).code).toBe(7);
  }, 60_000);

  test("HEALTHCHECK needs nothing in the policy, under the default capabilities and with services of other users", async () => {
    const services = {
      app: {
        command: ["sh", "-c", "echo ready; exec sleep 1000"],
        user: "65534:65534",
        ready: { file: "/shared/up" },
      },
      web: { command: ["sleep", "1000"], user: "1:1" },
    };
    const { words, folder } = withPolicy({ shutdown: { steps: STEPS }, services });
    const id = await engine.detached(
      "--health-cmd=/fdinit/fdinit health",
      "--health-interval=200ms",
      "--health-retries=1",
      "--health-start-period=0s",
      ...words,
      IMAGE,
    );
    const health = () => engine.docker("inspect", "--format={{.State.Health.Status}}", id).stdout.trim();
    await until("it is not healthy before it is ready", () => health() === "unhealthy");
    const said = engine.docker("inspect", "--format={{(index .State.Health.Log 0).Output}}", id).stdout;
    expect(said).toMatch(/^not healthy: app is starting/);
    writeFileSync(join(folder, "up"), "");
    await until("it is healthy", () => health() === "healthy");
    expect(engine.docker("exec", id, "/fdinit/fdinit", "status").stdout).toMatch(
      /\n {2}app +ready .*\n {2}web +ready /,
    );
    expect(engine.docker("stop", "--time=60", id).code).toBe(0);
    engine.ended(id);
  }, 60_000);

  test("the report names a grandchild that the OOM killer ended, and the program goes on", async () => {
    const { words, folder } = withPolicy({ report: "/shared/report", reaping: { orphans: "wait" } });
    // An orphan of a shell that has gone, so it is fdinit that reaps it.
    const script = "(sh -c 'exec tail /dev/zero' &); read line < /shared/go; exit 0";
    expect(Bun.spawnSync(["mkfifo", join(folder, "go")]).success).toBe(true);
    const id = engine
      .docker(
        "run",
        "--detach",
        "--network=none",
        // The kernel ends the process that has most resident: far more than the 28 MB of fdinit, its file's pages included.
        "-m",
        "128m",
        "--memory-swap",
        "128m",
        ...words,
        IMAGE,
        "sh",
        "-c",
        script,
      )
      .stdout.trim();
    // Looked at from outside: a process that looks from inside may be the next to be killed.
    await until("the OOM killer has struck", () => /^oom_kill [1-9]/m.test(engine.memoryEvents(id)));
    writeFileSync(join(folder, "go"), "\n");
    expect(engine.ended(id).code).toBe(0);
    expect(readFileSync(join(folder, "report"), "utf8")).toMatch(
      /^main exited with code 0 after .*; the kernel's OOM killer killed 1 process of this container; ended by a SIGKILL not of fdinit's: \d+ \(\[tail\]\); exit code 0\n$/,
    );
  }, 60_000);

  test("the report says so when it was the program itself", async () => {
    const { words, folder } = withPolicy({ report: "/shared/report" });
    const ended = engine.run(
      "-m",
      "40m",
      "--memory-swap",
      "40m",
      ...words,
      IMAGE,
      "sh",
      "-c",
      "exec tail /dev/zero",
    );
    expect(ended.code).toBe(137);
    expect(readFileSync(join(folder, "report"), "utf8")).toMatch(
      /^main was killed by SIGKILL after .*; the kernel's OOM killer killed 1 process of this container; ended by a SIGKILL not of fdinit's: \d+ \(\[tail\]\); exit code 137\n$/,
    );
  }, 60_000);
});
