// The one wait loop of several services: wait, decode, next(state, event), act. Blocks in ppoll(2) on the signalfd and on what
// its watchers name; nothing wakes up while nothing happens. Nothing here may throw: programs run.

import type { ChangedProcess, ChildEnd } from "../../sys/kernel.ts";
import { SIGKILL, SIGTRAP } from "../../sys/libc/constants.ts";
import { errnoText } from "../../sys/libc/errno.ts";
import { sayHolders } from "../holders.ts";
import { Observer } from "../observer.ts";
import { sayOomKills } from "../oom-kills.ts";
import { Sender } from "../sending.ts";
import { waitedForInWords } from "../tree.ts";
import { cannotReapInWords, codeInWords, durationInWords, REAP_RETRY_MS } from "../words.ts";
import { type Cgroups, cgroupsOf } from "./cgroups.ts";
import type { Controlled } from "./control/control.ts";
import { failedInWords } from "./machine/ends.ts";
import type { ServiceAction, ServiceEvent, ServicesState, ServiceTarget } from "./machine/events.ts";
import { begin, deadline, initialServices, next } from "./machine/state.ts";
import { isOver, planned } from "./machine/transitions.ts";
import { type Look, Owners } from "./owners.ts";
import { tellRuntime } from "./ready/notify-runtime.ts";
import { signalTree } from "./signal-tree.ts";
import { Starter } from "./starter.ts";
import { healthOf, statusOf } from "./status.ts";
import type { ServicesSurroundings } from "./surroundings.ts";
import { earlier, Watchers } from "./watchers.ts";

/** The most ended children taken in one round. */
const MOST_REAPED = 64;
/** How long the last lines of services wait for an output that takes no more, when all else is done. */
const LAST_LINES_MS = 1000;

/** Supervises until the container ends, reaping every child; answers the exit code. */
export function superviseServices(surroundings: ServicesSurroundings): number {
  const supervisor = new ServicesSupervisor(surroundings);
  supervisor.begin();
  for (;;) {
    const isAll = supervisor.round();
    if (supervisor.exit !== undefined) return supervisor.leave(supervisor.exit);
    if (isAll) supervisor.wait();
  }
}

class ServicesSupervisor {
  exit: number | undefined;
  private state: ServicesState;
  readonly surroundings: ServicesSurroundings;
  readonly owners: Owners;
  readonly cgroups: Cgroups | undefined;
  readonly sender: Sender;
  readonly observer: Observer | undefined;
  private readonly starter: Starter;
  private readonly watchers: Watchers;
  /** Events that came of actions, in their order: an event is handled to its end before the next one. */
  private readonly queue: ServiceEvent[] = [];
  private isHandling = false;
  /** The processes after the last end of this round. */
  private seen: Look | undefined;
  private hasSaidCannotReap = false;
  private isRetrying = false;
  /** Of the kernel's OOM killer, as far as they have been said. */
  private oomKills = 0;
  private readonly beganAt: number;
  private shutdownAt: Date | undefined;

  constructor(surroundings: ServicesSurroundings) {
    const { kernel, supervision, say } = surroundings;
    this.surroundings = surroundings;
    this.state = initialServices(kernel.pid, supervision);
    this.beganAt = kernel.now();
    const names = supervision.services.map(({ name }) => name);
    this.cgroups = cgroupsOf(surroundings, names);
    this.owners = new Owners(kernel, names, surroundings.context.tokens, this.cgroups);
    const asOne = { service: "the services", hasOwnGroup: false, ...supervision };
    this.sender = new Sender({ kernel, say, supervision: asOne });
    this.observer =
      supervision.reaping.log === "none" && supervision.report === undefined
        ? undefined
        : new Observer({ kernel, say, supervision: asOne });
    const emit = (event: ServiceEvent) => this.handle(event);
    this.watchers = new Watchers(surroundings, {
      emit,
      ownerOf: (pid) => this.owners.ownerOf(pid),
      spawnCheck: (name) => this.spawnCheck(name),
      controlled: this.controlled,
      mainGone: (service, pid) => this.mainGone(service, pid),
    });
    this.starter = new Starter(surroundings, this.watchers, this.cgroups);
  }

