// Shutdown, its steps and budget, orphans at the end, and the exit code, with the executable as PID 1.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { children, hasEnded, status, until } from "../harness/processes.ts";
import { policy, type Running, run, start } from "../harness/run.ts";

leaveNothingBehind();

const withKeys = (keys: Record<string, unknown>) => policy(JSON.stringify({ version: 1, ...keys }));

/** Starts a process that takes every signal and ends of none, and goes on when it is there. */
function stubborn(): string {
  const folder = temporaryDirectory();
  const [input, output] = [join(folder, "in"), join(folder, "out")];
  return `mkfifo ${input} ${output}; ${fixture("recorder")} <>${input} >${output} 2>/dev/null & read there <${output};`;
}

/** A stubborn program with as stubborn a child. */
const STUBBORN = () => ["sh", "-c", `${stubborn()} exec ${fixture("recorder")}`];

const sinceMs = (from: number) => performance.now() - from;

const ready = (run: readonly string[], options: readonly string[]): Promise<Running> =>
  start({ run, options }).ready();

describeWith(["gcc", "unshare"], "shutdown.steps", () => {
  test("escalate to SIGKILL for the whole tree, end as soon as all is gone, and say what had to be killed", async () => {
    const steps = [
      { signal: "SIGTERM", wait: "100ms" },
      { signal: "SIGINT", wait: "100ms" },
      { signal: "KILL" },
    ];
    const running = await ready(STUBBORN(), withKeys({ shutdown: { steps } }));
    const begun = performance.now();
    process.kill(await running.pid(), "SIGTERM");
    expect(await running.line()).toBe("15 0 0");
    expect(await running.line()).toBe("18 0 0"); // a stopped program would not have noticed
    expect(await running.line()).toBe("2 0 0");
    const { code, stderr } = await running.ended();
    expect(code).toBe(137);
    expect(sinceMs(begun)).toBeGreaterThanOrEqual(200);
    const both = "2 \\(recorder\\S*\\), \\d+ \\(recorder\\S*\\)";
    expect(stderr.split("\n")).toEqual([
      expect.stringMatching(
        new RegExp(
          `^fdinit: not everything has ended 100 ms after SIGTERM \\(shutdown step 1 of 3\\); waited for ${both}$`,
        ),
      ),
      "fdinit: not everything has ended 100 ms after SIGINT (shutdown step 2 of 3)",
      expect.stringMatching(new RegExp(`^fdinit: SIGKILL to what is left: ${both}$`)),
      "",
    ]);
  });

  test("send SIGTERM once however often it comes, and forward every other signal meanwhile", async () => {
    const steps = [{ signal: "SIGUSR1" }];
    const running = await start({
      run: [fixture("recorder")],
      options: withKeys({ shutdown: { steps } }),
    }).ready();
    const pid = await running.pid();
    process.kill(pid, "SIGTERM");
    expect(await running.line()).toBe("10 0 0");
    expect(await running.line()).toBe("18 0 0");
    process.kill(pid, "SIGTERM");
    process.kill(pid, "SIGINT");
    expect(await running.line()).toBe("2 0 0");
    expect((await running.finished()).stdout).toBe("end\n");
  });

  test("begin with whichever signal shutdown.on names", async () => {
    const shutdown = { on: ["SIGHUP", "RTMIN+3"], steps: [{ signal: "SIGUSR2" }] };
    for (const signal of [1, 37]) {
      const running = await start({ run: [fixture("recorder")], options: withKeys({ shutdown }) }).ready();
      const pid = await running.pid();
      process.kill(pid, "SIGTERM");
      expect(await running.line()).toBe("15 0 0");
      process.kill(pid, signal);
      expect(await running.line()).toBe("12 0 0");
      await running.finished();
    }
  });

  test("of one service can be written as its stop", async () => {
    const services = { app: { stop: { signal: "SIGQUIT", wait: "50ms" } } };
    const running = await start({ run: [fixture("recorder")], options: withKeys({ services }) }).ready();
    process.kill(await running.pid(), "SIGTERM");
    expect(await running.line()).toBe("3 0 0");
    expect((await running.ended()).code).toBe(137);
  });
});

