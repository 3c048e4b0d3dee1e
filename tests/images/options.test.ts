// The effect of the options of docker run on fdinit, from the portable folder: each one a person sets to
// harden or to bound a container, and the smallest seccomp profile.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { portableTarget } from "../../scripts/portable.ts";
import { Engine, REMAPPED } from "../harness/docker.ts";
import { fixture, ROOT } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeUnless, missing } from "../harness/needs.ts";
import { until } from "../harness/processes.ts";
import { missingFor } from "../harness/targets.ts";

leaveNothingBehind();

const IMAGE = "fdinit-options";
const STRICT = `--security-opt=seccomp=${join(ROOT, "images/seccomp/strict.json")}`;
const HARDENED = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=1000:1000"];
const reason = missing("dockerd", "busybox", "gcc", "unshare", "root") ?? missingFor(portableTarget());

describeUnless(reason, "with docker run", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await Engine.withFdinit();
    expect(engine.build("base")).toMatchObject({ code: 0 });
    const policy =
      "version: 1\nfds: { inherited: { rules: [{ match: { fd: 1 }, action: keep, as: 5 }] } }\n" +
      "services: { app: { command: [sh, -c, 'pwd >&5'], cwd: /bin, stdin: devnull } }\n";
    const Dockerfile = `FROM base\nCOPY --from=fdinit /fdinit /fdinit\nCOPY policy.yaml /policy.yaml\n`;
    expect(engine.build(IMAGE, { Dockerfile, "policy.yaml": policy })).toMatchObject({ code: 0 });
  }, 120_000);
  afterAll(async () => {
    expect(await engine.stop()).toEqual([]);
  }, 60_000);

  const shell = (script: string, ...options: string[]) => engine.run(...options, IMAGE, "sh", "-c", script);
  const QUIET = { stderr: "" };

  test("HEALTHCHECK works as another user and without capabilities", async () => {
    const Dockerfile = `FROM ${IMAGE}
COPY checked.yaml /
HEALTHCHECK --interval=500ms --start-period=30s CMD ["/fdinit/fdinit", "health"]
ENTRYPOINT ["/fdinit/fdinit", "--policy=/checked.yaml"]
`;
    const checked = `version: 1\nservices: { app: { command: [sleep, "1000"], ready: { exec: ["true"] } } }\n`;
    expect(engine.build("checked", { Dockerfile, "checked.yaml": checked })).toMatchObject({ code: 0 });
    const ids = [["--user=1000:1000"], ["--cap-drop=ALL"], HARDENED].map((options) =>
      engine.docker("run", "--detach", "--network=none", ...options, "checked").stdout.trim(),
    );
    const healthOf = (id: string) =>
      engine.docker("inspect", "--format={{.State.Health.Status}}", id).stdout.trim();
    await until("all are healthy", () => ids.every((id) => healthOf(id) === "healthy"));
    engine.docker("rm", "--force", ...ids);
  }, 60_000);

  test("--cpus=0.05 only makes it slower", () => {
    expect(shell("exit 9", "--cpus=0.05")).toMatchObject({ code: 9, ...QUIET });
  }, 60_000);

  test("--pids-limit has to leave room for one more: fdinit is one process with one thread", async () => {
    const id = await engine.detached("--pids-limit=16", "--interactive", IMAGE, "hold");
    expect(engine.docker("stats", "--no-stream", "--format={{.PIDs}}", id).stdout).toBe("2\n");
    engine.docker("stop", "--time=30", id);
    expect(engine.ended(id).code).toBe(143);
  }, 60_000);

  test("--ulimit nofile reaches the program as it was given", () => {
    const script = "ulimit -Sn; ulimit -Hn";
    expect(shell(script, "--ulimit=nofile=100:200")).toEqual({ code: 0, stdout: "100\n200\n", ...QUIET });
  });

  test("-t gives the program the terminal", () => {
    const { code, stdout } = engine.run(
      "--tty",
      IMAGE,
      "sh",
      "-c",
      "test -t 0 && test -t 1 && echo terminal; ps",
    );
    expect({ code, first: stdout.split("\r\n")[0] }).toEqual({ code: 0, first: "terminal" });
  });

  test("-it passes ^C on, once", async () => {
    const keys = "\x03\x04";
    const words = engine.command("run", "--rm", "--network=none", "-it", IMAGE, "recorder");
    const typed = Bun.spawnSync([fixture("terminal"), keys, ...words], { timeout: 30_000 });
    expect(typed.stdout.toString().replaceAll("\r", "").replaceAll("^C", "")).toBe("ready\n2 128 0\nend\n");
  }, 60_000);

  test("--init puts docker's init in front: fdinit becomes a subreaper and passes signals on all the same", async () => {
    const id = await engine.detached("--init", "--interactive", IMAGE, "orphans", "20");
    expect(engine.docker("logs", id).stdout).not.toContain("adopted by 1\n");
    engine.docker("kill", "--signal=TERM", id);
    expect(engine.ended(id).code).toBe(143);
  }, 60_000);

  test("the default seccomp profile is in force, and enough", () => {
    const { code, stdout } = engine.run(...HARDENED, IMAGE, "grep", "Seccomp:", "/proc/1/status");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "Seccomp:\t2\n" });
  });

  test("the strict seccomp profile is enough to run, reap, forward and apply a policy", async () => {
    const hardened = [...HARDENED, STRICT];
    expect(shell("echo $PPID; exit 42", ...hardened)).toEqual({ code: 42, stdout: "1\n", ...QUIET });
    expect(engine.run(...hardened, IMAGE, "nonexistent").code).toBe(127);
    const policy = ["--env=FDINIT_POLICY=/policy.yaml", "--entrypoint=/fdinit/fdinit"];
    expect(engine.run(...hardened, ...policy, IMAGE)).toEqual({ code: 0, stdout: "/bin\n", ...QUIET });
    const id = await engine.detached(...hardened, "--interactive", IMAGE, "recorder");
    for (const signal of ["TERM", "HUP", "SEGV", "RTMIN"]) engine.docker("kill", "--signal", signal, id);
    const log = () => engine.docker("logs", id).stdout.split("\n").filter(Boolean);
    await until("all have arrived", () => log().length === 5);
    expect(log().sort()).toEqual(["1 0 0", "11 0 0", "15 0 0", "34 0 0", "ready"]);
    engine.docker("kill", id);
    expect(engine.ended(id)).toMatchObject({ code: 137, ...QUIET });
    // It forbids what it does not name.
    const refused = engine.run(...hardened, IMAGE, "busybox", "mkdir", "/tmp/new");
    expect(refused.stderr).toMatch(/not permitted|not implemented/);
    // The glibc executable as well, whose posix_spawn falls back from clone3 to clone.
    expect(engine.run(...hardened, "base", "sh", "-c", "exit 42")).toMatchObject({ code: 42, ...QUIET });
  }, 60_000);
});

describeUnless(reason, "with dockerd --userns-remap", () => {
  test("root of the container is another user outside, and nothing else changes", async () => {
    const engine = await Engine.withFdinit(REMAPPED);
    try {
      expect(engine.build("base")).toMatchObject({ code: 0 });
      const Dockerfile = "FROM base\nCOPY --from=fdinit /fdinit /fdinit\n";
      expect(engine.build(IMAGE, { Dockerfile })).toMatchObject({ code: 0 });
      const script =
        "read inside outside count </proc/self/uid_map; echo $PPID $inside $outside $count; exit 9";
      expect(engine.run(...HARDENED.slice(0, 3), IMAGE, "sh", "-c", script)).toEqual({
        code: 9,
        stdout: "1 0 100000 65536\n",
        stderr: "",
      });
      const id = await engine.detached("--interactive", IMAGE, "orphans", "20");
      await engine.hasReaped(id);
      expect(engine.docker("stop", "--time=30", id).code).toBe(0);
      expect(engine.ended(id).code).toBe(143);
    } finally {
      expect(await engine.stop()).toEqual([]);
    }
  }, 120_000);
});
