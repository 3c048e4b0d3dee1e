// Which process group the program is in, and what reaches it because of that: a signal to fdinit's whole group, a
// terminal's signals, what the kernel sends of its own, and the terminal itself.

import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { FDINIT, fixture, IS_QUICKJS } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith, UNSHARE } from "../harness/needs.ts";
import { until } from "../harness/processes.ts";
import { policy, type Running, start } from "../harness/run.ts";

leaveNothingBehind();

const withKeys = (keys: Record<string, unknown>) => policy(JSON.stringify({ version: 1, ...keys }));

const CTRL_C = "\x03";
const CTRL_Z = "\x1a";

/** As a job of its own, whose group is killed as a whole: coreutils' timeout, kill -- -PGID, CI runners. */
const asJob = (options: readonly string[], executable = FDINIT): Promise<Running> =>
  start({
    run: ["setsid", executable, ...options, "--", fixture("recorder")],
    direct: true,
    as: "child",
  }).ready();

/** The process group of a process. */
function groupOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[2]);
}

describeWith(["gcc"], "a signal to fdinit's whole group", () => {
  const POLICIES: [string, () => string[]][] = [
    ["by default", () => []],
    ["with signals.to: group", () => withKeys({ signals: { to: "group" } })],
    ["with a session of its own", () => withKeys({ services: { app: { setsid: true } } })],
    ["with shutdown.steps", () => withKeys({ shutdown: { steps: [{ signal: "SIGTERM" }] } })],
  ];
  test.each(POLICIES)("reaches the program once (%s)", async (name, options) => {
    const running = await asJob(options());
    process.kill(-(await running.pid()), "SIGTERM");
    expect(await running.line()).toBe("15 0 0");
    if (name.includes("steps")) expect(await running.line()).toBe("18 0 0");
    process.kill(await running.pid(), "SIGUSR1");
    expect(await running.line()).toBe("10 0 0");
    expect((await running.finished()).stdout).toBe("end\n");
  });

  test("reaches it directly where tty is none, which leaves it in that group", async () => {
    const running = await asJob(withKeys({ tty: "none" }));
    expect(groupOf(await running.payload())).toBe(await running.pid());
    await running.finished();
  });
});

describeWith(["gcc", "python3"], "what the kernel sends by itself", () => {
  // The static executable's start does not use enough of the CPU for 26 and 27 to go off before the program runs.
  test.each(IS_QUICKJS ? [14] : [14, 26, 27])(
    "signal %d of a timer set before fdinit was executed reaches the program",
    async (signal) => {
      const timer = { 14: "ITIMER_REAL", 26: "ITIMER_VIRTUAL", 27: "ITIMER_PROF" }[signal];
      // Timers of the CPU time go off when it is used: the kernel's, in fdinit's own start.
      const seconds = signal === 14 ? 0.3 : 0.001;
      const words = [FDINIT, "--", fixture("recorder")];
      const script = `import os, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [${signal}])\nsignal.setitimer(signal.${timer}, ${seconds})\nos.execv(${JSON.stringify(FDINIT)}, ${JSON.stringify(words)})`;
      const running = await start({ run: ["python3", "-c", script], direct: true, as: "child" }).ready();
      expect(await running.line()).toBe(`${signal} 0 0`);
      await running.finished();
    },
  );
});

describeWith(["gcc", "unshare"], "a terminal", () => {
  const env = { TERM: "dumb" };
  const onTerminal = (...run: readonly string[]) =>
    start({ run: [fixture("pty"), ...run], direct: true, as: "child", env });

  test("that hangs up reaches the program through fdinit, its session's leader", async () => {
    const file = join(temporaryDirectory(), "seen");
    const script = `trap 'echo hangup > ${file}; exit' HUP; echo read''y; while :; do sleep 0.02; done`;
    const running = onTerminal(FDINIT, "--", "sh", "-c", script);
    await running.printed("ready");
    process.kill(running.launcher, "SIGKILL");
    await until("the program has seen SIGHUP", () => existsSync(file));
  });

  test("is lent to a program that reads from it although standard input is none", async () => {
    const script = "echo read''y; read line </dev/tty; echo got $line; read line </dev/tty; echo and $line";
    const running = onTerminal("sh", "-c", `exec ${FDINIT} -- sh -c '${script}' </dev/null`);
    await running.printed("ready");
    running.type("one\n");
    await running.printed("got one");
    running.type("two\n");
    await running.printed("and two");
    expect((await running.ended()).code).toBe(0);
  });

  test("stops nothing that nobody could continue", async () => {
    const script = "echo read''y; while read line; do echo got $line; done";
    const running = onTerminal(...UNSHARE, "setsid", "--ctty", FDINIT, "--", "sh", "-c", script);
    await running.printed("ready");
    running.type(CTRL_Z);
    running.type("on\n");
    await running.printed("got on");
    running.type(CTRL_C);
    expect((await running.ended()).code).toBe(130);
  });
});
