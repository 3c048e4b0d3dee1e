// The pure half of supervising several services: what happened in, the next state and what to do out. No kernel, no clock,
// no output: times come with the events. docs/services.md has the table of states and events.

import type { ServicesSupervision } from "../../../plan/plan.ts";
import { SIGCHLD, SIGPIPE, SIGXFSZ } from "../../../sys/libc/constants.ts";
import { budgetOver, endingOver, endingSignal } from "../../ending.ts";
import type { Next } from "../../events.ts";
import { finish, mainEnded, restIsLeft, startFailed } from "./ends.ts";
import type { ServiceEvent, ServiceState, ServicesNext, ServicesState } from "./events.ts";
import { advanceStarts, becomeReady } from "./progress.ts";
import { request } from "./requests.ts";
import { advanceShutdown } from "./shutdown.ts";
import { deliver, receive } from "./signals.ts";
import { askToStop, endRest, isKilledWithAll, killService, takeStopStep } from "./stopping.ts";
import { isAlive, isOfEnding, isRunning, planned, Turn } from "./transitions.ts";

export function initialServices(self: number, supervision: ServicesSupervision): ServicesState {
  const services = new Map<string, ServiceState>();
  for (const { name, restart } of supervision.services)
    services.set(name, { phase: "waiting", backoffMs: restart.backoff.leastMs, times: [], starts: 0 });
  return { self, supervision, services, delayed: [], isReady: false };
}

/** The first starts: those of services that need no other. */
export function begin(state: ServicesState, now: number): ServicesNext {
  const turn = new Turn(state, now);
  advanceStarts(turn);
  advanceShutdown(turn);
  return turn.done;
}

/** The next state, and the actions that an event leads to. */
export function next(state: ServicesState, event: ServiceEvent): ServicesNext {
  const turn = new Turn(state, event.now);
  handle(turn, event);
  advanceStarts(turn);
  advanceShutdown(turn);
  return turn.done;
}

function handle(turn: Turn, event: ServiceEvent): void {
  switch (event.type) {
    case "signal": {
      const { signal, pid } = event.received;
      // Of fdinit's own making: a write to a broken standard error, or to a file at its size limit.
      const isOwn = (signal === SIGPIPE || signal === SIGXFSZ) && pid === turn.state.self;
      if (signal === SIGCHLD || isOwn) return;
      if (turn.state.ending) ending(turn, event.received.signal);
      else receive(turn, event.received);
      return;
    }
    case "settled":
      if (turn.state.ending) into(turn, endingOver(turn.state, turn.state.ending, event));
      return;
    case "time":
      timePassed(turn);
      return;
    default:
      ofService(turn, event);
  }
}

function ofService(turn: Turn, event: Extract<ServiceEvent, { service: string }>): void {
  const { service: name } = event;
  const before = turn.of(name);
  switch (event.type) {
    case "started":
      turn.change(name, { pid: event.pid });
      if (before.phase === "starting") {
        if (planned(turn.state, name).ready) turn.do({ do: "beginCheck", service: name });
        else becomeReady(turn, name);
      }
      return;
    case "startFailed":
      startFailed(turn, name, event.code, event.message);
      return;
    case "ended":
      if (before.isStuck) turn.change(name, { isStuck: false });
      if (!isAlive(before) || before.phase === "leaving") return;
      mainEnded(turn, event);
      if (event.leftBehind && turn.state.supervision.reaping.orphans === "terminate") {
        endRest(turn, name);
        restIsLeft(turn, name);
      } else finish(turn, name);
      return;
    case "treeGone":
      if (before.isStuck) turn.change(name, { isStuck: false });
      if (before.phase === "leaving") finish(turn, name);
      return;
    case "ready":
      becomeReady(turn, name);
      return;
    case "stopping":
      // It ends by itself, which is an end as any other.
      if (isRunning(before)) turn.change(name, { readyBy: undefined, watchdogAt: undefined });
      return;
    case "reloading":
      if (before.phase === "ready") turn.change(name, { phase: "starting", readyAt: undefined });
      return;
    case "watchdog":
      if (!isRunning(before)) return;
      if (event.isFailure) askToStop(turn, name, "watchdog");
      else if (before.watchdogAt !== undefined) {
        const { watchdogMs = planned(turn.state, name).watchdogMs ?? 0 } = before;
        turn.change(name, { watchdogAt: event.now + watchdogMs });
      }
      return;
    case "watchdogPeriod":
      if (!isRunning(before) || planned(turn.state, name).watchdogMs === undefined) return;
      turn.change(name, { watchdogMs: event.ms, watchdogAt: event.now + event.ms });
      return;
    case "extend":
      extend(turn, name, event.now + event.ms);
      return;
    case "mainPid":
      if (isRunning(before)) turn.change(name, { pid: event.pid });
      return;
    case "request":
      request(turn, name, event.request);
  }
}

