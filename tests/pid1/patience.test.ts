// PID 1 waits for nobody and drops no error: streams of signals and orphans, stopped and traced programs, a report
// that nobody reads, and system calls that fail (strace injects them, into PID 1 only).

import { expect, test } from "bun:test";
import { join } from "node:path";
import { FDINIT, fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { until, untilWaiting } from "../harness/processes.ts";
import { policy, run, start } from "../harness/run.ts";

leaveNothingBehind();

const withKeys = (keys: Record<string, unknown>) => policy(JSON.stringify({ version: 1, ...keys }));

describeWith(["gcc", "unshare", "bash"], "PID 1", () => {
  test("ends with its program while real-time signals come without end", async () => {
    const flood = `(trap '' TERM; while :; do ${fixture("send")} 1 40 0 100000 2>/dev/null; done) &`;
    const script = `trap '' RTMIN+6; ${flood} ${flood} ${flood} sleep 0.5; exit 9`;
    expect((await run({ run: ["bash", "-c", script], options: ["--intent", "simplicity"] })).code).toBe(9);
  });

  test("forwards a signal while orphans end as fast as they are taken, and each is told of", async () => {
    const file = join(temporaryDirectory(), "report");
    const keys = { intent: "simplicity", reaping: { log: "all" }, log: { level: "error" }, report: file };
    const running = await start({ run: [fixture("stream")], options: withKeys(keys) }).ready();
    process.kill(await running.pid(), "SIGTERM");
    expect((await running.ended()).code).toBe(5);
  });

  test("ends where the report is a FIFO that nobody reads, and says so", async () => {
    const fifo = join(temporaryDirectory(), "fifo");
    Bun.spawnSync(["mkfifo", fifo]);
    const { code, stderr } = await run({ run: ["sh", "-c", "exit 3"], options: withKeys({ report: fifo }) });
    expect(code).toBe(3);
    expect(stderr).toContain(`cannot write the report ${JSON.stringify(fifo)}: ENXIO`);
  });

  test.each([
    ["with steps", { shutdown: { steps: [{ signal: "SIGTERM", wait: "10s" }, { signal: "SIGKILL" }] } }],
    ["without steps", {}],
  ])("ends a stopped program by its own hand (%s)", async (_name, keys) => {
    const script = "trap 'exit 4' TERM; echo ready; kill -STOP $$; while :; do sleep 0.02; done";
    const running = await start({ run: ["sh", "-c", script], options: withKeys(keys) }).ready();
    const program = await running.payload();
    await until("it has stopped", async () => {
      const text = await Bun.file(`/proc/${program}/stat`).text();
      return / T /.test(text.slice(text.lastIndexOf(")")));
    });
    // The stop is known to fdinit: without steps a SIGCONT goes only to a program that was seen to stop.
    await untilWaiting(await running.pid());
    process.kill(await running.pid(), "SIGTERM");
    expect((await running.ended()).code).toBe(4);
  });
});

describeWith(["unshare", "python3"], "a program that makes its parent its tracer", () => {
  test("is let go of, and runs", async () => {
    const traced =
      "import ctypes, os; ctypes.CDLL(None).ptrace(0, 0, 0, 0); os.execv('/bin/sh', ['sh', '-c', 'exit 6'])";
    expect((await run({ run: ["python3", "-c", traced] })).code).toBe(6);
  });
});

describeWith(["strace"], "a system call that fails", () => {
  /** fdinit below strace, which makes its calls fail, and not those of the program. */
  const failing = (calls: string, how: string, options: readonly string[], ...program: readonly string[]) => [
    "strace",
    ...["-qq", "-o", "/dev/null", "-e", `trace=${calls}`, "-e", `inject=${calls}:${how}`],
    ...[FDINIT, ...options, "--", ...program],
  ];
  const ended = (command: readonly string[]) => run({ run: command, direct: true, as: "child" });

  test.each(["EINVAL", "ENOSYS", "EPERM"])(
    "wait4 with %s: waitid takes the child, and the code is the truth",
    async (error) => {
      expect(await ended(failing("wait4", `error=${error}`, [], "sh", "-c", "exit 7"))).toEqual({
        code: 7,
        stdout: "",
        stderr: "",
      });
    },
  );
  test("waitid with ENOSYS: children are taken unseen", async () => {
    const options = withKeys({ reaping: { log: "all" } });
    const { code, stderr } = await ended(failing("waitid", "error=ENOSYS", options, "sh", "-c", "exit 7"));
    expect(code).toBe(7);
    expect(stderr).toContain("reaped process");
  });
  test("both for a while: that is said once, and tried again", async () => {
    const { code, stderr } = await ended(
      failing("wait4,waitid", "error=EPERM:when=1..4", [], "sh", "-c", "exit 7"),
    );
    expect(code).toBe(7);
    expect(stderr.match(/cannot take ended children/g)?.length ?? 0).toBeLessThanOrEqual(1);
  });
  test("rt_sigtimedwait and ppoll: nothing is started that could not be waited for", async () => {
    const { code, stderr, stdout } = await ended(
      failing("rt_sigtimedwait,ppoll", "error=EPERM", [], "echo", "started"),
    );
    expect([code, stdout]).toEqual([70, ""]);
    expect(stderr).toStartWith("fdinit: cannot wait for signals");
  });
  test("rt_sigtimedwait alone: ppoll waits", async () => {
    const { code } = await ended(
      failing("rt_sigtimedwait", "error=ENOSYS", [], "sh", "-c", "sleep 0.1; exit 7"),
    );
    expect(code).toBe(7);
  });
  test("read of the signalfd: the signals are taken without it", async () => {
    const script = "trap 'exit 8' USR1; kill -USR1 $PPID; while :; do sleep 0.02; done";
    const command = failing("signalfd4", "error=EINVAL", [], "sh", "-c", script);
    expect((await ended(command)).code).toBe(70);
  });
  test("kill with EPERM is said, once", async () => {
    const script = "kill -USR1 $PPID; kill -USR2 $PPID; sleep 0.2; exit 7";
    const { code, stderr } = await ended(failing("kill", "error=EPERM", [], "sh", "-c", script));
    expect(code).toBe(7);
    expect(stderr).toMatch(/^fdinit: cannot send SIGUSR[12] to main \(kill\): EPERM[^\n]*\n$/);
  });
  test("a first start without room for a process is made up for as restart says", async () => {
    const options = withKeys({
      services: { app: { restart: { policy: "onFailure", backoff: "10ms..1s" } } },
    });
    const calls = failing("clone,clone3,vfork", "error=EAGAIN:when=1", options, "true");
    const { code, stderr } = await ended(calls);
    expect(code).toBe(0);
    expect(stderr).toMatch(/cannot start app: .*EAGAIN.*limit of processes.*is started again in 10 ms/);
    expect(stderr).not.toContain("execute");
  });
  test("and without a restart ends it, with words about processes", async () => {
    const { code, stderr } = await ended(failing("clone,clone3,vfork", "error=EAGAIN", [], "true"));
    expect(code).toBe(126);
    expect(stderr).toMatch(/^fdinit: cannot start main: .*EAGAIN.*limit of processes/);
  });
  test("subreaper: auto goes on without one, always does not", async () => {
    const becoming = (subreaper: string) =>
      ended(failing("prctl", "error=ENOSYS", withKeys({ reaping: { subreaper } }), "echo", "ran"));
    expect(await becoming("auto")).toMatchObject({
      code: 0,
      stdout: "ran\n",
      stderr: expect.stringContaining("cannot become a subreaper (PR_SET_CHILD_SUBREAPER): ENOSYS"),
    });
    expect(await becoming("always")).toMatchObject({ code: 70, stdout: "" });
  });
});

describeWith(["strace"], "the end below another init", () => {
  test("reads no process of the machine where no child is left", async () => {
    const log = join(temporaryDirectory(), "calls");
    const command = ["strace", "-qq", "-o", log, "-e", "trace=openat", FDINIT, "--intent", "simplicity"];
    expect((await run({ run: [...command, "--", "true"], direct: true, as: "child" })).code).toBe(0);
    expect(await Bun.file(log).text()).not.toMatch(/"\/proc"|"\/proc\/\d+\//);
  });
});

describeWith(["unshare", "root"], "a /proc of another PID namespace", () => {
  test("is none: what its numbers stand for is not signalled", async () => {
    // Below a shell that is PID 1 of a namespace with the /proc of the one above.
    const strangers = `sleep 1000 & sleep 1000 & sleep 1000 &`;
    const fdinit = `${FDINIT} ${withKeys({ reaping: { wait: "1ms" } }).join(" ")} -- sh -c 'sleep 1000 & exit 3'`;
    const script = `${strangers} ${fdinit}; echo code $?; kill -0 %1 && kill -0 %2 && kill -0 %3 && echo alive; kill %1 %2 %3`;
    const { stdout } = await run({
      run: ["unshare", "--pid", "--fork", "--kill-child", "bash", "-mc", script],
      direct: true,
      as: "child",
    });
    expect(stdout).toBe("code 3\nalive\n");
  });
});
