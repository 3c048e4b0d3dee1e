// The shutdown while the service runs: what starts it, its steps, its budget.

import { describe, expect, test } from "bun:test";
import {
  SIGCONT,
  SIGHUP,
  SIGINT,
  SIGKILL,
  SIGQUIT,
  SIGSTOP,
  SIGTERM,
  SIGTSTP,
} from "../../../init/sys/libc/constants.ts";
import { type Changes, done, exit, FIND_GIVEN, KILL, Machine, said, send } from "./machine.ts";

const step = (signal: number, waitMs?: number) => ({ signal, waitMs });
const withSteps = (more: Changes["shutdown"] = {}) =>
  new Machine({
    shutdown: { steps: [step(SIGQUIT, 4000), step(SIGTERM, 2000), step(SIGKILL)], ...more },
  });

describe("a shutdown without steps", () => {
  test("sends the signal that came, and no SIGKILL however long it takes", () => {
    const machine = new Machine();
    expect(done(machine.signal(SIGTERM))).toEqual([send(SIGTERM)]);
    expect(machine.until(10 ** 9)).toEqual([]);
  });
  test("sends it as signals.rewrite has it, to whom signals.to says", () => {
    const rewrite = new Map([[SIGTERM, SIGQUIT]]);
    const machine = new Machine({ signals: { rewrite, to: "group" }, hasOwnGroup: true });
    expect(done(machine.signal(SIGTERM))).toEqual([send(SIGQUIT, { group: 7 })]);
  });
  test("sends it again when it comes again: some programs end at the second only", () => {
    const machine = new Machine();
    machine.signal(SIGTERM);
    expect(machine.signal(SIGTERM)).toEqual([send(SIGTERM)]);
  });
  test("continues a program that was seen to stop, which would not notice it", () => {
    const machine = new Machine();
    machine.on({ type: "serviceStopped", signal: SIGSTOP });
    const both = [send(SIGTERM), send(SIGCONT)];
    expect(done(machine.signal(SIGTERM))).toEqual(both);
    expect(machine.signal(SIGTERM)).toEqual(both);
  });
  test("still passes on every other signal", () => {
    const machine = new Machine();
    machine.signal(SIGTERM);
    expect(machine.signal(SIGHUP)).toEqual([send(SIGHUP)]);
  });
  test("says once which signal it was", () => {
    const machine = new Machine();
    expect(said(machine.signal(SIGTERM))).toEqual([expect.stringContaining("SIGTERM")]);
    expect(said(machine.signal(SIGTERM))).toEqual([]);
  });
  test("starts with each signal of shutdown.on, and with no other", () => {
    const on = [SIGINT, SIGTERM];
    for (const signal of [SIGINT, SIGTERM, SIGQUIT]) {
      const machine = new Machine({ shutdown: { on } });
      machine.signal(signal);
      expect([signal, machine.state.shutdown !== undefined]).toEqual([signal, on.includes(signal)]);
    }
    const never = new Machine({ shutdown: { on: [] }, restart: { policy: "always" } });
    expect(never.signal(SIGTERM)).toEqual([send(SIGTERM)]);
    never.ends(143);
    expect(never.deadline).toBe(500);
  });
  test("ends with the service's own code", () => {
    const machine = new Machine();
    machine.signal(SIGTERM);
    machine.on({ type: "serviceEnded", status: SIGTERM });
    expect(machine.settled(false)).toEqual([exit(143)]);
  });
});

/** A step's signal, and what wakes a stopped process to it. */
const sendStep = (...given: Parameters<typeof send>) => [send(...given), send(SIGCONT, given[1])];