  begin(): void {
    this.take(begin(this.state, this.surroundings.kernel.now()));
  }

  /** One round: signals, time, ended children. True when nothing more is waiting to be taken. */
  round(): boolean {
    const { kernel, signalFd } = this.surroundings;
    // Signals first, so that one sent before a program ended still reaches it.
    for (const received of kernel.takeSignals(signalFd))
      this.handle({ type: "signal", now: kernel.now(), received });
    this.time();
    return this.exit === undefined ? this.reap() : true;
  }

  wait(): void {
    this.watchers.wait(this.surroundings.signalFd, this.timeout());
  }

  private time(): void {
    const { kernel } = this.surroundings;
    this.watchers.time();
    for (let at = deadline(this.state); at !== undefined && at <= kernel.now(); at = deadline(this.state)) {
      this.handle({ type: "time", now: kernel.now() });
      if (this.exit !== undefined) return;
    }
  }

  private timeout(): number | undefined {
    const earliest = earlier(deadline(this.state), this.watchers.deadline());
    const left = earliest === undefined ? undefined : Math.max(0, earliest - this.surroundings.kernel.now());
    return this.isRetrying ? Math.min(REAP_RETRY_MS, left ?? REAP_RETRY_MS) : left;
  }

  private reap(): boolean {
    const { kernel } = this.surroundings;
    // Ends are handled when all of the round are taken: one look at /proc, which comes after all of them, then does for each.
    const ends: (() => void)[] = [];
    for (let taken = 0; taken < MOST_REAPED; taken++) {
      const looked = this.observer ? kernel.nextChanged() : undefined;
      const seen = typeof looked === "object" ? looked : undefined;
      const changed = kernel.reap(seen?.pid);
      if (typeof changed === "object") {
        this.isRetrying = false;
        this.childChanged(changed, seen, ends);
        continue;
      }
      this.handleEnds(ends);
      if (typeof changed === "number") this.cannotReap(changed);
      else {
        this.isRetrying = false;
        this.lookAtLeaving();
        if (this.state.ending && this.exit === undefined)
          this.handle({ type: "settled", now: kernel.now(), childrenLeft: changed === undefined });
      }
      return true;
    }
    this.handleEnds(ends);
    return false;
  }

  private handleEnds(ends: readonly (() => void)[]): void {
    this.seen = undefined;
    for (const handle of ends) handle();
    this.seen = undefined;
  }

  private cannotReap(failed: number): void {
    if (!this.hasSaidCannotReap) this.surroundings.say("error", cannotReapInWords(-failed));
    this.hasSaidCannotReap = true;
    this.isRetrying = true;
  }

  private childChanged(changed: ChildEnd, seen: ChangedProcess | undefined, ends: (() => void)[]): void {
    const { kernel } = this.surroundings;
    const { pid, status } = changed;
    // WIFSTOPPED and WSTOPSIG of wait(2)
    if ((status & 0xff) === 0x7f) {
      const signal = (status >> 8) & 0xff;
      kernel.detach(pid, signal === SIGTRAP ? 0 : signal);
      return;
    }
    const service = this.owners.ofMain(pid);
    if (service === undefined) {
      ends.push(() => {
        if (!this.watchers.probes.childEnded(pid, status, kernel.now()))
          this.observer?.ended(changed, seen, false);
      });
      return;
    }
    this.owners.mainEnded(pid);
    ends.push(() => {
      this.observer?.ended(changed, seen, true);
      this.mainEnded(service, changed);
    });
  }

