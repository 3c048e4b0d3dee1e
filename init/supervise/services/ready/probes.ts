// The checks that fdinit makes itself, for all services: TCP, HTTP, a command, a file. Each is tried at once, then after
// 10, 20, 40 … ms up to its period, so that a service that is ready after 30 ms is not found so only a period later. After
// the first success a check is over, and nothing wakes PID 1 up for it any more. The whole time a service has to become
// ready is counted by the state machine, which calls end().

import type { Kernel, Watched } from "../../../sys/kernel.ts";
import type { ServiceEvent } from "../machine/events.ts";
import type { Watcher } from "../watcher.ts";
import type { Attempt, Outcome, ProbeCheck } from "./attempt.ts";
import { attemptOf, boundOf } from "./attempts.ts";

const FIRST_PAUSE_MS = 10;

interface Probe {
  readonly service: string;
  readonly check: ProbeCheck;
  /** The try that goes on, when it was begun, and when its time is over. */
  attempt: Attempt | undefined;
  beganAt: number;
  boundAt: number;
  /** When the next try is due, while none goes on. */
  nextAt: number;
  pauseMs: number;
  /** Why the last try failed. */
  why: string | undefined;
}

export interface ProbeSurroundings {
  readonly kernel: Kernel;
  readonly emit: (event: ServiceEvent) => void;
  /** Starts the command of a service's exec check: its pid, or a negated errno. */
  readonly spawn: (service: string) => number;
}

export class Probes implements Watcher {
  private readonly surroundings: ProbeSurroundings;
  private readonly probes = new Map<string, Probe>();
  /** Commands that were killed because their check has ended, and that have not ended yet. */
  private readonly dying = new Set<number>();
  /** How often a reason has changed. */
  changes = 0;

  constructor(surroundings: ProbeSurroundings) {
    this.surroundings = surroundings;
  }

  /** Takes the place of a check of the same service that is not over. */
  begin(service: string, check: ProbeCheck, now: number): void {
    this.end(service);
    this.probes.set(service, {
      service,
      check,
      attempt: undefined,
      beganAt: now,
      boundAt: now,
      nextAt: now,
      pauseMs: FIRST_PAUSE_MS,
      why: undefined,
    });
  }

  end(service: string): void {
    const probe = this.probes.get(service);
    if (!probe) return;
    this.probes.delete(service);
    this.drop(probe);
  }

  /** Why the last try failed; undefined before there was one, and when the check is over. */
  why(service: string): string | undefined {
    return this.probes.get(service)?.why;
  }

  watched(): readonly Watched[] {
    const all: Watched[] = [];
    for (const { attempt } of this.probes.values()) {
      const one = attempt?.watched();
      if (one) all.push(one);
    }
    return all;
  }

  ready(fd: number, now: number): void {
    for (const probe of this.probes.values())
      if (probe.attempt?.watched()?.fd === fd) {
        this.settle(probe, probe.attempt.ready(), now);
        return;
      }
  }

  deadline(): number | undefined {
    let first: number | undefined;
    for (const probe of this.probes.values()) {
      const at = probe.attempt ? probe.boundAt : probe.nextAt;
      if (first === undefined || at < first) first = at;
    }
    return first;
  }

  time(now: number): void {
    for (const probe of [...this.probes.values()]) {
      if (probe.attempt && probe.boundAt <= now) {
        probe.boundAt = now + boundOf(probe.check);
        this.settle(probe, probe.attempt.late(), now);
      } else if (!probe.attempt && probe.nextAt <= now) this.try(probe, now);
    }
  }

  /** True when the process was a check's. */
  childEnded(pid: number, status: number, now: number): boolean {
    if (this.dying.delete(pid)) return true;
    for (const probe of this.probes.values())
      if (probe.attempt?.pid === pid) {
        this.settle(probe, probe.attempt.ended?.(status), now);
        return true;
      }
    return false;
  }

  /** Ends every check. */
  close(): void {
    for (const service of [...this.probes.keys()]) this.end(service);
  }

  private try(probe: Probe, now: number): void {
    const { kernel, spawn } = this.surroundings;
    const attempt = attemptOf(kernel, probe.check, () => spawn(probe.service));
    probe.attempt = attempt;
    probe.beganAt = now;
    probe.boundAt = now + boundOf(probe.check);
    this.settle(probe, attempt.start(), now);
  }

  private settle(probe: Probe, outcome: Outcome, now: number): void {
    if (outcome === undefined) return;
    this.drop(probe);
    if (outcome === true) {
      this.probes.delete(probe.service);
      this.surroundings.emit({ type: "ready", now, service: probe.service });
      return;
    }
    probe.why = outcome;
    this.changes++;
    probe.nextAt = Math.max(now, probe.beganAt + probe.pauseMs);
    probe.pauseMs = Math.min(2 * probe.pauseMs, Math.max(FIRST_PAUSE_MS, probe.check.periodMs));
  }

  private drop(probe: Probe): void {
    const { attempt } = probe;
    probe.attempt = undefined;
    if (!attempt) return;
    attempt.end();
    if (attempt.pid !== undefined) this.dying.add(attempt.pid);
  }
}