describeWith(["gcc", "unshare"], "shutdown.budget", () => {
  test("is the whole of it: whatever the steps and the orphans would take, SIGKILL comes before it is over", async () => {
    const shutdown = { budget: "600ms", steps: [{ signal: "SIGTERM" }] };
    const running = await ready(STUBBORN(), withKeys({ shutdown }));
    const begun = performance.now();
    process.kill(await running.pid(), "SIGTERM");
    const { code, stderr } = await running.ended();
    expect(code).toBe(137);
    expect(sinceMs(begun)).toBeGreaterThanOrEqual(400);
    expect(stderr).toStartWith(
      "fdinit: the shutdown budget is used up; the last step was SIGTERM (shutdown step 1 of 1)\nfdinit: SIGKILL to what is left: ",
    );
  });

  test("bounds orphans too, and keeps the code that the service ended with", async () => {
    const script = `trap "exit 5" TERM; ${stubborn()} echo ready; while :; do sleep 0.01; done`;
    const options = withKeys({
      shutdown: { budget: "500ms" },
      reaping: { orphans: "terminate", wait: "500ms" },
    });
    const running = await start({ run: ["sh", "-c", script], options }).ready();
    process.kill(await running.pid(), "SIGTERM");
    const { code, stderr } = await running.ended();
    expect(code).toBe(5);
    expect(stderr).toMatch(/SIGKILL to what is left: \d+ \(.*recorder\S*\)\n$/);
  });
});

describeWith(["gcc", "unshare"], "orphans at the end", () => {
  /** An orphan that notes SIGTERM in `file`, and ends of it. */
  const polite = (file: string, end: string) => [
    "sh",
    "-c",
    `sh -c 'trap "echo asked > ${file}; exit" TERM; echo ready; while :; do sleep 0.01; done' & read line; ${end}`,
  ];

  test("are asked to end by intent security, and the end comes when they are gone", async () => {
    const file = join(temporaryDirectory(), "asked");
    const running = await start({
      run: polite(file, "exit 6"),
      options: withKeys({ reaping: { wait: "1h" } }),
    }).ready();
    const { code, stderr } = await running.finished();
    expect(code).toBe(6);
    expect(stderr).not.toContain("fdinit"); // the orphan's shell says that its sleep was terminated
    expect(readFileSync(file, "utf8")).toBe("asked\n");
  });

  test("that do not end in reaping.wait get SIGKILL, a stopped one is woken first", async () => {
    const script = `${stubborn()} sh -c 'kill -STOP $$' >/dev/null 2>&1 & echo $!; read line; exit 6`;
    const options = withKeys({ reaping: { wait: "100ms" } });
    const running = start({ run: ["sh", "-c", script], options });
    await running.line();
    const payload = await running.payload();
    await until("it is stopped", () => children(payload).some((pid) => status(pid, "State").startsWith("T")));
    const { code, stderr } = await running.finished();
    expect(code).toBe(6);
    expect(stderr).toMatch(/^fdinit: SIGKILL to what is left: \d+ \([^,]*recorder\S*\)\n$/);
  });

  test("are waited for when the policy says so, and asked when SIGTERM comes meanwhile", async () => {
    const file = join(temporaryDirectory(), "asked");
    const options = withKeys({ reaping: { orphans: "wait" } });
    const running = await start({ run: polite(file, "exit 6"), options }).ready();
    const pid = await running.pid();
    const shell = children(pid)[0] as number;
    process.kill(shell, "SIGKILL");
    await until("the orphan is fdinit's", () => children(pid).length === 1 && children(pid)[0] !== shell);
    process.kill(pid, "SIGTERM");
    expect((await running.ended()).code).toBe(137);
    expect(readFileSync(file, "utf8")).toBe("asked\n");
    const alone = await run({ run: ["sh", "-c", "(sleep 0.2; echo late) & exit 4"], options });
    expect(alone).toEqual({ code: 4, stdout: "late\n", stderr: "" });
  });

  test("are left to the kernel by the other intents: PID 1 ends at once", async () => {
    for (const intent of ["performance", "simplicity"]) {
      const file = join(temporaryDirectory(), "asked");
      const running = await start({ run: polite(file, "exit 6"), options: ["--intent", intent] }).ready();
      expect((await running.finished()).code).toBe(6);
      expect(() => readFileSync(file)).toThrow();
    }
  });

  test("are found by parentage where fdinit is not PID 1, and nobody else is touched", async () => {
    const bystander = Bun.spawn(["sleep", "1000"]);
    const quiet = ">/dev/null 2>&1 </dev/null";
    const script = `setsid sleep 1000 ${quiet} & setsid sh -c 'sleep 1000 & wait' ${quiet} & read line; exit 6`;
    const running = start({ run: ["sh", "-c", script], as: "child" });
    const shell = await running.payload();
    const below = () => children(shell).flatMap((pid) => [pid, ...children(pid)]);
    await until("all of them run", () => below().length === 3);
    const orphans = below();
    const { code, stderr } = await running.finished();
    expect(orphans.every(hasEnded)).toBe(true);
    expect({ code, stderr }).toEqual({ code: 6, stderr: "" });
    expect(bystander.exitCode).toBeNull();
    bystander.kill();
    await bystander.exited;
  });
});

