// When tries are made, how long each may take and what is left of a check that is ended, on a clock of the test.

import { describe, expect, test } from "bun:test";
import type { ProbeCheck } from "../../../../init/supervise/services/ready/attempt.ts";
import { LEAST_BOUND_MS } from "../../../../init/supervise/services/ready/attempts.ts";
import { Probes } from "../../../../init/supervise/services/ready/probes.ts";
import type { Kernel } from "../../../../init/sys/kernel.ts";
import { EAGAIN, ECONNREFUSED, EINPROGRESS, ENOENT } from "../../../../init/sys/libc/errno.ts";
import { worded } from "../../../harness/watching.ts";
import { fakeKernel } from "../../fake-kernel.ts";

const TIMES = { periodMs: 200, timeoutMs: 60_000 };
const FILE: ProbeCheck = { ...TIMES, by: "file", path: "/ready" };
const EXEC: ProbeCheck = { ...TIMES, by: "exec", command: ["x"] };
const ADDRESSES = [
  { family: "inet", host: [127, 0, 0, 1], port: 80 },
  { family: "inet6", host: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], port: 80 },
] as const;
const TCP: ProbeCheck = { ...TIMES, by: "tcp", written: "localhost:80", addresses: ADDRESSES };

function world(overrides: Partial<Kernel> = {}, spawn: () => number = () => -1) {
  const events: string[] = [];
  const kernel = fakeKernel([0, 1, 2], overrides);
  const probes = new Probes({ kernel, emit: (event) => events.push(worded(event)), spawn });
  /** The moments at which something is due, up to a number of them. */
  const moments = (count: number) => {
    const seen: number[] = [];
    for (let at = probes.deadline(); at !== undefined && seen.length < count; at = probes.deadline()) {
      seen.push(at);
      probes.time(at);
    }
    return seen;
  };
  return { events, kernel, probes, moments };
}

describe("tries", () => {
  test("come at once, then quickly, then once a period", () => {
    const { probes, moments } = world();
    probes.begin("app", FILE, 1_000);
    expect(moments(9)).toEqual([1_000, 1_010, 1_030, 1_070, 1_150, 1_310, 1_510, 1_710, 1_910]);
  });

  test("are over with the first success", () => {
    let looks = 0;
    const { probes, events, moments } = world({ pathMode: () => (++looks < 3 ? -ENOENT : 0o100644) });
    probes.begin("app", FILE, 0);
    expect(moments(9)).toEqual([0, 10, 30]);
    expect(events).toEqual(["ready app"]);
    expect(probes.watched()).toEqual([]);
  });

  test("of several services do not disturb each other", () => {
    const { probes, events } = world({ pathMode: (path) => (path === "/b" ? 0 : -ENOENT) });
    probes.begin("a", { ...FILE, path: "/a" }, 0);
    probes.begin("b", { ...FILE, path: "/b" }, 0);
    probes.time(0);
    expect(events).toEqual(["ready b"]);
    expect(probes.why("a")).toContain("/a: ENOENT");
    expect(probes.deadline()).toBe(10);
    probes.end("a");
    expect(probes.deadline()).toBeUndefined();
  });

  test("begin anew when a service is started again", () => {
    const { probes, moments } = world();
    probes.begin("app", FILE, 0);
    moments(5);
    probes.begin("app", FILE, 5_000);
    expect(probes.why("app")).toBeUndefined();
    expect(moments(3)).toEqual([5_000, 5_010, 5_030]);
  });
});

