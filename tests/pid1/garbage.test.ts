// C reads from memory that the engine's collector owns. Here it collects at every eighth allocation that needs new memory,
// in the executable as it is built: minified and with functions inlined.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { fixture, IS_QUICKJS } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { children, status, until, untilWaiting } from "../harness/processes.ts";
import { policy, run, start } from "../harness/run.ts";

leaveNothingBehind();

const COLLECTS = {
  BUN_JSC_slowPathAllocsBetweenGCs: "8",
  BUN_JSC_sweepSynchronously: "1",
  BUN_JSC_scribbleFreeCells: "1",
};
const WORDS = Array.from({ length: 50 }, (_, index) => `word-${index}-${"x".repeat(index)}`);
const VARIABLES = Object.fromEntries(WORDS.map((word, index) => [`VARIABLE_${index}`, word]));

describeWith(["python3", "unshare"], "garbage", () => {
  test("is collected before there is much of it: 100,000 signals leave PID 1 small", async () => {
    const running = await start({ run: ["sh", "-c", 'trap "" 40; echo ready; read line'] }).ready();
    const pid = await running.pid();
    const script = [
      "import ctypes, time",
      "sigqueue = ctypes.CDLL(None).sigqueue",
      "for i in range(100000):",
      `  while sigqueue(${pid}, 40, ctypes.c_void_p(i)) != 0: time.sleep(0.001)`, // RLIMIT_SIGPENDING
    ].join("\n");
    expect(Bun.spawnSync(["python3", "-c", script]).success).toBe(true);
    await untilWaiting(pid);
    expectSmall(pid);
    expect(await running.finished()).toMatchObject({ stderr: "" });
  }, 60_000);
});

describeWith(["gcc", "unshare"], "garbage", () => {
  test("is collected before there is much of it: 5,000 orphans leave PID 1 small", async () => {
    const running = start({ run: [fixture("orphans"), "5000"] });
    expect(await running.line()).toBe("adopted by 1");
    await running.ready();
    const pid = await running.pid();
    await until("the orphans are reaped", () => children(pid).length === 1);
    await untilWaiting(pid);
    expectSmall(pid);
    expect(await running.finished()).toMatchObject({ code: 7, stderr: "" });
  }, 60_000);
});

function expectSmall(pid: number): void {
  const [, kilobytes] =
    /^Anonymous: +(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")) ?? [];
  // 4.4 MB; with the heap that Bun has otherwise it is 12 MB. The static executable has half a megabyte.
  expect(Number(kilobytes)).toBeLessThan(IS_QUICKJS ? 1_500 : 8_000);
  expect(Number(kilobytes)).toBeGreaterThan(IS_QUICKJS ? 100 : 1_000);
}

describeWith(["gcc", "unshare"], "while memory is collected all the time", () => {
  for (const [how, more] of [
    ["posix_spawn", {}],
    ["a list of system calls", { umask: "0022", setsid: true }],
  ] as const) {
    test(`a program started by ${how} gets its arguments and variables to the byte`, async () => {
      const command = ["sh", "-c", 'printf "%s\\n" "$@"; env | grep ^VARIABLE_', "sh", ...WORDS];
      const services = { app: { command, env: VARIABLES, stdin: "devnull", ...more } };
      const options = policy(JSON.stringify({ version: 1, services }));
      const { code, stdout, stderr } = await run({ run: [], options, env: COLLECTS });
      const lines = stdout.trim().split("\n");
      expect({ code, stderr, words: lines.slice(0, WORDS.length) }).toEqual({
        code: 0,
        stderr: "",
        words: WORDS,
      });
      const variables = Object.entries(VARIABLES).map(([name, value]) => `${name}=${value}`);
      expect(lines.slice(WORDS.length).sort()).toEqual(variables.sort());
    }, 60_000);
  }

  test("PID 1 gives up its privileges", async () => {
    const command = ["sh", "-c", "echo ready; read line"];
    const services = { app: { command, user: "65534:65534" } };
    const options = policy(JSON.stringify({ version: 1, dropPrivileges: true, services }));
    const running = await start({ run: [], options, env: COLLECTS }).ready();
    const pid = await running.pid();
    await untilWaiting(pid);
    // CAP_KILL alone
    for (const set of ["CapPrm", "CapEff"]) expect(status(pid, set)).toBe("0000000000000020");
    expect(await running.finished()).toMatchObject({ stderr: "" });
  }, 60_000);

  test("signals are passed on, and orphans reaped", async () => {
    const orphans = start({ run: [fixture("orphans"), "20"], env: COLLECTS });
    expect(await orphans.line()).toBe("adopted by 1");
    await orphans.ready();
    const pid = await orphans.pid();
    await until("the orphans are reaped", () => children(pid).length === 1);
    expect(await orphans.finished()).toMatchObject({ code: 7, stderr: "" });

    const recorder = await start({ run: [fixture("recorder")], env: COLLECTS }).ready();
    process.kill(await recorder.pid(), "SIGHUP");
    expect(await recorder.line()).toBe("1 0 0");
    expect(await recorder.finished()).toMatchObject({ code: 0, stderr: "" });
  }, 60_000);
});
