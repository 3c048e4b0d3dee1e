// A root file system of Debian's own packages, made by debootstrap, with the portable folder in it: what the
// three engines do to a container whose image is such a one, hardened as a person would.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { layOut, portableFolder, portableTarget } from "../../scripts/portable.ts";
import { Containerd } from "../harness/ctr.ts";
import { DEBIAN, unpackDebian, whyNoDebian } from "../harness/debian.ts";
import { Engine } from "../harness/docker.ts";
import { fixture, ROOT } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeUnless, missing } from "../harness/needs.ts";
import { COUNT_ZOMBIES, until } from "../harness/processes.ts";
import { Runc, ready, withoutSigurg } from "../harness/runc.ts";
import { missingFor } from "../harness/targets.ts";

const containers: Runc[] = [];
// Registered before the general clean-up, so that it runs first: bundles are removed after their containers.
afterEach(() => {
  for (const container of containers.splice(0)) container.remove();
});
leaveNothingBehind();

const PROGRAMS = ["hold", "recorder", "orphans"] as const;
const WHERE = "/usr/local/bin";
const STRICT = `--security-opt=seccomp=${join(ROOT, "images/seccomp/strict.json")}`;
const HARDENED = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=1000:1000"];
const SAYS = "echo $PPID $(id -u) $(ulimit -Sn) $(ulimit -Hn); grep ^Seccomp: /proc/1/status; exit 9";

const reason =
  missing("dockerd", "runc", "containerd", "ctr", "gcc", "unshare", "root") ??
  missingFor(portableTarget()) ??
  whyNoDebian();

