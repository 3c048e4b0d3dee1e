// The wait loop over a kernel in memory: in which order things happen, what is waited for, what is asked of whom.

import { describe, expect, test } from "bun:test";
import type { Surroundings } from "../../../init/supervise/surroundings.ts";
import {
  SI_KERNEL,
  SI_QUEUE,
  SIGCHLD,
  SIGCONT,
  SIGHUP,
  SIGINT,
  SIGKILL,
  SIGQUIT,
  SIGSTOP,
  SIGTERM,
  SIGTSTP,
} from "../../../init/sys/libc/constants.ts";
import { run, SIGNAL_FD } from "./loop-world.ts";

const END = (code: number) => ({ ended: [{ status: code << 8 }] });
const STOPPED = (SIGTSTP << 8) | 0x7f;

describe("supervise", () => {
  const together = {
    first: { ended: [{ pid: 20 }, { status: 5 << 8 }, { pid: 21 }] },
  };
  test.each(["terminate", "wait"] as const)(
    "reaps everything that ended with one SIGCHLD before it leaves (orphans: %s)",
    (orphans) => {
      const { code, ended } = run({ ...together, reaping: { orphans } });
      expect(code).toBe(5);
      expect(ended).toEqual([]);
    },
  );
  test("reaps everything that ended with one SIGCHLD before it leaves (orphans: leave)", () => {
    const { code, ended } = run({ ...together, reaping: { orphans: "leave" } });
    expect(code).toBe(5);
    expect(ended).toEqual([]);
  });

  test("forwards what waits before it looks for ended children, and waits only when nothing is left", () => {
    const { code, calls, timeouts } = run({
      first: { signals: [{ signal: SIGTERM }] },
      script: [{ ended: [{ status: SIGTERM }] }],
    });
    expect(code).toBe(143);
    expect(calls).toEqual([`kill 7 ${SIGTERM}`]);
    expect(timeouts).toEqual([undefined]);
  });

  test("hands the value of sigqueue on", () => {
    const { calls } = run({
      first: { signals: [{ signal: 40, code: SI_QUEUE, value: 9n }] },
      script: [END(0)],
    });
    expect(calls).toEqual(["queue 7 40 9"]);
  });

  test("asks for process groups only when a terminal sent the signal", () => {
    const asked: number[] = [];
    const processGroup = (pid: number) => {
      asked.push(pid);
      return 1;
    };
    const { calls } = run({
      first: { signals: [{ signal: SIGHUP }, { signal: SIGINT, code: SI_KERNEL }, { signal: SIGCHLD }] },
      script: [END(0)],
      kernel: { processGroup },
    });
    expect(calls).toEqual([`kill 7 ${SIGHUP}`]);
    expect(asked).toEqual([7, 0]);
  });

  test("forwards a terminal's signal to a service in a group of its own", () => {
    const { calls } = run({
      first: { signals: [{ signal: SIGINT, code: SI_KERNEL }] },
      script: [END(0)],
      kernel: { processGroup: (pid) => (pid === 0 ? 1 : pid) },
    });
    expect(calls).toEqual([`kill 7 ${SIGINT}`]);
  });

  test("does not take an orphan's end, nor a child's of another pid, for the service's", () => {
    const { code, timeouts } = run({ script: [{ ended: [{ pid: 20, status: 9 << 8 }] }, END(2)] });
    expect(code).toBe(2);
    expect(timeouts).toHaveLength(2);
  });

  test("sends to a group, and as PID 1 to all processes with one call", () => {
    const sent = (to: "group" | "all") =>
      run({ signals: { to }, hasOwnGroup: true, first: { signals: [{ signal: SIGHUP }] }, script: [END(0)] })
        .calls;
    expect(sent("group")).toEqual([`kill -7 ${SIGHUP}`]);
    expect(sent("all")).toEqual([`kill -1 ${SIGHUP}`]);
  });

  test("below PID 1 sends to all processes below fdinit one by one, and never to -1", () => {
    const { calls } = run({
      kernel: { pid: 40 },
      signals: { to: "all" },
      processes: [
        { pid: 7, parent: 40 },
        { pid: 8, parent: 7 },
        { pid: 9, parent: 30 },
        { pid: 10, parent: 8, hasEnded: true },
      ],
      first: { signals: [{ signal: SIGHUP }] },
      script: [END(0)],
    });
    expect(calls).toEqual([`kill 7 ${SIGHUP}`, `kill 8 ${SIGHUP}`]);
  });

  test("wakes up by itself only for what is due", () => {
    const { timeouts, calls } = run({
      signals: { delayMs: new Map([[SIGHUP, 3000]]) },
      first: { signals: [{ signal: SIGHUP }] },
      script: [{ after: 1000, signals: [{ signal: SIGINT }] }, {}, END(0)],
    });
    expect(timeouts).toEqual([3000, 2000, undefined]);
    expect(calls).toEqual([`kill 7 ${SIGINT}`, `kill 7 ${SIGHUP}`]);
  });

  test("as PID 1 with thousands of processes left kills the service alone, and leaves the rest to the kernel", () => {
    const { code, calls, timeouts } = run({
      kernel: { processes: () => ({ found: [], more: 8000 }) },
      shutdown: { budgetMs: 1000 },
      first: { signals: [{ signal: SIGTERM }] },
      script: [{}, { ended: [{ status: SIGKILL }, { pid: 20, status: SIGKILL }] }, {}, {}],
    });
    expect(code).toBe(137);
    expect(calls).not.toContain(`kill -1 ${SIGKILL}`);
    expect(calls).toContain(`kill 7 ${SIGKILL}`);
    // The loop does not wait for the eight thousand.
    expect(timeouts).toHaveLength(2);
  });

  test("kills what is left when the budget is used up, and the service below PID 1 without /proc too", () => {
    const { code, calls } = run({
      kernel: { pid: 40, processes: () => undefined },
      shutdown: { budgetMs: 1000 },
      first: { signals: [{ signal: SIGTERM }] },
      script: [{}, {}, END(0)],
    });
    expect(code).toBe(137);
    expect(calls).toEqual([`kill 7 ${SIGTERM}`, `kill 7 ${SIGKILL}`]);
  });

  test("kills everything with one call as PID 1, once", () => {
    const { calls } = run({
      shutdown: { budgetMs: 1000 },
      first: { signals: [{ signal: SIGTERM }] },
      script: [{}, END(0)],
    });
    expect(calls).toEqual([`kill 7 ${SIGTERM}`, `kill -1 ${SIGKILL}`]);
  });

  test("names what it has to kill", () => {
    const { said } = run({
      processes: [{ pid: 20, command: "sleep 100" }],
      shutdown: { budgetMs: 1000 },
      first: { signals: [{ signal: SIGTERM }] },
      script: [{}, END(0)],
    });
    expect(said).toContain("warn: SIGKILL to what is left: 20 (sleep 100)");
  });

  test("names what a step has waited for in vain, before it tells of the next one", () => {
    const { said } = run({
      processes: [{ pid: 20, command: "nginx" }],
      shutdown: {
        steps: [
          { signal: SIGQUIT, waitMs: 8000 },
          { signal: SIGTERM, waitMs: undefined },
        ],
      },
      first: { signals: [{ signal: SIGTERM }] },
      script: [{}, END(0)],
    });
    const waited =
      "warn: not everything has ended 8 s after SIGQUIT (shutdown step 1 of 2); waited for 20 (nginx)";
    expect(said).toContain(waited);
    expect(said[said.indexOf(waited) + 1]).toStartWith("info: shutdown step 2 of 2: SIGTERM");
  });
});

