import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Engine } from "../harness/docker.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { until } from "../harness/processes.ts";

leaveNothingBehind();

const IMAGE = "fdinit-test";
const STRICT = [
  "--read-only",
  "--cap-drop=ALL",
  "--user=1000:1000",
  "--security-opt=no-new-privileges",
  "--pids-limit=16",
];

describeWith(["dockerd", "busybox", "gcc", "unshare", "root"], "in an image FROM scratch fdinit", () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await Engine.start();
    const built = engine.build(IMAGE);
    expect(built).toMatchObject({ code: 0 });
  }, 120_000);

  afterAll(async () => {
    expect(await engine.stop()).toEqual([]);
    expect(readFileSync("/proc/mounts", "latin1")).not.toContain("fdinit-docker-");
  }, 60_000);

  /** A policy file that the container's user may read, as a bind mount at `path`. */
  function mounted(path: string, text: string): string[] {
    const directory = temporaryDirectory();
    chmodSync(directory, 0o755);
    writeFileSync(join(directory, "policy.yaml"), text);
    return ["--volume", `${directory}/policy.yaml:${path}:ro`];
  }

  test("gives docker run the program's code, 128 + n, 126, 127, and its own 64", () => {
    expect(engine.run(IMAGE, "true").code).toBe(0);
    expect(engine.run(IMAGE, "sh", "-c", "exit 42").code).toBe(42);
    expect(engine.run(IMAGE, "sh", "-c", "kill -9 $$").code).toBe(137);
    expect(engine.run(IMAGE, "/etc").code).toBe(126);
    expect(engine.run(IMAGE, "nonexistent").code).toBe(127);
    expect(engine.run("--entrypoint=/fdinit/fdinit", IMAGE, "--nonsense").code).toBe(64);
  }, 60_000);

  test("hands standard output and error on", () => {
    const ended = engine.run(IMAGE, "sh", "-c", "echo out; echo err >&2; echo $PPID");
    expect(ended).toEqual({ code: 0, stdout: "out\n1\n", stderr: "err\n" });
  });

  test("lets docker stop end a program that handles TERM, at once and with its own code", async () => {
    const script = "trap 'echo stopping; exit 33' TERM; echo ready; sleep 1000 & wait";
    const id = await engine.detached(IMAGE, "sh", "-c", script);
    const before = performance.now();
    expect(engine.docker("stop", "--time=30", id).code).toBe(0);
    expect(performance.now() - before).toBeLessThan(15_000);
    expect(engine.ended(id)).toEqual({ code: 33, stdout: "ready\nstopping\n", stderr: "" });
  }, 60_000);

  test("lets docker stop end a program that does not, with 143", async () => {
    const id = await engine.detached("--interactive", IMAGE, "hold");
    expect(engine.docker("stop", "--time=30", id).code).toBe(0);
    expect(engine.ended(id).code).toBe(143);
  }, 60_000);

  test("forwards what docker kill sends", async () => {
    const id = await engine.detached("--interactive", IMAGE, "recorder");
    for (const signal of ["HUP", "USR1", "WINCH", "RTMIN+3"])
      expect(engine.docker("kill", "--signal", signal, id).code).toBe(0);
    const log = () => engine.docker("logs", id).stdout.split("\n").filter(Boolean);
    await until("all have arrived", () => log().length === 5);
    expect(log().sort()).toEqual(["1 0 0", "10 0 0", "28 0 0", "37 0 0", "ready"]);
    engine.docker("kill", id);
    expect(engine.ended(id).code).toBe(137);
  }, 60_000);

  test("lets docker exec run beside it, and reaps what that leaves behind", async () => {
    const id = await engine.detached("--interactive", IMAGE, "hold");
    expect(engine.docker("exec", id, "sh", "-c", "exit 5").code).toBe(5);
    expect(engine.docker("exec", id, "cat", "/proc/1/comm").stdout).toBe("fdinit\n");
    engine.docker("exec", id, "sh", "-c", "(sh -c 'exit 3' &); echo left");
    await engine.hasReaped(id);
    engine.docker("stop", "--time=30", id);
    expect(engine.ended(id).code).toBe(143);
  }, 60_000);

  test("runs read-only, without capabilities, as another user, with no-new-privileges and few processes", async () => {
    const ended = engine.run(...STRICT, IMAGE, "sh", "-c", "id -u; id -g; exit 9");
    expect(ended).toEqual({ code: 9, stdout: "1000\n1000\n", stderr: "" });
    const id = await engine.detached(...STRICT, "--interactive", IMAGE, "recorder");
    engine.docker("kill", "--signal", "TERM", id);
    await until("it has arrived", () => engine.docker("logs", id).stdout.includes("15 0 0\n"));
    engine.docker("kill", id);
    expect(engine.ended(id).code).toBe(137);
  }, 60_000);

  test("runs with little memory and few processes", () => {
    expect(engine.run("--memory=16m", "--pids-limit=4", ...STRICT.slice(0, 4), IMAGE, "true").code).toBe(0);
  });

  test("reaps orphans", async () => {
    const id = await engine.detached("--interactive", IMAGE, "orphans", "300");
    expect(engine.docker("logs", id).stdout).toBe("adopted by 1\nready\n");
    await engine.hasReaped(id);
    engine.docker("kill", id);
    engine.ended(id);
  }, 60_000);

  test("reads /etc/fdinit/policy.yaml, from a mount or from the image", () => {
    const policy = "version: 1\nservices: { app: { command: [sh, -c, 'echo from policy; exit 12'] } }\n";
    const mount = mounted("/etc/fdinit/policy.yaml", policy);
    const expected = { code: 12, stdout: "from policy\n", stderr: "" };
    const bare = "--entrypoint=/fdinit/fdinit";
    expect(engine.run(...mount, bare, IMAGE)).toEqual(expected);
    expect(engine.run(...mount, ...STRICT, bare, IMAGE)).toEqual(expected);
    expect(engine.run(bare, IMAGE).code).toBe(64);
    const Dockerfile = `FROM ${IMAGE}\nCOPY policy.yaml /etc/fdinit/policy.yaml\nENTRYPOINT ["/fdinit/fdinit"]\n`;
    expect(engine.build(`${IMAGE}-policy`, { Dockerfile, "policy.yaml": policy }).code).toBe(0);
    expect(engine.run(`${IMAGE}-policy`)).toEqual(expected);
    expect(engine.run(`${IMAGE}-policy`, "echo", "words")).toEqual({
      code: 0,
      stdout: "words\n",
      stderr: "",
    });
  }, 60_000);

  test("reads the policy that --policy or FDINIT_POLICY names", () => {
    const mount = mounted("/policy.yaml", "version: 1\nfds: { inherited: { default: refuse } }\n");
    expect(engine.run(...mount, "--env=FDINIT_POLICY=/policy.yaml", IMAGE, "echo", "ran")).toEqual({
      code: 0,
      stdout: "ran\n",
      stderr: "",
    });
    const bad = mounted("/policy.yaml", "version: 1\nintents: security\n");
    const refused = engine.run(
      ...bad,
      "--entrypoint=/fdinit/fdinit",
      IMAGE,
      "--policy",
      "/policy.yaml",
      "true",
    );
    expect(refused.code).toBe(78);
    expect(refused.stderr).toContain("/policy.yaml:2:1: ");
  }, 60_000);
});
