// Starting the service again: when, how soon, how often, and what a shutdown makes of it.

import { describe, expect, test } from "bun:test";
import { initialState, next } from "../../../init/supervise/state.ts";
import { SIGHUP, SIGKILL, SIGTERM } from "../../../init/sys/libc/constants.ts";
import { type Changes, done, exit, FIND_HOLDERS, Machine, START, said, send } from "./machine.ts";

const withRestart = (restart: Changes["restart"] = {}, more: Changes = {}) =>
  new Machine({ ...more, restart: { policy: "always", ...restart } });

/** The pause before the next start, which then comes about under another pid. */
function startedAgain(machine: Machine, pid: number): number {
  const at = machine.deadline ?? Number.NaN;
  const pause = at - machine.now;
  expect(machine.until(at)).toEqual([START]);
  expect(machine.on({ type: "started", pid })).toEqual([]);
  return pause;
}

describe("restart.policy", () => {
  const isStartedAgain = (policy: "never" | "onFailure" | "always", status: number) => {
    const machine = withRestart({ policy });
    machine.on({ type: "serviceEnded", status });
    return machine.deadline === 500;
  };
  test.each([
    ["never", [false, false, false]],
    ["onFailure", [false, true, true]],
    ["always", [true, true, true]],
  ] as const)("%s after code 0, code 1 and a signal", (policy, expected) => {
    expect([0, 1 << 8, SIGKILL].map((status) => isStartedAgain(policy, status))).toEqual([...expected]);
  });
});

describe("a restart", () => {
  test("comes after the pause, and signals then go to the new process", () => {
    const machine = withRestart();
    machine.now = 1000;
    const actions = machine.ends(1);
    expect(done(actions)).toEqual([FIND_HOLDERS]);
    expect(said(actions)).toEqual([expect.stringMatching(/main exited with code 1 .* in 500 ms/)]);
    expect(machine.until(1499)).toEqual([]);
    expect(machine.until(1500)).toEqual([START]);
    expect(machine.deadline).toBeUndefined();
    machine.on({ type: "started", pid: 20 });
    expect(machine.signal(SIGHUP)).toEqual([send(SIGHUP, { process: 20 })]);
  });
  test("gets no signal while there is no process", () => {
    const machine = withRestart();
    machine.ends(1);
    expect(machine.signal(SIGHUP)).toEqual([]);
  });
  test("is not the end, whatever else is left", () => {
    const machine = withRestart();
    machine.ends(1);
    expect(machine.settled(false)).toEqual([]);
    expect(machine.settled(true)).toEqual([]);
  });
  test("is no more after the end of onFailure", () => {
    const machine = withRestart({ policy: "onFailure" });
    machine.ends(1);
    startedAgain(machine, 20);
    machine.ends(0);
    expect(machine.deadline).toBeUndefined();
    expect(machine.settled(false)).toEqual([exit(0)]);
  });
});

describe("restart.backoff", () => {
  const MANY = { count: 100, withinMs: 60_000 };
  test("doubles from the shortest pause to the longest", () => {
    const machine = withRestart({ backoff: { leastMs: 100, mostMs: 1000 }, limit: MANY });
    const pauses = [];
    for (let pid = 20; pid < 27; pid++) {
      machine.ends(1);
      pauses.push(startedAgain(machine, pid));
    }
    expect(pauses).toEqual([100, 200, 400, 800, 1000, 1000, 1000]);
  });
  test("begins with the shortest again when the service has run for the limit's time", () => {
    const machine = withRestart({ backoff: { leastMs: 100, mostMs: 1000 }, limit: MANY });
    const pauseAfter = (ranMs: number, pid: number) => {
      machine.until(machine.now + ranMs);
      machine.ends(1);
      return startedAgain(machine, pid);
    };
    expect([0, 0, 59_999, 60_000, 0].map((ranMs, n) => pauseAfter(ranMs, 20 + n))).toEqual([
      100, 200, 400, 100, 200,
    ]);
  });
  test("may be none", () => {
    const machine = withRestart({ backoff: { leastMs: 0, mostMs: 0 } });
    machine.ends(1);
    expect(machine.due()).toEqual([START]);
  });
});