describe("starting again", () => {
  const starts = (...answers: ReturnType<Surroundings["startAgain"]>[]) => {
    const left = [...answers];
    return () => left.shift() ?? { code: 70, message: "one start too many" };
  };
  test("takes the new pid for the service's, and the old one's for nobody's", () => {
    const { code, calls } = run({
      restart: { policy: "onFailure" },
      first: END(1),
      startAgain: starts({ pid: 30 }),
      script: [
        {},
        { signals: [{ signal: SIGHUP }], ended: [{ pid: 7, status: 3 << 8 }] },
        { ended: [{ pid: 30, status: 0 }] },
      ],
    });
    expect(code).toBe(0);
    expect(calls).toEqual([`kill 30 ${SIGHUP}`]);
  });
  test("ends with the code that stands for why it could not", () => {
    const { code, said } = run({
      restart: { policy: "always", limit: { count: 2, withinMs: 60_000 } },
      first: END(1),
      startAgain: starts({ code: 127, message: "gone" }, { code: 126, message: "not allowed" }),
      script: [{}, {}],
    });
    expect(code).toBe(126);
    for (const message of ["gone", "not allowed"]) expect(said.join()).toContain(message);
  });
});

describe("a service that stops", () => {
  test("stops fdinit too, and gives the terminal back first", () => {
    const { calls } = run({ hasTerminal: true, first: { ended: [{ status: STOPPED }] }, script: [END(0)] });
    expect(calls).toEqual(["setForeground 0 1", `kill 1 ${SIGSTOP}`]);
  });
  test("leaves a terminal alone that it was not given: it may share fdinit's group", () => {
    const { calls } = run({ first: { ended: [{ status: STOPPED }] }, script: [END(0)] });
    expect(calls).toEqual([`kill 1 ${SIGSTOP}`]);
  });
  test("by SIGSTOP does not stop fdinit: whoever continues it would not continue fdinit", () => {
    const stopped = { ended: [{ status: (SIGSTOP << 8) | 0x7f }] };
    expect(run({ kernel: { pid: 40 }, first: stopped, script: [END(0)] }).calls).toEqual([]);
  });
  test("is no reason when it is another process that stopped", () => {
    const { calls, code } = run({ first: { ended: [{ pid: 20, status: STOPPED }] }, script: [END(4)] });
    expect([calls, code]).toEqual([[], 4]);
  });
  test("gets the terminal again with SIGCONT, when fdinit has it", () => {
    const continued = (isForeground: boolean) =>
      run({
        hasTerminal: true,
        kernel: { terminal: () => ({ isForeground, isOutputToo: true }) },
        first: { signals: [{ signal: SIGCONT }] },
        script: [END(0)],
      }).calls;
    expect(continued(true)).toEqual(["setForeground 0 7", `kill 7 ${SIGCONT}`]);
    expect(continued(false)).toEqual([`kill 7 ${SIGCONT}`]);
  });
});