/** EXTEND_TIMEOUT_USEC moves a deadline that runs, and never to an earlier moment, nor beyond the budget. */
function extend(turn: Turn, name: string, until: number): void {
  const { readyBy, stop } = turn.of(name);
  if (readyBy !== undefined) turn.change(name, { readyBy: Math.max(readyBy, until) });
  if (stop?.nextAt === undefined || stop.isKilled) return;
  const most = turn.state.shutdown?.budget?.killAt ?? until;
  turn.change(name, { stop: { ...stop, nextAt: Math.max(stop.nextAt, Math.min(until, most)) } });
}

/** When the next "time" event is due; undefined while nothing is. */
export function deadline(state: ServicesState): number | undefined {
  let earliest: number | undefined;
  const consider = (at: number | undefined) => {
    if (at !== undefined && (earliest === undefined || at < earliest)) earliest = at;
  };
  for (const { restartAt, readyBy, watchdogAt, stop } of state.services.values()) {
    consider(restartAt);
    consider(readyBy);
    consider(watchdogAt);
    consider(stop?.nextAt);
  }
  for (const { at } of state.delayed) consider(at);
  const budget = state.shutdown?.budget;
  consider(budget?.isUsedUp ? budget.endAt : budget?.killAt);
  consider(state.ending?.nextAt);
  return earliest;
}

/** All that is due at `now`; what follows from it comes with the next event. */
function timePassed(turn: Turn): void {
  const { now, state } = turn;
  const isDue = (at: number | undefined) => at !== undefined && at <= now;
  const budget = state.shutdown?.budget;
  if (budget && isDue(budget.isUsedUp ? budget.endAt : budget.killAt)) {
    const { state: after, actions } = budgetOver(state, budget);
    const [why, ...others] = actions;
    into(turn, { state: after, actions: why ? [why] : [] });
    if (!budget.isUsedUp) for (const name of state.services.keys()) isKilledWithAll(turn, name);
    into(turn, { state: turn.state, actions: others });
    return;
  }
  for (const held of state.delayed.filter(({ at }) => isDue(at))) {
    turn.state = { ...turn.state, delayed: turn.state.delayed.filter((other) => other !== held) };
    deliver(turn, held);
  }
  for (const name of state.services.keys()) {
    const { restartAt, readyBy, watchdogAt, stop, times } = turn.of(name);
    if (isDue(restartAt))
      turn.change(name, { phase: "waiting", restartAt: undefined, times: [...times, now] });
    if (isDue(readyBy)) {
      turn.say("warn", `${name} is not ready in time (ready.timeout): it is stopped`);
      askToStop(turn, name, "notReady");
    } else if (isDue(watchdogAt)) {
      turn.say("warn", `${name} has not sent WATCHDOG=1 in time: SIGABRT`);
      askToStop(turn, name, "watchdog");
    } else if (stop && isDue(stop.nextAt)) {
      if (stop.isKilled || turn.of(name).phase === "leaving") killService(turn, name);
      else takeStopStep(turn, name);
    }
  }
  if (state.ending && isDue(state.ending.nextAt))
    into(turn, endingOver(turn.state, state.ending, { type: "time", now }));
}

function ending(turn: Turn, signal: number): void {
  const { ending: phase, supervision } = turn.state;
  if (phase && supervision.shutdown.on.includes(signal))
    into(turn, endingSignal(turn.state, phase, turn.now));
}

/** Takes over what ending.ts answers. */
function into(turn: Turn, { state, actions }: Next<ServicesState>): void {
  turn.state = state;
  for (const action of actions) if (isOfEnding(action)) turn.do(action);
}