describe("shutdown.steps", () => {
  test("are taken in order, each when the one before has had its time", () => {
    const machine = withSteps();
    machine.now = 1000;
    expect(done(machine.signal(SIGTERM))).toEqual(sendStep(SIGQUIT));
    expect(machine.deadline).toBe(5000);
    expect(machine.until(4999)).toEqual([]);
    expect(machine.until(5000)).toEqual([
      { do: "sayLeft", message: "not everything has ended 4 s after SIGQUIT (shutdown step 1 of 3)" },
      ...sendStep(SIGTERM),
    ]);
    expect(machine.until(6999)).toEqual([]);
    expect(machine.until(7000)).toEqual([
      {
        do: "say",
        level: "warn",
        message: "not everything has ended 2 s after SIGTERM (shutdown step 2 of 3)",
      },
      KILL,
    ]);
    expect(machine.deadline).toBeUndefined();
  });
  test("take the place of the signal that came, and are not rewritten", () => {
    const rewrite = new Map([[SIGQUIT, SIGHUP]]);
    const machine = new Machine({ signals: { rewrite }, shutdown: { steps: [step(SIGQUIT)] } });
    expect(done(machine.signal(SIGTERM))).toEqual(sendStep(SIGQUIT));
  });
  test("go to whom signals.to says", () => {
    const to = (to: "group" | "all") =>
      done(
        new Machine({ signals: { to }, hasOwnGroup: true, shutdown: { steps: [step(SIGQUIT)] } }).signal(
          SIGTERM,
        ),
      );
    expect(to("group")).toEqual(sendStep(SIGQUIT, { group: 7 }));
    expect(to("all")).toEqual(sendStep(SIGQUIT, "all"));
  });
  test("put no SIGCONT behind a signal that is to stop", () => {
    const machine = new Machine({
      shutdown: { steps: [step(SIGTSTP, 10), step(SIGSTOP, 10), step(SIGTERM)] },
    });
    expect(done(machine.signal(SIGTERM))).toEqual([send(SIGTSTP)]);
    expect(done(machine.until(20))).toEqual([send(SIGSTOP), ...sendStep(SIGTERM)]);
  });
  test("are neither hurried nor begun anew by a second SIGTERM", () => {
    const machine = withSteps();
    machine.signal(SIGTERM);
    machine.now = 3000;
    expect(machine.signal(SIGTERM)).toEqual([]);
    expect(machine.deadline).toBe(4000);
  });
  test("leave other signals to be passed on", () => {
    const machine = withSteps();
    machine.signal(SIGTERM);
    expect(machine.signal(SIGHUP)).toEqual([send(SIGHUP)]);
    expect(machine.deadline).toBe(4000);
  });
  test("wait for as long as it takes where a step has no time", () => {
    const machine = withSteps({ steps: [step(SIGQUIT), step(SIGKILL)] });
    machine.signal(SIGTERM);
    expect(machine.deadline).toBeUndefined();
  });
  test("of no time at all follow one another at once", () => {
    const machine = withSteps({ steps: [step(SIGQUIT, 0), step(SIGTERM, 0), step(SIGKILL, 0)] });
    machine.signal(SIGTERM);
    expect(machine.due()).toEqual([...sendStep(SIGTERM), KILL]);
    expect(machine.deadline).toBeUndefined();
  });
  test("end with the service", () => {
    const machine = withSteps();
    machine.signal(SIGTERM);
    machine.ends(4);
    expect(machine.settled(false)).toEqual([exit(4)]);
  });
  test("go on for what is left when the service ends before the last of them", () => {
    const machine = new Machine({
      shutdown: { steps: [step(SIGTERM, 10_000), step(SIGKILL)] },
      reaping: { orphans: "wait" },
    });
    machine.signal(SIGTERM);
    machine.ends(0);
    machine.settled(true);
    expect(machine.until(9_999)).toEqual([]);
    expect(done(machine.until(10_000))).toEqual([{ do: "kill" }]);
    expect(machine.settled(false)).toEqual([exit(0)]);
  });
});

