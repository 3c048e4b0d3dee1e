// The handling of messages that a real kernel gives only in trouble, and the order of the parts of a message.

import { describe, expect, test } from "bun:test";
import { Notifications } from "../../../../init/supervise/services/ready/notifications.ts";
import type { Kernel, ReceivedMessage } from "../../../../init/sys/kernel.ts";
import { EACCES, EAGAIN, ENOSYS } from "../../../../init/sys/libc/errno.ts";
import { worded } from "../../../harness/watching.ts";
import { fakeKernel } from "../../fake-kernel.ts";

function world(
  messages: (Partial<ReceivedMessage> & { readonly text: string })[],
  overrides: Partial<Kernel> = {},
  ownerOf: (pid: number) => string | undefined = (pid) => ({ 50: "app", 51: "app", 60: "db", 1: "app" })[pid],
) {
  const events: string[] = [];
  const lines: string[] = [];
  const kernel = fakeKernel([0, 1, 2], {
    receiveNow() {
      const next = messages.shift();
      if (!next) return -EAGAIN;
      const { text, ...rest } = next;
      return { bytes: Buffer.from(text), pid: 50, fds: [], isCut: false, lacksDescriptors: false, ...rest };
    },
    ...overrides,
  });
  const notifications = new Notifications({
    kernel,
    emit: (event) => events.push(worded(event)),
    say: (level, message) => lines.push(`${level} ${message}`),
    ownerOf,
  });
  const [socket] = notifications.watched();
  const take = (now = 0) => notifications.ready(socket?.fd ?? -1, now);
  return { kernel, notifications, events, lines, take };
}

describe("a message", () => {
  test("tells in this order: the main process, times, the state, signs of life", () => {
    const text =
      "WATCHDOG=1\nSTOPPING=1\nREADY=1\nRELOADING=1\nEXTEND_TIMEOUT_USEC=5000\nMAINPID=51\nWATCHDOG_USEC=1000";
    const { events, take } = world([{ text }]);
    take();
    expect(events).toEqual([
      "mainPid app 51",
      "watchdogPeriod app 1",
      "reloading app",
      "ready app",
      "stopping app",
      "extend app 5",
      "watchdog app false",
    ]);
  });

  test("names no main process of another service, none of nobody, and not fdinit", () => {
    for (const pid of [60, 70, 1]) {
      const { events, lines, take } = world([{ text: `MAINPID=${pid}` }, { text: `MAINPID=${pid}` }]);
      take();
      expect(events).toEqual([]);
      expect(lines).toEqual([`warn service "app" named MAINPID=${pid}, which is not its: ignored`]);
    }
  });

  test("whose descriptors are lost in part stores none of them, and its other lines count", () => {
    const { kernel, notifications, events, lines, take } = world([
      { text: "FDSTORE=1\nREADY=1", fds: [8, 9], lacksDescriptors: true },
    ]);
    kernel.open.set(8, true).set(9, true);
    take();
    expect(notifications.stored("app")).toEqual([]);
    expect([kernel.open.has(8), kernel.open.has(9)]).toEqual([false, false]);
    expect(events).toEqual(["ready app"]);
    expect(lines.length).toBe(1);
  });

  test("stores nothing that would leave PID 1 less than half of the descriptors it may have", () => {
    const fds = Array.from({ length: 30 }, (_, index) => 10 + index);
    const { kernel, notifications, take } = world(
      [
        { text: "FDSTORE=1", fds },
        { text: "FDSTORE=1", fds: [50, 51], pid: 60 },
      ],
      { nofile: () => ({ soft: 40, hard: 40 }) },
    );
    for (const fd of [...fds, 50, 51]) kernel.open.set(fd, true);
    take();
    expect(notifications.stored("app").length).toBe(20);
    expect(notifications.stored("db")).toEqual([]);
    expect(kernel.open.has(50)).toBe(false);
    notifications.drop("app");
    expect([...kernel.open.keys()].sort()).toEqual([0, 1, 2, 3]);
  });

  test("that means nothing is said once for a service, whatever it says then", () => {
    const { lines, take } = world([{ text: "READY=x" }, { text: "READY=y" }, { text: "ERRNO=x", pid: 60 }]);
    take();
    expect(lines).toEqual([
      'warn service "app" notified "READY=x": ignored',
      'warn service "db" notified "ERRNO=x": ignored',
    ]);
  });

  test("beyond a bound for a tenth of a second waits for the rest of it", () => {
    const { notifications, events, take } = world(Array.from({ length: 300 }, () => ({ text: "READY=1" })));
    for (let round = 0; round < 30; round++) take(1_000);
    expect(events.length).toBe(256);
    expect(notifications.watched()).toEqual([]);
    expect(notifications.deadline()).toBe(1_100);
    notifications.time(1_100);
    expect(notifications.watched().length).toBe(1);
    expect(notifications.deadline()).toBeUndefined();
    for (let round = 0; round < 30; round++) take(1_100);
    expect(events.length).toBe(300);
  });
});

