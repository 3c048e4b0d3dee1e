// A control socket with services that exist in memory alone, and a Kernel of real descriptors and sockets for its clients: while
// a client waits, the other end goes on.

import { Control } from "../../init/supervise/services/control/control.ts";
import { listenForControl } from "../../init/supervise/services/control/listening.ts";
import type {
  Health,
  ServiceReport,
  StatusReport,
} from "../../init/supervise/services/control/status-report.ts";
import type { ServiceEvent } from "../../init/supervise/services/machine/events.ts";
import { descriptorCalls } from "../../init/sys/descriptors/linux.ts";
import type { Kernel } from "../../init/sys/kernel.ts";
import { pathCalls } from "../../init/sys/paths/linux.ts";
import { socketCalls } from "../../init/sys/sockets/linux.ts";
import { fakeKernel } from "../unit/fake-kernel.ts";

/** A number that no descriptor has: nothing is ready there. */
export const SIGNAL_FD = 0x7ffffff0;

export function service(name: string, more: Partial<ServiceReport> = {}): ServiceReport {
  return {
    name,
    type: "service",
    essential: false,
    state: "ready",
    pid: 100,
    uptimeMs: 5000,
    restarts: 0,
    descriptors: [],
    ...more,
  };
}

/** `job` has a signal of its own to reload by. */
const SERVICES = [{ name: "web" }, { name: "job", reload: 12 }];

export interface World {
  readonly services: Map<string, ServiceReport>;
  shutdown?: StatusReport["shutdown"];
  health: Health;
  readonly events: ServiceEvent[];
  readonly said: string[];
  readonly signals: [string, number][];
  /** The services' answer to a request; default: nothing. */
  onEvent?: (event: ServiceEvent & { type: "request" }) => void;
  /** The events that come with time, each time a client waits. */
  onWait?: () => void;
}

export function realKernel(overrides: Partial<Kernel> = {}): Kernel {
  return fakeKernel([], {
    ...descriptorCalls,
    ...pathCalls,
    ...socketCalls,
    now: () => performance.now(),
    ownCredentials: () => ({ uid: process.getuid?.() ?? 0, gid: 0, groups: [] }),
    ...overrides,
  });
}

export function controlled(socket: string, overrides: Partial<Kernel> = {}) {
  const kernel = realKernel(overrides);
  const listening = listenForControl(kernel, socket);
  if (typeof listening !== "number") throw new Error(`${listening.call}: ${listening.errno}`);
  const world: World = {
    services: new Map(),
    health: { healthy: true, why: [] },
    events: [],
    said: [],
    signals: [],
  };
  const status = (): StatusReport => ({
    version: 1,
    uptimeMs: 1000,
    ...world.health,
    ...(world.shutdown ? { shutdown: world.shutdown } : {}),
    services: [...world.services.values()],
  });
  const control = new Control(kernel, {
    fd: listening,
    socket,
    services: SERVICES,
    say: (level, message) => world.said.push(`${level}: ${message}`),
    controlled: {
      answerStatus: status,
      revision: () => world,
      isHealthy: () => world.health,
      emit: (event) => {
        world.events.push(event);
        if (event.type === "request") world.onEvent?.(event);
      },
      signal: (name, signal) => {
        world.signals.push([name, signal]);
        return signal === 9 ? "EPERM: operation not permitted" : undefined;
      },
    },
  });
  /** One round of the loop. */
  const serve = (timeoutMs = 0) => {
    const now = kernel.now();
    for (const fd of kernel.waitReady(control.watched(), timeoutMs)) control.ready(fd, now);
    const at = control.deadline();
    if (at !== undefined && at <= kernel.now()) control.time(kernel.now());
  };
  const output: string[] = [];
  const client: Kernel = {
    ...kernel,
    waitReadable: (fds, timeoutMs) => {
      world.onWait?.();
      serve();
      return descriptorCalls.waitReadable(
        fds.filter((fd) => fd !== SIGNAL_FD),
        Math.min(timeoutMs ?? 5, 5),
      );
    },
    write: (_fd, text) => {
      output.push(String(text));
      return 0;
    },
  };
  return { kernel, control, world, serve, client, output, listening, close: () => kernel.close(listening) };
}