describe("shutdown.budget", () => {
  const withBudget = (budgetMs: number, changes: Changes = {}) =>
    new Machine({ ...changes, shutdown: { budgetMs, ...changes.shutdown } });

  test("ends with SIGKILL a quarter of a second before it is over", () => {
    const machine = withBudget(25_000);
    machine.now = 1000;
    machine.signal(SIGTERM);
    expect(machine.deadline).toBe(25_750);
    expect(done(machine.until(25_749))).toEqual([]);
    expect(done(machine.until(25_750))).toEqual([KILL]);
    expect(machine.deadline).toBe(26_000);
  });
  test("that is short leaves a fifth of itself for the SIGKILL", () => {
    const machine = withBudget(500);
    machine.signal(SIGTERM);
    expect(machine.deadline).toBe(400);
  });
  test("says that it is used up", () => {
    const machine = withBudget(1000);
    machine.signal(SIGTERM);
    expect(said(machine.until(900))).toEqual(["the shutdown budget is used up"]);
  });
  test("says in which step it is used up", () => {
    const machine = withBudget(1000, { shutdown: { steps: [step(SIGQUIT)] } });
    machine.signal(SIGTERM);
    expect(said(machine.until(900))).toEqual([
      "the shutdown budget is used up; the last step was SIGQUIT (shutdown step 1 of 1)",
    ]);
  });
  test("ends fdinit in time whatever is left, as killed when the service is what is left", () => {
    const machine = withBudget(1000);
    machine.signal(SIGTERM);
    machine.until(999);
    expect(machine.until(1000)).toEqual([exit(137)]);
  });
  test("ends fdinit in time with the service's code when only orphans are left", () => {
    const machine = withBudget(1000, { reaping: { waitMs: 800 } });
    machine.signal(SIGTERM);
    machine.now = 300;
    machine.ends(5);
    machine.settled(true);
    expect(done(machine.until(800))).toEqual([KILL]);
    machine.settled(true);
    expect(machine.until(1000)).toEqual([exit(5)]);
  });
  test("cuts the steps short", () => {
    const machine = withBudget(3000, { shutdown: { steps: [step(SIGQUIT, 2900), step(SIGTERM, 9000)] } });
    machine.signal(SIGTERM);
    expect(done(machine.until(2999))).toEqual([KILL]);
  });
  test("of nothing at all kills and ends at once", () => {
    const machine = withBudget(0);
    machine.signal(SIGTERM);
    expect(done(machine.due())).toEqual([KILL, exit(137)]);
  });
  test("is not lengthened by a second SIGTERM, nor by any other signal", () => {
    const machine = withBudget(10_000);
    machine.signal(SIGTERM);
    machine.now = 8000;
    machine.signal(SIGTERM);
    machine.signal(SIGHUP);
    expect(machine.deadline).toBe(9750);
    expect(done(machine.until(20_000))).toEqual([KILL, exit(137)]);
  });
  test("kills what is left at once when the service ends after it is used up", () => {
    const machine = withBudget(10_000);
    machine.signal(SIGTERM);
    machine.until(9800);
    machine.on({ type: "serviceEnded", status: SIGKILL });
    expect(machine.settled(true)).toEqual([KILL]);
    expect(machine.until(10_000)).toEqual([exit(137)]);
  });
  test("is used up late when the clock jumps, and fdinit ends all the same", () => {
    const machine = withBudget(10_000);
    machine.signal(SIGTERM);
    machine.now = 99_000;
    expect(done(machine.due())).toEqual([KILL, exit(137)]);
  });
  test("does not run before a shutdown starts", () => {
    const machine = withBudget(1000);
    expect(machine.deadline).toBeUndefined();
    machine.ends(0);
    machine.settled(true);
    expect(done(machine.until(4999))).toEqual([]);
  });
  test("holds for what is left of the shutdown while orphans are asked to end", () => {
    const machine = withBudget(2000);
    machine.signal(SIGTERM);
    machine.ends(0);
    expect(machine.settled(true)).toEqual([FIND_GIVEN, send(SIGTERM, "all"), send(SIGCONT, "all")]);
    expect(done(machine.until(1750))).toEqual([KILL]);
    expect(machine.until(2000)).toEqual([exit(0)]);
  });
});
