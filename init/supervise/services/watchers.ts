// All that the loop of several services waits on besides signals, made once, and waited for in one ppoll(2).

import { errnoText } from "../../sys/libc/errno.ts";
import { Control, type Controlled } from "./control/control.ts";
import { listenForControl } from "./control/listening.ts";
import { StatusFile } from "./control/status-file.ts";
import { LogPipes } from "./log/log-pipes.ts";
import type { ServiceEvent } from "./machine/events.ts";
import { MainProcesses } from "./main-processes.ts";
import { Notifications } from "./ready/notifications.ts";
import { NotifyPipes } from "./ready/notify-pipes.ts";
import { Probes } from "./ready/probes.ts";
import type { ServicesSurroundings } from "./surroundings.ts";
import { TokenWatcher } from "./tokens.ts";
import type { Watcher } from "./watcher.ts";

export interface Watching {
  readonly emit: (event: ServiceEvent) => void;
  /** The service that a process belongs to. */
  readonly ownerOf: (pid: number) => string | undefined;
  /** Starts the command of a service's readiness check: its pid, or a negated errno. */
  readonly spawnCheck: (service: string) => number;
  readonly controlled: Controlled;
  /** A main process that is no child of fdinit's has ended. */
  readonly mainGone: (service: string, pid: number) => void;
}

export class Watchers {
  readonly probes: Probes;
  readonly notifyPipes: NotifyPipes;
  readonly mains: MainProcesses;
  /** Undefined: no service speaks sd_notify(3). */
  readonly notifications: Notifications | undefined;
  /** Undefined: services write to fdinit's own outputs. */
  readonly logs: LogPipes | undefined;
  private readonly surroundings: ServicesSurroundings;
  private readonly all: readonly Watcher[];

  constructor(surroundings: ServicesSurroundings, watching: Watching) {
    const { kernel, supervision, say } = surroundings;
    const { emit, ownerOf, spawnCheck, controlled, mainGone } = watching;
    const services = supervision.services.map(({ name }) => name);
    this.surroundings = surroundings;
    this.notifyPipes = new NotifyPipes({ kernel, emit, say });
    this.probes = new Probes({ kernel, emit, spawn: spawnCheck });
    this.notifications = supervision.services.some(({ ready }) => ready?.by === "sdNotify")
      ? new Notifications({ kernel, emit, say, ownerOf })
      : undefined;
    this.logs =
      supervision.lines === "raw"
        ? undefined
        : new LogPipes(kernel, { format: supervision.lines, services, say });
    const { probes, notifyPipes, notifications, logs } = this;
    this.mains = new MainProcesses({ kernel, say, ended: mainGone });
    const tokens = new TokenWatcher(surroundings);
    const control = listenFor(surroundings, controlled);
    const statusFile = new StatusFile(kernel, {
      revision: () => [controlled.revision(), notifications?.changes, probes.changes],
      status: () => controlled.answerStatus(),
    });
    this.all = [tokens, notifyPipes, this.mains, probes, notifications, logs, control, statusFile].filter(
      (watcher) => watcher !== undefined,
    );
  }

  /** Blocks until a signal comes, a watcher has something to do, or the timeout is over. */
  wait(signalFd: number, timeoutMs: number | undefined): void {
    const { kernel } = this.surroundings;
    const watched = [{ fd: signalFd, read: true }];
    const owners = new Map<number, Watcher>();
    for (const watcher of this.all)
      for (const one of watcher.watched()) {
        watched.push({ read: false, ...one });
        owners.set(one.fd, watcher);
      }
    const ready = kernel.waitReady(watched, timeoutMs);
    const now = kernel.now();
    for (const fd of ready) owners.get(fd)?.ready(fd, now);
  }

  /** STATUS of sd_notify(3), or why the readiness check has failed so far. */
  textOf(service: string): string | undefined {
    return this.notifications?.status(service) ?? this.probes.why(service);
  }

  time(): void {
    const { kernel } = this.surroundings;
    for (const watcher of this.all) {
      const at = watcher.deadline();
      if (at !== undefined && at <= kernel.now()) watcher.time(kernel.now());
    }
  }

  deadline(): number | undefined {
    let earliest: number | undefined;
    for (const watcher of this.all) earliest = earlier(earliest, watcher.deadline());
    return earliest;
  }
}

/** The earlier of two moments, each of which may be none. */
export function earlier(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined) return other;
  return other === undefined ? one : Math.min(one, other);
}

/** A container without its control socket runs all the same. */
function listenFor(
  { kernel, supervision, say }: ServicesSurroundings,
  controlled: Controlled,
): Control | undefined {
  if (!supervision.control) return undefined;
  const { services, control } = supervision;
  const { socket } = control;
  const fd = listenForControl(kernel, socket);
  if (typeof fd === "number") return new Control(kernel, { fd, socket, services, controlled, say });
  const problem = `cannot open ${JSON.stringify(socket)} (${fd.call}): ${errnoText(fd.errno)}`;
  say("error", `there is no control socket: ${problem}`);
  return undefined;
}
