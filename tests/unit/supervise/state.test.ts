// The effect of signals while the service runs: forwarding, rewriting, holding back.

import { describe, expect, test } from "bun:test";
import { exitCode } from "../../../init/supervise/exit-code.ts";
import {
  SI_KERNEL,
  SI_QUEUE,
  SIGCHLD,
  SIGCONT,
  SIGHUP,
  SIGINT,
  SIGPIPE,
  SIGQUIT,
  SIGTERM,
  SIGTSTP,
  SIGWINCH,
  SIGXFSZ,
} from "../../../init/sys/libc/constants.ts";
import { done, exit, Machine, said, send } from "./machine.ts";

const SIGUSR1 = 10;

describe("next", () => {
  test("forwards a signal to the program", () => {
    expect(done(new Machine().signal(SIGTERM))).toEqual([send(SIGTERM)]);
    expect(new Machine().signal(SIGHUP)).toEqual([send(SIGHUP)]);
  });
  test("forwards real-time signals and the value of sigqueue", () => {
    expect(new Machine().signal(64, { code: SI_QUEUE, value: 99n })).toEqual([
      { do: "send", to: { process: 7 }, signal: 64, value: 99n },
    ]);
  });
  test("keeps SIGCHLD to itself", () => {
    expect(new Machine().signal(SIGCHLD)).toEqual([]);
  });
  test("does not forward a SIGPIPE or SIGXFSZ of its own making, but does another's", () => {
    for (const signal of [SIGPIPE, SIGXFSZ]) {
      expect(new Machine().signal(signal, { pid: 1 })).toEqual([]);
      expect(new Machine().signal(signal, { pid: 50 })).toEqual([send(signal)]);
    }
    expect(new Machine({}, 40).signal(SIGPIPE, { pid: 40 })).toEqual([]);
  });
  test("leaves a terminal's signal to the kernel where the program has it already", () => {
    const machine = new Machine();
    expect(machine.signal(SIGINT, { code: SI_KERNEL }, true)).toEqual([]);
    expect(machine.signal(SIGINT, { code: SI_KERNEL }, false)).toEqual([send(SIGINT)]);
    expect(machine.signal(SIGINT, { code: 0 }, true)).toEqual([send(SIGINT)]);
  });
  test("forwards what has SI_KERNEL and no terminal sends to a group", () => {
    for (const signal of [SIGHUP, SIGCONT, 14, 23, 26, 27, 29])
      expect(new Machine().signal(signal, { code: SI_KERNEL }, true)).toEqual([send(signal)]);
    for (const signal of [SIGQUIT, SIGTSTP, 21, 22, SIGWINCH])
      expect(new Machine().signal(signal, { code: SI_KERNEL }, true)).toEqual([]);
  });
  test("lends a job the terminal that it stopped for, and stops with any other", () => {
    for (const signal of [21, 22]) {
      expect(new Machine({ isJob: true }).on({ type: "serviceStopped", signal })).toEqual([
        { do: "lendTerminal" },
      ]);
      expect(new Machine().on({ type: "serviceStopped", signal })).toEqual([{ do: "stopSelf" }]);
    }
    expect(new Machine({ isJob: true }).on({ type: "serviceStopped", signal: SIGTSTP })).toEqual([
      { do: "stopSelf" },
    ]);
  });
  test("ends with the service's code, and not before nothing is left", () => {
    const machine = new Machine();
    expect(machine.settled(true)).toEqual([]);
    expect(machine.ends(3)).toEqual([]);
    expect(machine.settled(false)).toEqual([exit(3)]);
  });
  test("stops itself when the service stops, as a shell's job does", () => {
    expect(new Machine().on({ type: "serviceStopped", signal: SIGTSTP })).toEqual([{ do: "stopSelf" }]);
  });
  test("waits for nothing while nothing is due", () => {
    const machine = new Machine();
    machine.signal(SIGHUP);
    machine.signal(SIGTERM);
    expect(machine.deadline).toBeUndefined();
  });
});

test.each([
  [0, 0],
  [1 << 8, 1],
  [255 << 8, 255],
  [9, 137],
  [15, 143],
  [11 | 0x80, 139],
  [64, 192],
])("wait status %i is exit code %i", (status, code) => {
  expect(exitCode(status)).toBe(code);
});

describe("signals.forward", () => {
  test("passes on what is listed and nothing else", () => {
    const machine = new Machine({ signals: { forward: [SIGHUP, 40] } });
    expect(machine.signal(SIGHUP)).toEqual([send(SIGHUP)]);
    expect(machine.signal(40)).toEqual([send(40)]);
    expect(machine.signal(SIGUSR1)).toEqual([]);
  });
  test("passes nothing on when it is empty", () => {
    const machine = new Machine({ signals: { forward: [] } });
    for (let signal = 1; signal <= 64; signal++)
      if (signal !== SIGTERM) expect(machine.signal(signal)).toEqual([]);
  });
  test("does not keep back the signal that starts the shutdown", () => {
    expect(done(new Machine({ signals: { forward: [] } }).signal(SIGTERM))).toEqual([send(SIGTERM)]);
  });
});

