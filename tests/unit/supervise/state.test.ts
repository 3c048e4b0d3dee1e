import { describe, expect, test } from "bun:test";
import { supervise } from "../../../init/supervise/loop.ts";
import { exitCode, next } from "../../../init/supervise/state.ts";
import { SI_KERNEL, SI_QUEUE, SIGCHLD, SIGINT, SIGPIPE, SIGTERM } from "../../../init/sys/constants.ts";
import type { ReceivedSignal } from "../../../init/sys/kernel.ts";
import { fakeKernel } from "../fake-kernel.ts";

const STATE = { self: 1, essential: { pid: 7, service: "main" } };

function onSignal(received: Partial<ReceivedSignal>, sharesProcessGroup = false) {
  const signal = { signal: SIGTERM, code: 0, pid: 50, ...received };
  return next(STATE, { type: "signal", received: signal, sharesProcessGroup });
}

describe("next", () => {
  test("forwards a signal to the program", () => {
    expect(onSignal({})).toEqual([{ do: "send", pid: 7, signal: SIGTERM }]);
  });
  test("forwards real-time signals and the value of sigqueue", () => {
    expect(onSignal({ signal: 64, code: SI_QUEUE, value: 99n })).toEqual([
      { do: "send", pid: 7, signal: 64, value: 99n },
    ]);
  });
  test("keeps SIGCHLD to itself", () => {
    expect(onSignal({ signal: SIGCHLD })).toEqual([]);
  });
  test("does not forward a SIGPIPE of its own making, but does another's", () => {
    expect(onSignal({ signal: SIGPIPE, pid: 1 })).toEqual([]);
    expect(onSignal({ signal: SIGPIPE, pid: 50 })).toHaveLength(1);
  });
  test("leaves a terminal's signal to the kernel where the program has it already", () => {
    expect(onSignal({ signal: SIGINT, code: SI_KERNEL }, true)).toEqual([]);
    expect(onSignal({ signal: SIGINT, code: SI_KERNEL }, false)).toHaveLength(1);
    expect(onSignal({ signal: SIGINT, code: 0 }, true)).toHaveLength(1);
  });
  test("exits with the essential service's code and not with an orphan's", () => {
    expect(next(STATE, { type: "childEnded", ended: { pid: 8, status: 256 } })).toEqual([]);
    expect(next(STATE, { type: "childEnded", ended: { pid: 7, status: 3 << 8 } })).toEqual([
      { do: "exit", code: 3 },
    ]);
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

describe("supervise", () => {
  test("reaps everything that ended with one SIGCHLD before it leaves", () => {
    const ended = [
      { pid: 20, status: 0 },
      { pid: 7, status: 5 << 8 },
      { pid: 21, status: 0 },
    ];
    const kernel = fakeKernel([], { reap: () => ended.shift() });
    expect(supervise(kernel, 5, STATE.essential)).toBe(5);
    expect(ended).toEqual([]);
  });

  test("forwards what waits before it looks for ended children, and waits only when nothing is left", () => {
    const log: string[] = [];
    const signals: ReceivedSignal[][] = [[{ signal: SIGTERM, code: 0, pid: 50 }], []];
    const ended = [{ pid: 7, status: SIGTERM }];
    let polls = 0;
    const kernel = fakeKernel([], {
      takeSignals: () => signals.shift() ?? [],
      kill: (pid, signal) => log.push(`kill ${pid} ${signal}`),
      waitReadable: () => log.push(`wait ${++polls}`),
      reap: () => (polls === 1 ? ended.shift() : undefined),
    });
    expect(supervise(kernel, 5, STATE.essential)).toBe(143);
    expect(log).toEqual([`kill 7 ${SIGTERM}`, "wait 1"]);
  });
});
