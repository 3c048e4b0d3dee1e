// One start of a service: the steps of its plan, with what only the moment of a start can give: the pipes of its lines, its
// notification pipe, the address for sd_notify, and the descriptors that an earlier start stored.

import type { Launch, Pass, PlannedService, Step, SupervisedService } from "../../plan/plan.ts";
import { STDERR_FILENO, STDOUT_FILENO } from "../../sys/libc/constants.ts";
import { errnoText } from "../../sys/libc/errno.ts";
import type { Started } from "../surroundings.ts";
import type { Cgroups } from "./cgroups.ts";
import type { LogPipes } from "./log/log-pipes.ts";
import type { Notifications } from "./ready/notifications.ts";
import type { NotifyPipes } from "./ready/notify-pipes.ts";
import type { ServicesSurroundings } from "./surroundings.ts";

/** sd_listen_fds(3): SD_LISTEN_FDS_START. */
const FIRST_ANNOUNCED = 3;
/** The exit code for a start that failed for want of something of fdinit's own. */
const EXIT_SOFTWARE = 70;

interface Watchers {
  readonly logs: LogPipes | undefined;
  readonly notifications: Notifications | undefined;
  readonly notifyPipes: NotifyPipes;
}

interface Additions {
  readonly pass: Pass[];
  readonly environment: Record<string, string>;
  pidVariable?: string;
  cgroupProcs?: number;
}

export class Starter {
  private readonly surroundings: ServicesSurroundings;
  private readonly watchers: Watchers;
  private readonly cgroups: Cgroups | undefined;

  constructor(surroundings: ServicesSurroundings, watchers: Watchers, cgroups: Cgroups | undefined) {
    this.surroundings = surroundings;
    this.watchers = watchers;
    this.cgroups = cgroups;
  }

  start({ start }: PlannedService, service: SupervisedService): Started {
    const { kernel } = this.surroundings;
    const spawn = start.find((step) => step.do === "spawn");
    if (!spawn) return { code: EXIT_SOFTWARE, message: "its plan has no step that starts a program" };
    const temporary: number[] = [];
    const additions: Additions = { pass: [], environment: {} };
    const problem =
      this.addLines(service, spawn.launch, additions, temporary) ??
      this.addNotification(service, additions, temporary);
    this.addCgroup(service, additions, temporary);
    if (problem === undefined) this.addStored(service, spawn.launch, additions);
    const result =
      problem === undefined
        ? this.surroundings.launch(
            start.map((step) => (step === spawn ? withAdditions(spawn, additions) : step)),
          )
        : { code: EXIT_SOFTWARE, message: problem };
    for (const fd of temporary) kernel.close(fd);
    return result;
  }

  private addCgroup({ name }: SupervisedService, additions: Additions, temporary: number[]): void {
    const fd = this.cgroups?.open(name);
    if (fd === undefined) return;
    temporary.push(fd);
    additions.cgroupProcs = fd;
  }

  /** The command of an exec check: its pid, or a negated errno. */
  startCheck({ check }: PlannedService): number {
    if (!check) return -1;
    const result = this.surroundings.launch([{ do: "spawn", launch: check }]);
    return "pid" in result ? result.pid : -1;
  }

  private addLines(
    { name }: SupervisedService,
    launch: Launch,
    { pass }: Additions,
    temporary: number[],
  ): string | undefined {
    const { logs } = this.watchers;
    if (!logs) return undefined;
    const ends = logs.open(name, this.surroundings.idsOf(launch));
    if (typeof ends === "number") return `cannot make the pipes for its lines (pipe2): ${errnoText(-ends)}`;
    temporary.push(ends.out, ends.err);
    const isTaken = (fd: number) =>
      launch.pass.some(({ to }) => to === fd) || launch.devNullOutputs?.includes(fd);
    if (!isTaken(STDOUT_FILENO)) pass.push({ from: ends.out, to: STDOUT_FILENO });
    if (!isTaken(STDERR_FILENO)) pass.push({ from: ends.err, to: STDERR_FILENO });
    return undefined;
  }

  private addNotification(
    { name, ready, watchdogMs }: SupervisedService,
    { pass, environment }: Additions,
    temporary: number[],
  ): string | undefined {
    const { notifications, notifyPipes } = this.watchers;
    if (ready?.by === "notify") {
      const fd = notifyPipes.open(name);
      if (fd < 0) return `cannot make the pipe of its readiness (pipe2): ${errnoText(-fd)}`;
      temporary.push(fd);
      pass.push({ from: fd, to: ready.fd });
    }
    if (ready?.by !== "sdNotify" || !notifications) return undefined;
    notifications.begin(name);
    if (notifications.name === undefined) return "there is no socket for sd_notify";
    environment["NOTIFY_SOCKET"] = notifications.name;
    if (watchdogMs !== undefined) environment["WATCHDOG_USEC"] = String(watchdogMs * 1000);
    return undefined;
  }

  /** FDSTORE: what it stored follows what its policy announces, from descriptor 3 on without a gap. */
  private addStored({ name }: SupervisedService, launch: Launch, additions: Additions): void {
    const stored = this.watchers.notifications?.stored(name) ?? [];
    if (stored.length === 0) return;
    const count = Number(launch.environment["LISTEN_FDS"] ?? 0);
    const names = (launch.environment["LISTEN_FDNAMES"] ?? "").split(":").filter((one) => one !== "");
    const first = FIRST_ANNOUNCED + count;
    const taken = [...launch.pass, ...additions.pass].map(({ to }) => to);
    if (taken.some((to) => to >= first && to < first + stored.length)) {
      this.surroundings.say(
        "warn",
        `${name} stored ${stored.length} descriptors, and they have no row of numbers from ${first} on: it does not get them back`,
      );
      return;
    }
    for (const [index, { fd }] of stored.entries()) additions.pass.push({ from: fd, to: first + index });
    additions.environment["LISTEN_FDS"] = String(count + stored.length);
    additions.environment["LISTEN_FDNAMES"] = [...names, ...stored.map((one) => one.name)].join(":");
    additions.pidVariable = "LISTEN_PID";
  }

  /** Closes what PID 1 keeps for this service and for none of `others`: the reader of the other end sees its end. */
  closeUnused(name: string, others: readonly PlannedService[]): void {
    const { services, context, kernel } = this.surroundings;
    for (const opened of services.find((service) => service.name === name)?.uses ?? []) {
      const fd = context.opened.get(opened);
      if (fd === undefined || others.some(({ uses }) => uses.includes(opened))) continue;
      kernel.close(fd);
      context.opened.delete(opened);
    }
  }
}

function withAdditions(
  { launch }: Extract<Step, { do: "spawn" }>,
  { pass, environment, pidVariable, cgroupProcs }: Additions,
): Step {
  return {
    do: "spawn",
    launch: {
      ...launch,
      pass: [...launch.pass, ...pass],
      environment: { ...launch.environment, ...environment },
      ...(pidVariable === undefined ? {} : { pidVariable }),
      ...(cgroupProcs === undefined ? {} : { cgroupProcs }),
    },
  };
}