describe("signals.rewrite", () => {
  test("sends another in its place, once and not in a chain", () => {
    const rewrite = new Map([
      [SIGHUP, SIGUSR1],
      [SIGUSR1, SIGQUIT],
    ]);
    const machine = new Machine({ signals: { rewrite } });
    expect(machine.signal(SIGHUP)).toEqual([send(SIGUSR1)]);
    expect(machine.signal(SIGUSR1)).toEqual([send(SIGQUIT)]);
  });
  test("goes by the signal that came, not by what it becomes, where forward lists some", () => {
    const machine = new Machine({ signals: { forward: [SIGHUP], rewrite: new Map([[SIGHUP, SIGUSR1]]) } });
    expect(machine.signal(SIGHUP)).toEqual([send(SIGUSR1)]);
    expect(machine.signal(SIGUSR1)).toEqual([]);
  });
  test("sends nothing for what is to be ignored", () => {
    const machine = new Machine({ signals: { rewrite: new Map([[SIGWINCH, "ignore"]]) } });
    expect(machine.signal(SIGWINCH)).toEqual([]);
  });
  test("hands the value of sigqueue on with the other signal", () => {
    const machine = new Machine({ signals: { rewrite: new Map([[40, 41]]) } });
    expect(machine.signal(40, { code: SI_QUEUE, value: 5n })).toEqual([
      { do: "send", to: { process: 7 }, signal: 41, value: 5n },
    ]);
  });
});

describe("signals.to", () => {
  const target = (to: "process" | "group" | "all", hasOwnGroup: boolean) =>
    new Machine({ signals: { to }, hasOwnGroup }).signal(SIGHUP);
  test("process sends to the service's first process", () => {
    expect(target("process", true)).toEqual([send(SIGHUP, { process: 7 })]);
  });
  test("group sends to the service's group, and never to a group that fdinit is in", () => {
    expect(target("group", true)).toEqual([send(SIGHUP, { group: 7 })]);
    expect(target("group", false)).toEqual([send(SIGHUP, { process: 7 })]);
  });
  test("all sends to every process", () => expect(target("all", true)).toEqual([send(SIGHUP, "all")]));
});

test("takes the terminal along with a SIGCONT, where the service was given it", () => {
  expect(new Machine({ hasTerminal: true }).signal(SIGCONT)).toEqual([{ do: "foreground" }, send(SIGCONT)]);
  expect(new Machine().signal(SIGCONT)).toEqual([send(SIGCONT)]);
});

describe("signals.delay", () => {
  const delayed = (more = {}) => new Machine({ signals: { delayMs: new Map([[SIGHUP, 3000]]), ...more } });

  test("holds a signal back and delivers it at its time", () => {
    const machine = delayed();
    machine.now = 100;
    expect(done(machine.signal(SIGHUP))).toEqual([]);
    expect(machine.deadline).toBe(3100);
    expect(machine.until(3099)).toEqual([]);
    expect(machine.until(3100)).toEqual([send(SIGHUP)]);
    expect(machine.deadline).toBeUndefined();
  });
  test("says so with the name and the time", () => {
    expect(said(delayed().signal(SIGHUP))).toEqual([expect.stringMatching(/SIGHUP .*3 s/)]);
  });
  test("lets every other signal pass at once", () => {
    const machine = delayed();
    machine.signal(SIGHUP);
    expect(machine.signal(SIGUSR1)).toEqual([send(SIGUSR1)]);
  });
  test("makes one of the same signal that comes again meanwhile, at the first one's time", () => {
    const machine = delayed();
    machine.signal(SIGHUP);
    machine.now = 2000;
    expect(machine.signal(SIGHUP)).toEqual([]);
    expect(machine.until(60_000)).toEqual([send(SIGHUP)]);
    machine.signal(SIGHUP);
    expect(machine.deadline).toBe(63_000);
  });
  test("keeps the value, the rewriting and the list of those passed on", () => {
    const machine = delayed({ rewrite: new Map([[SIGHUP, SIGQUIT]]) });
    machine.signal(SIGHUP, { code: SI_QUEUE, value: 8n });
    expect(machine.until(3000)).toEqual([{ do: "send", to: { process: 7 }, signal: SIGQUIT, value: 8n }]);
    const others = delayed({ forward: [SIGUSR1] });
    others.signal(SIGHUP);
    expect(others.until(3000)).toEqual([]);
  });
  test("of several delivers each at its own time", () => {
    const machine = delayed({
      delayMs: new Map([
        [SIGHUP, 3000],
        [SIGUSR1, 1000],
      ]),
    });
    machine.signal(SIGHUP);
    machine.signal(SIGUSR1);
    expect(machine.until(1000)).toEqual([send(SIGUSR1)]);
    expect(machine.until(3000)).toEqual([send(SIGHUP)]);
  });
  test("delivers all that are due when the clock is late", () => {
    const machine = delayed({
      delayMs: new Map([
        [SIGHUP, 3000],
        [SIGUSR1, 1000],
      ]),
    });
    machine.signal(SIGHUP);
    machine.signal(SIGUSR1);
    machine.now = 9000;
    expect(machine.due()).toHaveLength(2);
    expect(machine.deadline).toBeUndefined();
  });
  test("of zero is none", () => {
    expect(new Machine({ signals: { delayMs: new Map([[SIGHUP, 0]]) } }).signal(SIGHUP)).toEqual([
      send(SIGHUP),
    ]);
  });
  test("of the signal that starts the shutdown puts it off", () => {
    const machine = new Machine({ signals: { delayMs: new Map([[SIGTERM, 5000]]) } });
    expect(done(machine.signal(SIGTERM))).toEqual([]);
    expect(machine.state.shutdown).toBeUndefined();
    expect(done(machine.until(5000))).toEqual([send(SIGTERM)]);
    expect(machine.state.shutdown).toBeDefined();
  });
  test("drops what it holds when the shutdown starts", () => {
    const machine = delayed();
    machine.signal(SIGHUP);
    machine.signal(SIGTERM);
    expect(machine.until(60_000)).toEqual([]);
  });
  test("sends nothing to a service that has ended meanwhile", () => {
    const machine = delayed();
    machine.signal(SIGHUP);
    machine.ends(0);
    expect(done(machine.until(3000))).toEqual([]);
  });
});
