// Drives watchers of the loop of several services with the kernel's real calls, in turn with Bun's own event loop, so that
// servers of the test answer.

import { readdirSync } from "node:fs";
import type { ServiceEvent } from "../../init/supervise/services/machine/events.ts";
import type { Watcher } from "../../init/supervise/services/watcher.ts";
import { descriptorCalls } from "../../init/sys/descriptors/linux.ts";
import type { Kernel } from "../../init/sys/kernel.ts";
import { SYS, syscall } from "../../init/sys/libc/libc.ts";
import { pathCalls } from "../../init/sys/paths/linux.ts";
import { socketCalls } from "../../init/sys/sockets/linux.ts";
import { fakeKernel } from "../unit/fake-kernel.ts";

/** The real calls about descriptors, paths and sockets; signals are sent by the system call itself. */
export function realKernel(overrides: Partial<Kernel> = {}): Kernel {
  return {
    ...fakeKernel([]),
    ...descriptorCalls,
    ...pathCalls,
    ...socketCalls,
    pid: process.pid,
    now: () => performance.now(),
    kill: (pid, signal) => syscall(SYS.kill, pid, signal),
    ...overrides,
  };
}

const DEADLINE_MS = 15_000;
/** The longest that Bun's event loop has to wait. */
const TURN_MS = 5;

/** Handles what comes until `isDone`; fails at the deadline. */
export async function watch(
  kernel: Kernel,
  watcher: Watcher,
  what: string,
  isDone: () => boolean,
): Promise<void> {
  const end = kernel.now() + DEADLINE_MS;
  while (!isDone()) {
    if (kernel.now() > end) throw new Error(`waited ${DEADLINE_MS} ms until ${what}`);
    const at = watcher.deadline();
    const left = at === undefined ? TURN_MS : Math.max(0, Math.min(TURN_MS, at - kernel.now()));
    for (const fd of kernel.waitReady(watcher.watched(), left)) watcher.ready(fd, kernel.now());
    const due = watcher.deadline();
    if (due !== undefined && due <= kernel.now()) watcher.time(kernel.now());
    await Bun.sleep(0);
  }
}

/** An event without its time: `ready app`, `extend app 500`. */
export function worded(event: ServiceEvent): string {
  const { now: _now, ...rest } = event;
  return Object.values(rest).join(" ");
}

/** The numbers that are open in this process. */
export function openNumbers(): number[] {
  return readdirSync("/proc/self/fd")
    .map(Number)
    .sort((one, other) => one - other);
}
