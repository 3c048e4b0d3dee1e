// Services of the pure machine in a world of processes: it carries the actions out as the loop does, and holds what must be
// true at each of them. A test decides what happens next.

import { expect } from "bun:test";
import type { ServicesSupervision, SupervisedService } from "../../../../init/plan/plan.ts";
import type {
  ServiceAction,
  ServiceEvent,
  ServicesState,
} from "../../../../init/supervise/services/machine/events.ts";
import { begin, deadline, initialServices, next } from "../../../../init/supervise/services/machine/state.ts";
import { isAlive } from "../../../../init/supervise/services/machine/transitions.ts";
import { SIGKILL, SIGTERM } from "../../../../init/sys/libc/constants.ts";

export function service(name: string, changes: Partial<SupervisedService> = {}): SupervisedService {
  return {
    name,
    type: "service",
    essential: true,
    dependsOn: new Map(),
    restart: {
      policy: "never",
      backoff: { leastMs: 500, mostMs: 30_000 },
      limit: { count: 5, withinMs: 60_000 },
      onLimit: changes.essential === false || changes.type === "oneshot" ? "stop" : "exit",
    },
    signals: { forward: "all", to: "process", rewrite: new Map(), delayMs: new Map() },
    ...changes,
  };
}

export function supervisionOf(
  services: readonly SupervisedService[],
  changes: Partial<ServicesSupervision> = {},
): ServicesSupervision {
  return {
    services,
    shutdown: { on: [SIGTERM], budgetMs: undefined, steps: [] },
    reaping: { orphans: "terminate", waitMs: 5000, log: "none" },
    exitMap: new Map(),
    lines: "raw",
    ...changes,
  };
}

/** A start and what has become of it. */
interface Run {
  readonly service: string;
  readonly pid: number;
  status: number | undefined;
}

type WithoutNow<E> = E extends ServiceEvent ? Omit<E, "now"> : never;

export class World {
  now = 0;
  state: ServicesState;
  readonly runs: Run[] = [];
  readonly said: string[] = [];
  readonly signals: { readonly service: string; readonly signal: number; readonly at: number }[] = [];
  /** Other processes of a service that are alive. */
  readonly children = new Map<string, number>();
  readonly told: string[] = [];
  exit: number | undefined;
  exitAt = 0;
  /** The code of the first essential end, as this world saw it. */
  firstEssential: number | undefined;
  shutdownAt: number | undefined;
  /** Answers why a start fails, as its exit code; undefined: it comes about. */
  refusing: (service: string) => number | undefined = () => undefined;
  private pid = 1;

  constructor(supervision: ServicesSupervision) {
    this.state = initialServices(1, supervision);
  }

  begin(): void {
    this.take(begin(this.state, this.now));
  }

  event(event: WithoutNow<ServiceEvent>): void {
    if (this.exit !== undefined) return;
    this.take(next(this.state, { ...event, now: this.now } as ServiceEvent));
    this.check();
  }

  signal(signal: number): void {
    this.event({ type: "signal", received: { signal, code: 0, pid: 99 } });
  }

  running(name: string): Run | undefined {
    return this.runs.find((run) => run.service === name && run.status === undefined);
  }

  /** The main process of a service ends. */
  ends(name: string, status: number): void {
    const run = this.running(name);
    if (!run || this.exit !== undefined) return;
    run.status = status;
    const leftBehind = (this.children.get(name) ?? 0) > 0;
    this.event({ type: "ended", service: name, status, leftBehind });
    this.settle();
  }

  childrenEnd(name: string): void {
    if (!this.children.delete(name)) return;
    if (this.state.services.get(name)?.phase === "leaving") this.event({ type: "treeGone", service: name });
    this.settle();
  }

  /** The loop asks whether children are left when nothing waits to be taken. */
  settle(): void {
    if (!this.state.ending || this.exit !== undefined) return;
    const childrenLeft = this.runs.some(({ status }) => status === undefined) || this.children.size > 0;
    this.event({ type: "settled", childrenLeft });
  }

  /** To the next moment that something is due; false when nothing is. */
  pass(): boolean {
    const at = deadline(this.state);
    if (at === undefined || this.exit !== undefined) return false;
    this.now = Math.max(this.now, at);
    for (let events = 0; ; events++) {
      const due = deadline(this.state);
      if (due === undefined || due > this.now || this.exit !== undefined) return true;
      if (events > 200) throw new Error("an endless loop of time events");
      this.event({ type: "time" });
    }
  }

  /** Time goes on, and no moment that is due is passed over. */
  passUntil(moment: number): void {
    for (let at = deadline(this.state); at !== undefined && at <= moment; at = deadline(this.state))
      if (!this.pass()) return;
    if (this.exit === undefined) this.now = Math.max(this.now, moment);
  }

  private take({ state, actions }: { state: ServicesState; actions: readonly ServiceAction[] }): void {
    if (state.shutdown && this.shutdownAt === undefined) this.shutdownAt = this.now;
    this.state = state;
    for (const action of actions) this.act(action);
  }

  private act(action: ServiceAction): void {
    switch (action.do) {
      case "start":
        this.start(action.service);
        return;
      case "signal":
        this.signals.push({ service: action.service, signal: action.signal, at: this.now });
        return;
      case "say":
        this.said.push(action.message);
        return;
      case "tellSupervisor":
        this.told.push(action.what);
        return;
      case "exit":
        this.exit ??= action.code;
        this.exitAt = this.now;
        return;
      default:
    }
  }

  private start(name: string): void {
    const known = this.state.services.get(name);
    if (known?.phase !== "starting" || known.pid !== undefined) return;
    // Nothing starts twice, before what it depends on, or in a shutdown.
    expect(this.running(name)).toBeUndefined();
    expect(this.state.shutdown).toBeUndefined();
    const planned = this.state.supervision.services.find((one) => one.name === name) as SupervisedService;
    for (const [other, condition] of planned.dependsOn) {
      const { phase } = this.state.services.get(other) ?? {};
      if (condition === "completed") expect(phase).toBe("completed");
      else if (condition === "ready") expect(["ready", "completed"]).toContain(phase as string);
      else expect(["starting", "ready", "completed", "stopped"]).toContain(phase as string);
    }
    const code = this.refusing(name);
    if (code !== undefined) {
      this.event({ type: "startFailed", service: name, code, message: "refused" });
      return;
    }
    const pid = ++this.pid;
    this.runs.push({ service: name, pid, status: undefined });
    this.event({ type: "started", service: name, pid });
  }

  /** True of every state. */
  private check(): void {
    // Plain conditions: an expect() for each would take most of the time of a million histories.
    const broken = (what: string) => new Error(`${what}: ${JSON.stringify([...this.state.services])}`);
    for (const [name, { phase, pid, stop }] of this.state.services) {
      if ((phase === "ready" || phase === "stopping") && pid === undefined)
        throw broken(`${name} has no pid`);
      const isIdle = phase === "waiting" || phase === "backoff" || phase === "completed";
      if (isIdle && (stop || this.running(name))) throw broken(`${name} is ${phase}, and runs`);
    }
    // No event would come any more: nothing runs, and nothing is waited for.
    if (this.state.shutdown && !this.state.ending && ![...this.state.services.values()].some(isAlive))
      throw broken("the shutdown has come to a halt");
    const budget = this.state.shutdown?.budget;
    if (budget && this.exit === undefined && this.now > budget.endAt) throw broken("the budget is exceeded");
  }

  /** Whether SIGKILL was sent to a service. */
  killed(name: string): boolean {
    return this.signals.some((sent) => sent.service === name && sent.signal === SIGKILL);
  }
}
