// Each target's executable as PID 1: on this machine as it is, musl's in a root file system as on Alpine,
// arm64's under qemu. Only behaviour that a target could break is tested here.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TARGETS } from "../../scripts/targets.ts";
import { fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeUnless } from "../harness/needs.ts";
import { untilWaiting } from "../harness/processes.ts";
import { type Ended, run, type Start, start } from "../harness/run.ts";
import { missingFor, program, type Started, started } from "../harness/targets.ts";

leaveNothingBehind();

/** Those a program may want, and what C libraries and JavaScript engines keep to themselves: all the kernel has. */
const SIGNALS = [...Array(64).keys()].map((index) => index + 1);
// KILL, STOP and CHLD are not forwarded; 32 and 33 are libc's.
const NOT_FORWARDED = [9, 17, 19, 32, 33];
// Faults are taken by qemu's own thread (ILL BUS FPE SEGV), and the emulated libc's 32 and 33 are these outside.
const NOT_EMULATED = [4, 7, 8, 11, 34, 35];

for (const target of TARGETS) {
  describeUnless(missingFor(target), `the executable for ${target.name}`, () => {
    let directory: string;
    let it: Started;
    const hold = () => program(it, fixture("hold"));

    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), "fdinit-target-"));
      it = started(target, directory);
    }, 120_000);
    afterAll(() => rmSync(directory, { recursive: true }));

    /** The mounts that an engine would make. */
    const prepare = () =>
      it.root === ""
        ? "true"
        : `mount -t proc proc ${it.root}/proc; touch ${it.root}/dev/null; mount --bind /dev/null ${it.root}/dev/null`;
    const how = (options: readonly string[], words: readonly string[], more: Partial<Start>): Start => {
      return { before: prepare(), direct: true, run: [...it.command, ...options, "--", ...words], ...more };
    };
    const shell = (script: string) => [it.root === "" ? "busybox" : "/bin/busybox", "sh", "-c", script];
    const runs = (script: string, more: Partial<Start> = {}): Promise<Ended> =>
      run(how([], shell(script), more));

    test("is PID 1, and gives the program's code, 128 + n, 127, and its own 64 and 78", async () => {
      expect(await runs("echo $PPID; exit 42")).toEqual({ code: 42, stdout: "1\n", stderr: "" });
      expect((await runs("kill -9 $$")).code).toBe(137);
      expect((await run(how([], ["nonexistent"], {}))).code).toBe(127);
      expect((await run(how(["--nonsense"], ["true"], {}))).code).toBe(64);
      expect((await run(how(["--policy", "/nonexistent"], ["true"], {}))).code).toBe(78);
      if (!it.emulated) expect((await run(how([], ["/etc"], {}))).code).toBe(126);
    }, 60_000);

    test("forwards every signal, once", async () => {
      const running = await start(how([], [program(it, fixture("recorder"))], {})).ready();
      const pid = await running.pid();
      await untilWaiting(pid);
      for (const signal of SIGNALS) {
        if (NOT_FORWARDED.includes(signal) || (it.emulated && NOT_EMULATED.includes(signal))) continue;
        expect(Bun.spawnSync([fixture("send"), String(pid), String(signal)]).success).toBe(true);
        expect(await running.line()).toBe(`${signal} 0 0`);
      }
      expect((await running.finished()).stdout).toBe("end\n");
    }, 60_000);

    test("leaves the soft limit of open files as it was", async () => {
      const { stdout } = await runs("ulimit -Sn; ulimit -Hn", { launch: ["rlimit=7:777:4096"] });
      expect(stdout).toBe("777\n4096\n");
    });

    test("closes what was inherited, and refuses what lies outside the root", async () => {
      const list = "cd /proc/self/fd; for fd in *; do test $fd -lt 3 || echo $fd $(readlink $fd); done";
      const { stdout } = await runs(list, { launch: ["fd=7:listen", "fd=8:eventfd", "fd=9:file:/dev/null"] });
      expect(stdout).not.toMatch(/socket|eventfd|null/);
      const outside = "mount -t tmpfs none /mnt; exec 8</mnt; umount -l /mnt";
      const refused = await runs("true", { before: `${prepare()}; ${outside}` });
      expect({ ...refused, stderr: "" }).toEqual({ code: 77, stdout: "", stderr: "" });
      expect(refused.stderr).toContain("descriptor 8 (directory ");
    });

    test("takes no orders from the program's environment, and hands it on", async () => {
      const env = { BUN_BE_BUN: "1", BUN_OPTIONS: "--preload /nonexistent.ts", MIMALLOC_VERBOSE: "1" };
      const { code, stdout, stderr } = await runs("echo $BUN_BE_BUN $BUN_OPTIONS $MIMALLOC_VERBOSE", { env });
      expect({ code, stdout, stderr }).toEqual({
        code: 0,
        stdout: "1 --preload /nonexistent.ts 1\n",
        stderr: "",
      });
    });

    test("has one thread, and nothing to say about an ignored SIGPWR", async () => {
      const running = await start(how([], [hold()], { launch: ["ignore=30"] })).ready();
      const pid = await running.pid();
      await untilWaiting(pid);
      expect(readdirSync(`/proc/${pid}/task`).length).toBe(it.emulated ? 2 : 1);
      expect(await running.finished()).toMatchObject({ code: 0, stderr: "" });
    });

    test("reads a policy, with its complaints", async () => {
      const { code, stderr } = await runs("true", { env: { FDINIT_POLICY: "/dev/null/none" } });
      expect({ code, said: stderr.startsWith("fdinit: cannot read the policy") }).toEqual({
        code: 78,
        said: true,
      });
      expect((await run(how(["--policy", "nginx"], shell("exit 3"), {}))).code).toBe(3);
    });
  });
}