describe("leaving", () => {
  const calls = (pid: number, hasTerminal: boolean) =>
    run({ kernel: { pid }, hasTerminal, first: END(0) }).calls;
  test("gives the terminal back to the group it was taken from, below a shell", () => {
    expect(calls(40, true)).toEqual(["setForeground 0 1"]);
  });
  test("does not touch it as PID 1, or when the service never had it", () => {
    expect([calls(1, true), calls(40, false)]).toEqual([[], []]);
  });
});

test("tokens that earlier starts left to somebody do not use up descriptors", () => {
  const tokens = Array.from({ length: 16 }, (_, index) => ({ name: "lease", fd: 20 + index }));
  const { said, kernel } = run({
    restart: { policy: "always", limit: { count: 1, withinMs: 60_000 } },
    tokens,
    first: { ended: [{ status: 1 << 8 }] },
    startAgain: () => {
      tokens.push({ name: "lease", fd: 90 });
      return { pid: 30 };
    },
    script: [{}, { ended: [{ pid: 30 }] }],
  });
  expect([tokens.length, tokens[0]?.fd, kernel.open.has(20)]).toEqual([16, 21, false]);
  expect(said).toContainEqual(expect.stringContaining("no longer watched"));
});

describe("a token", () => {
  const token = () => ({ name: "lease", fd: 9 });
  test("is waited for beside the signals, and closed once its last holder is gone", () => {
    const { waitedFor, kernel, tokens, said } = run({
      tokens: [token()],
      kernel: { isAtEnd: (fd) => fd === 9 },
      script: [{ ready: [9] }, END(0)],
    });
    expect(waitedFor).toEqual([[SIGNAL_FD, 9], [SIGNAL_FD]]);
    expect([kernel.open.has(9), tokens]).toEqual([false, []]);
    expect(said).toEqual([
      'warn: token "lease" is gone: the last process that held it has ended, and the tree is gone',
    ]);
  });
  test("names who is alive all the same, when something between closed it", () => {
    const { said } = run({
      tokens: [token()],
      kernel: { isAtEnd: () => true },
      processes: [
        { pid: 20, command: "nginx: worker" },
        { pid: 21, command: "cat" },
        { pid: 22, hasEnded: true },
      ],
      script: [{ ready: [9] }, END(0)],
    });
    expect(said[0]).toMatch(/lease.* 2 processes of the tree are alive.*: 20 \(nginx: worker\), 21 \(cat\)$/);
  });
  test("that somebody wrote to is not gone", () => {
    const { said, tokens } = run({
      tokens: [token()],
      kernel: { isAtEnd: () => false },
      script: [{ ready: [9] }, END(0)],
    });
    expect([said, tokens]).toEqual([[], [token()]]);
  });
  test("is looked at once more before fdinit leaves", () => {
    const { said } = run({ tokens: [token()], kernel: { isAtEnd: () => true }, first: END(0) });
    expect(said).toHaveLength(1);
  });
  test("of several is told for itself", () => {
    const { said, tokens } = run({
      tokens: [token(), { name: "other", fd: 10 }],
      kernel: { isAtEnd: (fd) => fd === 10 },
      script: [{ ready: [9, 10] }, END(0)],
    });
    expect(said).toEqual([expect.stringContaining('"other"')]);
    expect(tokens).toEqual([token()]);
  });
});
