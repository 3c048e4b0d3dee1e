// The strict seccomp profile is as small as it can be: without any call of the group that fdinit cannot
// do without, it does not start, forward, reap or end. One call is forbidden at a time, by a launcher.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { portableTarget } from "../../scripts/portable.ts";
import { BareRoots, put } from "../harness/bare.ts";
import { FDINIT, fixture, ROOT } from "../harness/fixtures.ts";
import { leaveNothingBehind, register } from "../harness/leftovers.ts";
import { describeUnless, missing } from "../harness/needs.ts";
import { children, until, untilWaiting } from "../harness/processes.ts";
import { commandLine, type Start, start } from "../harness/run.ts";
import { missingFor } from "../harness/targets.ts";

leaveNothingBehind();

const EPERM = 1;
const PATIENCE_MS = 1500;
/** Only a service with a working directory of its own needs these. */
const WITH_DIRECTORY = ["chdir"];
/** Which executable it is that cannot do without; the portable one unless it is named here. */
const GLIBC_NEEDS = ["futex", "newfstatat", "openat", "pread64"];

const profile = JSON.parse(readFileSync(join(ROOT, "images/seccomp/strict.json"), "utf8"));
const groups: { comment: string; names: string[] }[] = profile.syscalls;
const required = groups.find(({ comment }) => comment.startsWith("fdinit cannot do without"))?.names ?? [];

/** System call numbers, from this machine's headers. */
function numbers(): Map<string, number> {
  const source = Buffer.from("#include <sys/syscall.h>\n");
  const macros = Bun.spawnSync(["gcc", "-E", "-dM", "-"], { stdin: source }).stdout.toString();
  return new Map(
    [...macros.matchAll(/^#define __NR_(\w+) (\d+)$/gm)].map(([, name = "", n]) => [name, Number(n)]),
  );
}

const reason = missing("gcc", "unshare", "root") ?? missingFor(portableTarget());

describeUnless(
  process.arch === "x64" ? reason : "the names are x86-64's",
  "the strict seccomp profile",
  () => {
    let roots: BareRoots;
    let root: string;
    let known: Map<string, number>;
    beforeAll(() => {
      known = numbers();
      roots = new BareRoots();
      root = roots.make("root");
      put(root, fixture("hold"), "/hold");
      writeFileSync(join(root, "policy.yaml"), "version: 1\nservices: { app: { command: [/hold] } }\n");
      writeFileSync(join(root, "cwd.yaml"), "version: 1\nservices: { app: { command: [/hold], cwd: / } }\n");
    }, 120_000);
    afterAll(() => roots.remove());

    const portable = (launch: readonly string[], policy = "/policy.yaml"): Start =>
      roots.start(root, { proc: true, run: [], launch, options: ["--policy", policy] });
    const withDirectory = (launch: readonly string[]): Start => portable(launch, "/cwd.yaml");
    const glibc = (launch: readonly string[]): Start => ({ run: [fixture("hold")], launch });

    /** Whether the program starts, SIGTERM ends it, and fdinit gives its code, in time. */
    async function works(start: Start): Promise<boolean> {
      const process = register(
        Bun.spawn(commandLine(start), { stdin: "pipe", stdout: "pipe", stderr: "ignore" }),
      );
      const late = Bun.sleep(PATIENCE_MS).then(() => undefined);
      const line = await Promise.race([process.stdout.getReader().read(), late]);
      if (!line?.value || !Buffer.from(line.value).toString().includes("ready\n")) return false;
      const pid = await until("PID 1 exists", () => children(process.pid)[0]);
      // musl's posix_spawn waits for ever when it cannot close its end of a pipe.
      const waits = untilWaiting(pid).then(
        () => true,
        () => false,
      );
      if (!(await Promise.race([waits, late]))) return false;
      globalThis.process.kill(pid, "SIGTERM");
      return (await Promise.race([process.exited, late])) === 143;
    }

    test("names calls that exist, and the two executables work without any of them forbidden", async () => {
      expect(required.length).toBeGreaterThan(20);
      expect(required.filter((name) => !known.has(name))).toEqual([]);
      expect(await works(portable([]))).toBe(true);
      expect(await works(glibc([]))).toBe(true);
      expect(FDINIT).not.toBe("");
    });

    test("does not start where neither way to wait is allowed, and says so", async () => {
      const launch = ["ppoll", "rt_sigtimedwait"].map((name) => `deny=${known.get(name)}:${EPERM}`);
      const { code, stderr } = await start(portable(launch)).ended();
      expect(code).toBe(70);
      expect(stderr).toMatch(/^fdinit: .*rt_sigtimedwait.*\n$/);
    });

    for (const name of required) {
      const how = GLIBC_NEEDS.includes(name)
        ? glibc
        : WITH_DIRECTORY.includes(name)
          ? withDirectory
          : portable;
      test(`is needed with ${name}`, async () => {
        expect(await works(how([`deny=${known.get(name)}:${EPERM}`]))).toBe(false);
      });
    }
  },
);