describe("a connection", () => {
  test("is tried at the next address when one refuses, and has failed when all have", () => {
    const results = [-ECONNREFUSED, -ECONNREFUSED, -ECONNREFUSED, 0];
    const { probes, events, kernel, moments } = world({ connect: () => results.shift() ?? 0 });
    probes.begin("app", TCP, 0);
    expect(moments(5)).toEqual([0, 10]);
    expect(events).toEqual(["ready app"]);
    expect([...kernel.open.keys()]).toEqual([0, 1, 2]);
  });

  test("that nobody answers has its time at each address", () => {
    const { probes, kernel, moments } = world({ connect: () => -EINPROGRESS });
    probes.begin("app", TCP, 0);
    expect(moments(3)).toEqual([0, LEAST_BOUND_MS, 2 * LEAST_BOUND_MS]);
    expect(probes.why("app")).toBe("localhost:80: no answer in time");
    expect([...kernel.open.keys()]).toEqual([0, 1, 2]);
  });

  test("waits to be written while it goes on", () => {
    let result = -ECONNREFUSED;
    const { probes, events } = world({ connect: () => -EINPROGRESS, connectResult: () => result });
    probes.begin("app", TCP, 0);
    probes.time(0);
    const [first] = probes.watched();
    expect(first).toMatchObject({ read: false, write: true });
    probes.ready(first?.fd ?? -1, 1);
    result = 0;
    const [second] = probes.watched();
    probes.ready(second?.fd ?? -1, 2);
    expect(events).toEqual(["ready app"]);
  });

  test("sends what the kernel did not take at once when it can be written again", () => {
    const sent: string[] = [];
    const takes = [-EAGAIN, 10, 1_000];
    const { probes } = world({
      sendNow(_fd, bytes) {
        const took = Math.min(takes.shift() ?? 0, bytes.length);
        if (took > 0) sent.push(Buffer.from(bytes.subarray(0, took)).toString());
        return took;
      },
    });
    probes.begin(
      "app",
      { ...TIMES, by: "http", written: "u", addresses: ADDRESSES, host: "h", path: "/p" },
      0,
    );
    probes.time(0);
    for (let turn = 0; turn < 2; turn++) {
      expect(probes.watched()).toMatchObject([{ write: true, read: false }]);
      probes.ready(probes.watched()[0]?.fd ?? -1, 1);
    }
    expect(probes.watched()).toMatchObject([{ write: false, read: true }]);
    expect(sent.join("")).toStartWith("GET /p HTTP/1.1\r\nHost: h\r\n");
    expect(sent.join("")).toEndWith("\r\n\r\n");
  });
});

describe("a command", () => {
  test("is judged by its own end, and other processes are not its", () => {
    let pid = 100;
    const { probes, events, moments } = world({}, () => pid++);
    probes.begin("app", EXEC, 0);
    moments(1);
    expect(probes.childEnded(99, 0, 5)).toBe(false);
    expect(probes.childEnded(100, 1 << 8, 5)).toBe(true);
    expect(probes.why("app")).toBe("the command ended with code 1");
    expect(probes.childEnded(100, 0, 6)).toBe(false);
    expect(probes.deadline()).toBe(10);
    probes.time(10);
    expect(probes.childEnded(101, 0, 20)).toBe(true);
    expect(events).toEqual(["ready app"]);
  });

  test("that takes too long is killed, counts as failed whatever its status, and no other is begun before its end", () => {
    const { probes, events, kernel, moments } = world({}, () => 100);
    probes.begin("app", EXEC, 0);
    expect(moments(3)).toEqual([0, LEAST_BOUND_MS, 2 * LEAST_BOUND_MS]);
    expect(kernel.calls).toEqual(["kill 100 9", "kill -100 9", "kill 100 9", "kill -100 9"]);
    expect(probes.childEnded(100, 0, 2_500)).toBe(true);
    expect(events).toEqual([]);
    expect(probes.why("app")).toContain("killed");
    expect(probes.deadline()).toBe(2_500);
  });

  test("of a check that is ended is killed, and its end is still the check's", () => {
    const { probes, events, kernel, moments } = world({}, () => 100);
    probes.begin("app", EXEC, 0);
    moments(1);
    probes.end("app");
    expect(kernel.calls).toEqual(["kill 100 9", "kill -100 9"]);
    expect(probes.deadline()).toBeUndefined();
    expect(probes.childEnded(100, 0, 3)).toBe(true);
    expect(probes.childEnded(100, 0, 3)).toBe(false);
    expect(events).toEqual([]);
  });

  test("that cannot be started is tried again", () => {
    const { probes, moments } = world({}, () => -ENOENT);
    probes.begin("app", EXEC, 0);
    expect(moments(3)).toEqual([0, 10, 30]);
    expect(probes.why("app")).toContain("ENOENT");
  });
});
