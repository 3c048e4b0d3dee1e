// `fdinit health` without a control socket: the checks that a process beside PID 1 can make itself.

import { expect, test } from "bun:test";
import { unanswered } from "../../../init/cli/control/live-checks.ts";
import type { ReadyCheck } from "../../../init/policy/types.ts";
import { ECONNREFUSED } from "../../../init/sys/libc/errno.ts";
import { fakeKernel } from "../fake-kernel.ts";

const TIMES = { periodMs: 1_000, timeoutMs: 60_000 };
const TCP: ReadyCheck = {
  ...TIMES,
  by: "tcp",
  written: "127.0.0.1:80",
  addresses: [{ family: "inet", host: [127, 0, 0, 1], port: 80 }],
};
const FILE: ReadyCheck = { ...TIMES, by: "file", path: "/ready" };

test("a service that answers its check is not named, and one that does not is, with the reason", () => {
  const services = [
    { name: "web", ready: TCP },
    { name: "job", ready: FILE },
  ];
  const good = fakeKernel([], { pathMode: () => 0o100644 });
  expect(unanswered(good, services)).toEqual([]);
  expect([...good.open.keys()]).toEqual([]);
  const bad = fakeKernel([], { connect: () => -ECONNREFUSED });
  expect(unanswered(bad, services)).toEqual([
    "web does not answer: 127.0.0.1:80: ECONNREFUSED: connection refused",
    "job does not answer: /ready: ENOENT: no such file or directory",
  ]);
});

test("a service that only PID 1 can know of, or that has no check, is taken for ready", () => {
  const services: { name: string; ready?: ReadyCheck }[] = [
    { name: "plain" },
    { name: "said", ready: { ...TIMES, by: "sdNotify" } },
    { name: "line", ready: { ...TIMES, by: "notify", fd: 3 } },
    { name: "command", ready: { ...TIMES, by: "exec", command: ["false"] } },
  ];
  expect(unanswered(fakeKernel([]), services)).toEqual([]);
});