  private mainEnded(service: string, { pid, status }: Pick<ChildEnd, "pid" | "status">): void {
    const { kernel, say } = this.surroundings;
    this.watchers.mains.drop(service);
    this.watchers.notifications?.ended(service, pid);
    const { startedAt = kernel.now(), stop } = this.state.services.get(service) ?? {};
    const ran = durationInWords(kernel.now() - startedAt);
    say("info", `${service} ${codeInWords(status)} after ${ran}`);
    // With an observer, its report has the kills.
    if ((status & 0x7f) === SIGKILL && !this.observer)
      this.oomKills = sayOomKills(this.surroundings, this.oomKills);
    // The report names the end that has decided the code.
    if (this.state.code === undefined)
      this.observer?.endedOtherwise(`${service} ${failedInWords(stop) ?? codeInWords(status)} after ${ran}`);
    const isAsked = this.state.supervision.reaping.orphans === "terminate";
    const leftBehind = isAsked && this.isLeftBehind(service);
    this.handle({ type: "ended", now: kernel.now(), service, status, leftBehind });
  }

  private isLeftBehind(service: string): boolean {
    this.seen ??= this.owners.look();
    return this.seen !== undefined && (this.owners.treeOf(service, this.seen)?.length ?? 0) > 0;
  }

  /** A service whose main process has ended, and that others may be left of. */
  private lookAtLeaving(): void {
    let look: Look | undefined;
    for (const [service, { phase, isStuck }] of this.state.services) {
      if (phase !== "leaving" && !isStuck) continue;
      look ??= this.owners.look();
      if (look && (this.owners.treeOf(service, look)?.length ?? 0) > 0) continue;
      this.handle({ type: "treeGone", now: this.surroundings.kernel.now(), service });
    }
  }

  private handle(event: ServiceEvent): void {
    this.queue.push(event);
    if (this.isHandling) return;
    this.isHandling = true;
    for (let first = this.queue.shift(); first; first = this.queue.shift()) {
      this.take(next(this.state, first));
      if (first.type === "mainPid") this.followMain(first.service);
    }
    this.isHandling = false;
  }

  /** The main process that a service has named is the one whose end is the service's. */
  private followMain(service: string): void {
    const pid = this.state.services.get(service)?.pid;
    if (pid === undefined) return;
    this.owners.mainIs(service, pid);
    this.watchers.mains.follow(service, pid);
  }

  /** One that another process reaps has ended: wait(2) tells its status to nobody else. */
  private mainGone(service: string, pid: number): void {
    this.owners.mainEnded(pid);
    this.surroundings.say(
      "info",
      `only the parent of ${service}'s main process ${pid} learns its code: it counts as 0`,
    );
    this.handleEnds([() => this.mainEnded(service, { pid, status: 0 })]);
  }

  private take({ state, actions }: { state: ServicesState; actions: readonly ServiceAction[] }): void {
    if (state.shutdown && !this.state.shutdown) this.shutdownAt = new Date();
    this.state = state;
    for (const action of actions) this.act(action);
  }

  private act(action: ServiceAction): void {
    const { kernel, say } = this.surroundings;
    switch (action.do) {
      case "start":
        this.start(action.service);
        return;
      case "signal":
        this.signalService(action.service, action.to, action.signal, action.value);
        return;
      case "beginCheck": {
        const { ready } = planned(this.state, action.service);
        if (ready && ready.by !== "notify" && ready.by !== "sdNotify")
          this.watchers.probes.begin(action.service, ready, kernel.now());
        return;
      }
      case "endCheck":
        this.watchers.probes.end(action.service);
        return;
      case "forgetStart":
        this.watchers.notifyPipes.close(action.service);
        return;
      case "giveUp":
        this.giveUp(action.service);
        return;
      case "tellSupervisor":
        tellRuntime(this.surroundings, action.what);
        return;
      case "send":
        this.sender.send(action.to, action.signal, action.value, undefined);
        return;
      case "kill":
        // With thousands left, PID 1's end is what kills them (pid_namespaces(7)).
        if (this.sender.killAll(undefined, this.observer))
          this.exit ??= this.state.ending?.code ?? 128 + SIGKILL;
        return;
      case "findHolders":
        if (kernel.hasChildren())
          sayHolders(
            {
              kernel,
              say,
              supervision: { service: "the last service" },
              context: { tokens: this.surroundings.context.tokens, pipes: [] },
            },
            action.only,
          );
        return;
      case "say":
        say(action.level, action.message);
        return;
      case "sayLeft":
        say("warn", action.message + waitedForInWords(this.owners.treeOf(action.service) ?? []));
        return;
      case "exit":
        this.exit ??= action.code;
    }
  }