describeUnless(reason, "on Debian fdinit", () => {
  beforeAll(() => {
    layOut(portableTarget());
  }, 60_000);

  describe("in Docker", () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await Engine.withFdinit();
      expect(engine.import("debian:12-slim", DEBIAN)).toMatchObject({ code: 0 });
      const Dockerfile =
        `FROM debian:12-slim\nCOPY --from=fdinit /fdinit /fdinit\nCOPY ${PROGRAMS.join(" ")} ${WHERE}/\n` +
        'ENTRYPOINT ["/fdinit/fdinit", "--"]\n';
      const files = Object.fromEntries(PROGRAMS.map((name) => [name, fixture(name)]));
      expect(engine.buildWith("image", Dockerfile, files)).toMatchObject({ code: 0 });
    }, 300_000);
    afterAll(async () => {
      expect(await engine.stop()).toEqual([]);
    }, 60_000);

    test("gives docker run the program's code, 128 + n, 126 and 127", () => {
      expect(engine.run("image", "bash", "-c", "exit 42").code).toBe(42);
      expect(engine.run("image", "bash", "-c", "kill -9 $$").code).toBe(137);
      expect(engine.run("image", "/etc").code).toBe(126);
      expect(engine.run("image", "nonexistent").code).toBe(127);
    }, 60_000);

    test("runs with every bound and every hardening at once, and Docker's own seccomp profile", () => {
      const bounds = ["--pids-limit=16", "--memory=64m", "--cpus=0.5", "--ulimit=nofile=100:200"];
      expect(engine.run(...HARDENED, ...bounds, "image", "sh", "-c", SAYS)).toEqual({
        code: 9,
        stdout: "1 1000 100 200\nSeccomp:\t2\n",
        stderr: "",
      });
    }, 60_000);

    test("runs and forwards with the strict seccomp profile", async () => {
      const hardened = [...HARDENED, STRICT];
      const ended = engine.run(...hardened, "image", "sh", "-c", "echo $PPID; exit 42");
      expect(ended).toEqual({ code: 42, stdout: "1\n", stderr: "" });
      const id = await engine.detached(...hardened, "--interactive", "image", "recorder");
      engine.docker("kill", "--signal=RTMIN+3", id);
      await until("it has arrived", () => engine.docker("logs", id).stdout.includes("37 0 0\n"));
      engine.docker("kill", id);
      expect(engine.ended(id).code).toBe(137);
    }, 60_000);

    test("is stopped by docker stop with the program's own code, docker exec beside it", async () => {
      const script = "trap 'echo stopping; exit 33' TERM; echo ready; while :; do sleep 0.05; done";
      const id = await engine.detached(...HARDENED, "image", "bash", "-c", script);
      expect(engine.docker("exec", id, "bash", "-c", "(bash -c 'exit 3' &); exit 5").code).toBe(5);
      await engine.hasReaped(id);
      expect(engine.docker("stop", "--time=30", id).code).toBe(0);
      expect(engine.ended(id)).toEqual({ code: 33, stdout: "ready\nstopping\n", stderr: "" });
    }, 60_000);

    test("reaps orphans", async () => {
      const id = await engine.detached(...HARDENED, "--interactive", "image", "orphans", "100");
      expect(engine.docker("logs", id).stdout).toBe("adopted by 1\nready\n");
      await engine.hasReaped(id);
      engine.docker("kill", id);
      engine.ended(id);
    }, 60_000);

    test("passes ^C of -it on, once", () => {
      const words = engine.command("run", "--rm", "--network=none", "-it", ...HARDENED, "image", "recorder");
      const typed = Bun.spawnSync([fixture("terminal"), "\x03\x04", ...words], { timeout: 30_000 });
      expect(typed.stdout.toString().replaceAll("\r", "").replaceAll("^C", "")).toBe("ready\n2 128 0\nend\n");
    }, 60_000);
  });

  describe("in a root file system", () => {
    let rootfs = "";
    beforeAll(() => {
      rootfs = mkdtempSync(join(tmpdir(), "fdinit-debian-"));
      chmodSync(rootfs, 0o755);
      unpackDebian(rootfs);
      cpSync(portableFolder(portableTarget()), join(rootfs, "fdinit"), { recursive: true });
      for (const name of PROGRAMS) copyFileSync(fixture(name), join(rootfs, WHERE, name));
    }, 120_000);
    afterAll(() => {
      rmSync(rootfs, { recursive: true });
    }, 60_000);

    function inRunc(more: object, linux: object, ...words: string[]): Runc {
      const env = [`PATH=${WHERE}:/usr/bin:/bin`];
      const process = { env, noNewPrivileges: true, capabilities: {}, ...more };
      const made = new Runc(["/fdinit/fdinit", "--", ...words], process, {}, linux, rootfs);
      containers.push(made);
      return made;
    }

    test("runs by runc, hardened, with the program's code", async () => {
      const ended = await inRunc({ user: { uid: 1000, gid: 1000 } }, {}, "sh", "-c", SAYS).run();
      expect(ended).toEqual({ code: 9, stdout: "1 1000 777 4096\nSeccomp:\t0\n", stderr: "" });
      expect((await inRunc({}, {}, "bash", "-c", "kill -9 $$").run()).code).toBe(137);
      expect((await inRunc({}, {}, "nonexistent").run()).code).toBe(127);
    }, 60_000);

    test("runs by runc in a user namespace", async () => {
      const script = "cat /proc/self/uid_map; exit 7";
      const { code, stdout, stderr } = await inRunc({}, Runc.USER_NAMESPACE, "bash", "-c", script).run();
      expect({ code, words: stdout.trim().split(/\s+/), stderr }).toEqual({
        code: 7,
        words: ["0", "100000", "65536"],
        stderr: "",
      });
    });

    test("forwards what runc kill sends, runc exec beside it", async () => {
      const made = inRunc({}, {}, "recorder");
      const rest = await ready(made.start());
      expect(made.command("exec", "bash", "-c", "(bash -c 'exit 3' &); exit 5").code).toBe(5);
      await until("no zombie is left", () => made.command("exec", ...COUNT_ZOMBIES).stdout === "0\n");
      expect(made.command("kill", "HUP").code).toBe(0);
      expect(made.command("kill", "KILL").code).toBe(0);
      const { code, stdout } = await rest();
      expect({ code, stdout: withoutSigurg(stdout) }).toEqual({ code: 137, stdout: "1 0 0\n" });
    }, 60_000);

    describe("of containerd's ctr", () => {
      let containerd: Containerd;
      beforeAll(async () => {
        containerd = await Containerd.start();
      }, 60_000);
      afterAll(() => containerd.stop(), 60_000);

      test("runs hardened, with the program's code", () => {
        const options = ["--read-only", "--seccomp", "--memory-limit=67108864"];
        const { code, stdout, stderr } = containerd.runIn(
          rootfs,
          "hardened",
          options,
          "/bin/bash",
          "-c",
          SAYS,
        );
        expect({ code, stderr }).toEqual({ code: 9, stderr: "" });
        expect(stdout).toMatch(/^1 0 \d+ \d+\nSeccomp:\t2\n$/);
        expect(containerd.runIn(rootfs, "killed", [], "/bin/bash", "-c", "kill -9 $$").code).toBe(137);
      });

      test("forwards what ctr task kill sends, with a program of ctr task exec beside it", async () => {
        expect(await containerd.killed(rootfs, "/bin/bash")).toEqual({
          started: 0,
          beside: 5,
          said: expect.stringContaining("33"),
          deleted: 0,
        });
      }, 60_000);
    });
  });
});