describe("a main process that has ended", () => {
  const LAST_WORDS = [
    { text: "FDSTORE=1\nREADY=1\nSTATUS=going", pid: 40, fds: [8] },
    { text: "WATCHDOG=trigger", pid: 40 },
  ];

  test("has its last descriptors stored, and says nothing of the next start", () => {
    const { notifications, events, lines, take } = world([...LAST_WORDS]);
    notifications.ended("app", 40);
    take();
    expect(notifications.stored("app")).toMatchObject([{ fd: 8, name: "stored" }]);
    expect(notifications.status("app")).toBeUndefined();
    expect([...events, ...lines]).toEqual([]);
  });

  test("is not remembered when nothing is waiting", () => {
    const { notifications, lines, take } = world([...LAST_WORDS], { waitReady: () => [] });
    notifications.ended("app", 40);
    take();
    expect(notifications.stored("app")).toEqual([]);
    expect(lines.length).toBe(1);
  });

  test("is forgotten when everything is read, because another process may have its number then", () => {
    const messages: typeof LAST_WORDS = [];
    const { notifications, lines, take } = world(messages);
    notifications.ended("app", 40);
    take();
    messages.push(...LAST_WORDS);
    take();
    expect(notifications.stored("app")).toEqual([]);
    expect(lines).toEqual(["warn a notification came from process 40, which belongs to no service: ignored"]);
  });
});

describe("to find the service of a sender", () => {
  test("is done once within a tenth of a second", () => {
    const asked: number[] = [];
    const messages = Array.from({ length: 40 }, (_, index) => ({
      text: "READY=1",
      pid: index % 2 ? 50 : 60,
    }));
    const { events, take } = world(messages, {}, (pid) => {
      asked.push(pid);
      return "app";
    });
    take(1_000);
    take(1_050);
    expect(asked).toEqual([60, 50]);
    take(1_100);
    expect(asked).toEqual([60, 50, 60, 50]);
    expect(events.length).toBe(40);
  });

  test("takes no more than half of the time", () => {
    let now = 0;
    const messages = Array.from({ length: 40 }, (_, pid) => ({ text: "READY=1", pid: 100 + pid }));
    const { notifications, events, take } = world(messages, { now: () => now }, () => {
      now += 10;
      return "app";
    });
    take(0);
    take(0);
    expect(events.length).toBe(5);
    expect(notifications.watched()).toEqual([]);
    expect(notifications.deadline()).toBe(100);
  });
});

describe("a socket that cannot be had", () => {
  test.each<[string, Partial<Kernel>]>([
    ["made", { makeSocket: () => -EACCES }],
    ["told to name senders", { setSocketOption: () => -ENOSYS }],
    ["bound", { bindAnywhere: () => -ENOSYS }],
  ])("because it is not %s is said, and nothing is watched", (_step, overrides) => {
    const { kernel, notifications, lines } = world([], overrides);
    expect(notifications.name).toBeUndefined();
    expect(notifications.watched()).toEqual([]);
    expect(lines.length).toBe(1);
    expect(lines[0]).toStartWith("error cannot open the socket for sd_notify: E");
    expect([...kernel.open.keys()]).toEqual([0, 1, 2]);
  });
});