  /** A start whose turn has come. A shutdown may have begun since it was decided. */
  private start(name: string): void {
    const { kernel, services, say } = this.surroundings;
    const { phase, pid, starts } = this.state.services.get(name) ?? {};
    const plan = services.find((service) => service.name === name);
    if (phase !== "starting" || pid !== undefined || !plan) return;
    const started = this.starter.start(plan, planned(this.state, name));
    const now = kernel.now();
    if ("pid" in started) {
      this.owners.started(name, started.pid);
      say("info", `started ${name}: it is pid ${started.pid}${starts === 1 ? "" : ` (start ${starts})`}`);
      this.handle({ type: "started", now, service: name, pid: started.pid });
      return;
    }
    if (this.state.code === undefined)
      this.observer?.endedOtherwise(`${name} could not be started: ${started.message}`);
    this.handle({ type: "startFailed", now, service: name, ...started });
  }

  private spawnCheck(name: string): number {
    const plan = this.surroundings.services.find((service) => service.name === name);
    return plan ? this.starter.startCheck(plan) : -1;
  }

  private signalService(name: string, to: ServiceTarget, signal: number, value: bigint | undefined): void {
    const { kernel } = this.surroundings;
    const pid = this.state.services.get(name)?.pid;
    if (to === "all") signalTree(this, name, pid, signal);
    else if (pid === undefined) return;
    else if (to === "group") this.sender.check(kernel.kill(-pid, signal), signal);
    else if (value === undefined) this.sender.check(kernel.kill(pid, signal), signal);
    else this.sender.check(kernel.queue(pid, signal, value), signal);
  }

  /** Before the shutdown nothing is given up where a request can start the service again. */
  private giveUp(name: string): void {
    const { services, supervision } = this.surroundings;
    if (!this.state.shutdown && supervision.control) return;
    this.watchers.notifications?.drop(name);
    const others = services.filter((other) => !isOver(this.state.services.get(other.name)));
    this.starter.closeUnused(name, others);
  }

  /** The doings that the control socket may ask for. */
  private get controlled(): Controlled {
    return {
      answerStatus: () => this.status(),
      revision: () => this.state,
      isHealthy: () => healthOf(this.state, (name) => this.watchers.textOf(name)),
      emit: (event) => this.handle(event),
      signal: (service, signal) => this.signalMain(service, signal),
    };
  }

  private status() {
    const { kernel, services } = this.surroundings;
    return statusOf(this.state, {
      now: kernel.now(),
      beganAt: this.beganAt,
      shutdownAt: this.shutdownAt,
      plans: services,
      textOf: (name) => this.watchers.textOf(name),
    });
  }

  private signalMain(service: string, signal: number): string | undefined {
    const pid = this.state.services.get(service)?.pid;
    if (pid === undefined) return `${service} has no process`;
    const sent = this.surroundings.kernel.kill(pid, signal);
    return sent < 0 ? errnoText(-sent) : undefined;
  }

  /** The last words; answers the code. */
  leave(code: number): number {
    this.watchers.logs?.flush(LAST_LINES_MS);
    this.cgroups?.remove();
    this.observer?.report(
      code,
      [...this.state.services.values()].some(({ pid }) => pid !== undefined),
    );
    return code;
  }
}