describe("restart.limit", () => {
  const LIMIT = { backoff: { leastMs: 100, mostMs: 100 }, limit: { count: 2, withinMs: 10_000 } };
  const spent = (onLimit: "exit" | "stop", more: Changes = {}) => {
    const machine = withRestart({ ...LIMIT, onLimit }, more);
    for (const pid of [20, 21]) {
      machine.ends(1);
      startedAgain(machine, pid);
    }
    return machine;
  };
  test("exit ends the container with the code of the end that was too much", () => {
    const machine = spent("exit");
    expect(said(machine.ends(4))).toEqual([expect.stringMatching(/2 restarts within 10 s/)]);
    expect(machine.deadline).toBeUndefined();
    expect(machine.settled(false)).toEqual([exit(4)]);
  });
  test("stop leaves it stopped, and the container up", () => {
    const machine = spent("stop");
    const actions = machine.ends(4);
    expect(done(actions)).toEqual([FIND_HOLDERS]);
    expect(said(actions)).toEqual([expect.stringContaining("stays stopped")]);
    expect(machine.deadline).toBeUndefined();
    expect(machine.settled(false)).toEqual([]);
    expect(machine.signal(SIGHUP)).toEqual([]);
  });
  test("stop ends with the last code when the shutdown comes", () => {
    const machine = spent("stop", { exitMap: [[4, 44]] });
    machine.ends(4);
    expect(done(machine.signal(SIGTERM))).toEqual([]);
    expect(machine.settled(false)).toEqual([exit(44)]);
  });
  test("forgets what is longer ago", () => {
    const machine = spent("exit");
    machine.until(machine.now + 9_900);
    machine.ends(4);
    expect(startedAgain(machine, 22)).toBe(100);
  });
  test("counts starts that did not come about too", () => {
    const machine = withRestart({ ...LIMIT, onLimit: "exit" });
    machine.ends(1);
    for (let start = 0; start < 2; start++) {
      expect(machine.until(machine.deadline ?? 0)).toEqual([START]);
      const failed = machine.on({ type: "startFailed", code: 127, message: "cannot execute" });
      expect(said(failed)[0]).toStartWith("cannot execute; main is ");
    }
    expect(machine.deadline).toBeUndefined();
    expect(machine.settled(false)).toEqual([exit(127)]);
  });
});

describe("a start that does not come about", () => {
  test("is tried again after the next pause", () => {
    const machine = withRestart({ policy: "onFailure" });
    machine.ends(1);
    machine.until(500);
    const actions = machine.on({ type: "startFailed", code: 126, message: "no memory" });
    expect(done(actions)).toEqual([FIND_HOLDERS]);
    expect(machine.deadline).toBe(1500);
  });
  test("is told of once", () => {
    const machine = withRestart();
    machine.ends(1);
    machine.until(500);
    const words = said(machine.on({ type: "startFailed", code: 126, message: "cannot execute" }));
    expect(words.filter((line) => line.includes("cannot execute"))).toHaveLength(1);
  });
});

describe("a shutdown", () => {
  test("is the end of restarting", () => {
    const machine = withRestart();
    machine.signal(SIGTERM);
    machine.on({ type: "serviceEnded", status: SIGTERM });
    expect(machine.deadline).toBeUndefined();
    expect(machine.settled(false)).toEqual([exit(143)]);
  });
  test("between two starts asks nobody and ends with the last code", () => {
    const steps = [{ signal: SIGTERM, waitMs: 10_000 }];
    for (const shutdown of [{}, { steps }]) {
      const machine = withRestart({}, { shutdown });
      machine.ends(6);
      expect(done(machine.signal(SIGTERM))).toEqual([]);
      expect(machine.deadline).toBeUndefined();
      expect(machine.settled(false)).toEqual([exit(6)]);
    }
  });
  test("between two starts exits at once where what is left is left", () => {
    const machine = withRestart({}, { reaping: { orphans: "leave" } });
    machine.ends(6);
    expect(done(machine.signal(SIGTERM))).toEqual([exit(6)]);
  });
  test("between two starts keeps to its budget", () => {
    const machine = withRestart({}, { shutdown: { budgetMs: 1000 } });
    machine.ends(6);
    machine.signal(SIGTERM);
    machine.settled(true);
    expect(done(machine.until(1000)).at(-1)).toEqual(exit(6));
  });
});

describe("a shutdown that signals.delay holds back", () => {
  const delayed = () => withRestart({}, { signals: { delayMs: new Map([[SIGTERM, 5000]]) } });
  test("keeps a service that ends from being started again", () => {
    const machine = delayed();
    machine.signal(SIGTERM);
    expect(done(machine.ends(1))).toEqual([]);
    expect(machine.settled(false)).toEqual([exit(1)]);
  });
  test("is not held back between two starts, where nobody would use the time", () => {
    const machine = delayed();
    machine.ends(1);
    machine.signal(SIGTERM);
    expect(machine.settled(false)).toEqual([exit(1)]);
  });
});

test("the first start may fail as any other: the next one comes after the pause", () => {
  const machine = withRestart();
  const state = initialState(1, machine.state.supervision);
  const after = next(state, { type: "startFailed", now: 0, code: 126, message: "no process" });
  expect(after.state.restart.at).toBe(500);
  expect(after.state.service).toBeUndefined();
});