describeWith(["gcc", "unshare"], "the exit code", () => {
  test("is mapped, by number, signals as 128 + n", async () => {
    const options = withKeys({ exit: { map: { "143": 0, "3": 30 } } });
    expect((await run({ run: ["sh", "-c", "exit 3"], options })).code).toBe(30);
    expect((await run({ run: ["sh", "-c", "kill -TERM $$"], options })).code).toBe(0);
    expect((await run({ run: ["sh", "-c", "exit 4"], options })).code).toBe(4);
  });

  test("is the service's own whatever the orphans do after it", async () => {
    const script = "(trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done) & read line; exit 6";
    const running = await start({ run: ["sh", "-c", script] }).ready();
    expect((await running.finished()).code).toBe(6);
  });
});

describeWith(["gcc", "unshare"], "what is told", () => {
  /** Two orphans, one that fails and one that does not, of a program that ends first. */
  const ORPHANS = "(sh -c 'read line; exit 7' & sh -c 'read line; exit 0' &); exit 2";
  const LONG_AGO = "after [0-9.]+ m?s, [0-9.]+ m?s of CPU time and [0-9]+ [KM]iB used";

  test("reaping.log all names each process with its command, end, time and resources", async () => {
    const options = withKeys({ reaping: { log: "all", orphans: "wait" } });
    const { stderr } = await run({ run: ["sh", "-c", ORPHANS], options });
    expect(stderr).toMatch(
      /reaped process 2 \(\[sh\]\): exited with code 2 after [0-9.]+ m?s, [0-9.]+ m?s of CPU time used/,
    );
    for (const code of [0, 7])
      expect(stderr).toMatch(
        new RegExp(`reaped orphan \\d+ \\(\\[sh\\]\\): exited with code ${code} ${LONG_AGO}`),
      );
  });

  test("reaping.log unexpected names orphans that failed, and no other", async () => {
    const options = withKeys({ reaping: { log: "unexpected", orphans: "wait" } });
    const { stderr } = await run({ run: ["sh", "-c", ORPHANS], options });
    expect(stderr).toMatch(
      new RegExp(`^fdinit: reaped orphan \\d+ \\(\\[sh\\]\\): exited with code 7 ${LONG_AGO}\n$`),
    );
  });

  test("report is one line: what ended, why, after how long, what had to be killed, with which code", async () => {
    const report = join(temporaryDirectory(), "report");
    const options = withKeys({ report, reaping: { wait: "50ms" } });
    const script = `${stubborn()} exit 3`;
    await run({ run: ["sh", "-c", script], options });
    expect(readFileSync(report, "utf8")).toMatch(
      /^main exited with code 3 after [\d.]+ m?s; had to be killed: \d+ \(.*recorder\S*\); exit code 3\n$/,
    );
    await run({ run: ["sh", "-c", "kill -SEGV $$"], options });
    expect(readFileSync(report, "utf8")).toMatch(
      /^main was killed by SIGSEGV.* after [\d.]+ m?s; exit code 139\n$/,
    );
  });

  test("a report that cannot be written is said and changes nothing", async () => {
    const options = withKeys({ report: "/nonexistent/report" });
    const { code, stderr } = await run({ run: ["sh", "-c", "exit 3"], options });
    expect(code).toBe(3);
    expect(stderr).toBe(
      'fdinit: cannot write the report "/nonexistent/report": ENOENT: no such file or directory\n',
    );
  });

  test("log.format json is one object a line, with time, level and message", async () => {
    const steps = [{ signal: "KILL" }];
    const options = withKeys({ log: { format: "json", level: "info" }, shutdown: { steps } });
    const running = await start({ run: [fixture("hold")], options }).ready();
    process.kill(await running.pid(), "SIGTERM");
    const lines = (await running.ended()).stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ level, message }) => [level, message])).toEqual([
      ["info", expect.stringMatching(/^done: close descriptors /)],
      ["info", expect.stringMatching(/^done: start main: .*; it is pid \d+$/)],
      ["info", "shutting down because of SIGTERM"],
      ["info", "shutdown step 1 of 1: SIGKILL to everything that is left; no further step follows"],
      ["warn", expect.stringMatching(/^SIGKILL to what is left: 2 /)],
    ]);
    expect(new Date(lines[0].time).getTime()).toBeGreaterThan(1.7e12);
  });
});
