// From the service's last end to fdinit's: what happens to the processes that are left.

import { describe, expect, test } from "bun:test";
import { SIGCONT, SIGHUP, SIGTERM } from "../../../init/sys/libc/constants.ts";
import { type Changes, done, exit, FIND_GIVEN, FIND_HOLDERS, KILL, Machine, send } from "./machine.ts";

const ASKED = [send(SIGTERM, "all"), send(SIGCONT, "all")];

/** The service has ended with 5 and somebody else is left. */
function left(reaping: NonNullable<Changes["reaping"]>, self = 1) {
  const machine = new Machine({ reaping }, self);
  const atEnd = machine.ends(5);
  return { machine, atEnd, atOnce: machine.settled(true) };
}

describe.each([1, 40])("reaping.orphans of a process with pid %i", (self) => {
  test("terminate asks what is left, kills it when its time is over, and ends when nothing is left", () => {
    const { machine, atEnd, atOnce } = left({ orphans: "terminate", waitMs: 3000 }, self);
    expect([atEnd, atOnce]).toEqual([[], [FIND_GIVEN, ...ASKED]]);
    expect(machine.settled(true)).toEqual([]);
    expect(machine.until(2999)).toEqual([]);
    expect(machine.until(3000)).toEqual([KILL]);
    expect(machine.settled(true)).toEqual([]);
    expect(machine.settled(false)).toEqual([exit(5)]);
  });
  test("terminate does not wait for what not even SIGKILL ends", () => {
    const { machine } = left({ orphans: "terminate", waitMs: 3000 }, self);
    expect(machine.until(4999)).toEqual([KILL]);
    expect(machine.until(5000)).toEqual([exit(5)]);
  });
  test("terminate ends as soon as what was asked has ended", () => {
    const { machine } = left({ orphans: "terminate" }, self);
    expect(machine.settled(false)).toEqual([exit(5)]);
  });
  test("wait waits for as long as it takes", () => {
    const { machine, atOnce } = left({ orphans: "wait" }, self);
    expect(atOnce).toEqual([FIND_HOLDERS]);
    expect(machine.deadline).toBeUndefined();
    expect(machine.settled(true)).toEqual([]);
    expect(machine.settled(false)).toEqual([exit(5)]);
  });
  test("wait asks them to end when a signal asks for the shutdown, and then kills", () => {
    const { machine } = left({ orphans: "wait", waitMs: 3000 }, self);
    machine.now = 10_000;
    expect(machine.signal(SIGHUP)).toEqual([]);
    expect(machine.signal(SIGTERM)).toEqual(ASKED);
    expect(machine.signal(SIGTERM)).toEqual([]);
    expect(machine.until(13_000)).toEqual([KILL]);
  });
  test("terminate is not begun anew by another SIGTERM", () => {
    const { machine } = left({ orphans: "terminate", waitMs: 3000 }, self);
    machine.now = 2000;
    expect(machine.signal(SIGTERM)).toEqual([]);
    expect(machine.deadline).toBe(3000);
  });
  test("ends at once when nothing is left, whatever it says", () => {
    for (const orphans of ["terminate", "wait"] as const) {
      const machine = new Machine({ reaping: { orphans } }, self);
      machine.ends(5);
      expect(machine.settled(false)).toEqual([exit(5)]);
    }
  });
});

describe("reaping.orphans: leave", () => {
  test("exits with the service", () => {
    expect(new Machine({ reaping: { orphans: "leave" } }).ends(5)).toEqual([exit(5)]);
  });
  test("below PID 1 looks for who holds on to a pipe: what is left lives on there", () => {
    expect(new Machine({ reaping: { orphans: "leave" } }, 40).ends(5)).toEqual([FIND_HOLDERS, exit(5)]);
  });
});

describe("exit.map", () => {
  const exitMap = [
    [143, 0],
    [0, 9],
  ] as const;
  test("changes the code that it names, once and not in a chain", () => {
    const machine = new Machine({ exitMap });
    machine.on({ type: "serviceEnded", status: SIGTERM });
    expect(machine.settled(false)).toEqual([exit(0)]);
  });
  test("leaves every other alone", () => {
    const machine = new Machine({ exitMap });
    machine.ends(1);
    expect(machine.settled(false)).toEqual([exit(1)]);
  });
  test("holds where what is left is left", () => {
    expect(new Machine({ exitMap, reaping: { orphans: "leave" } }).ends(0)).toEqual([exit(9)]);
  });
  test("does not decide whether a service has failed", () => {
    const machine = new Machine({ exitMap: [[1, 0]], restart: { policy: "onFailure" } });
    expect(done(machine.ends(1))).toEqual([FIND_HOLDERS]);
    expect(machine.deadline).toBe(500);
  });
});

test("a signal is no reason to do anything once nobody is there to get it", () => {
  const { machine } = left({ orphans: "terminate" });
  for (let signal = 1; signal <= 64; signal++) expect(machine.signal(signal)).toEqual([]);
});
