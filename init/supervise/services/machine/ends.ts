// A service has ended: whether it is started again, what its end means for the container, and the code that counts. Pure.

import type { SupervisedService } from "../../../plan/plan.ts";
import { exitCode } from "../../exit-code.ts";
import { codeInWords, durationInWords } from "../../words.ts";
import type { ServiceEvent, ServiceState, Stop, StopReason } from "./events.ts";
import { beginShutdown } from "./shutdown.ts";
import { planned, type Turn } from "./transitions.ts";

/** A service that was not ready in time, as timeout(1) ends. */
const EXIT_NOT_READY = 124;
/** A service that its watchdog found stuck: killed by SIGABRT, even if it ended in another way. */
const EXIT_WATCHDOG = 134;

type Ended = Extract<ServiceEvent, { type: "ended" }>;

/** The main process has ended. `endRest` sees to the others, and finish() follows when they are gone. */
export function mainEnded(turn: Turn, { service: name, status }: Ended): void {
  const before = turn.of(name);
  turn.do({ do: "endCheck", service: name });
  turn.change(name, {
    pid: undefined,
    readyBy: undefined,
    watchdogAt: undefined,
    code: codeOf(before, status),
    lastStatus: status,
    lastEndAt: turn.now,
  });
}

function codeOf({ stop }: ServiceState, status: number): number {
  const code = exitCode(status);
  if (stop?.why === "notReady") return EXIT_NOT_READY;
  return stop?.why === "watchdog" && code === 0 ? EXIT_WATCHDOG : code;
}

/** A oneshot that has ended with code 0, and was not asked to by a person, its readiness or its watchdog. */
function isCompletion(type: SupervisedService["type"], code: number, stop: Stop | undefined): boolean {
  return type === "oneshot" && code === 0 && (!stop || stop.why === "shutdown" || stop.why === "rest");
}

/**
 * The main process of a service has ended, and the rest of it has time to end. Where this end is the container's, the others are
 * asked to end now, and its code counts, whatever ends until the rest is gone.
 */
export function restIsLeft(turn: Turn, name: string): void {
  const { stop, code = 0, times } = turn.of(name);
  if (turn.state.shutdown || stop?.why === "request" || stop?.why === "restart") return;
  const { type, essential, restart } = planned(turn.state, name);
  const { policy, limit, onLimit } = restart;
  const isOver = policy === "never" || (policy === "onFailure" && code === 0);
  const isAtLimit = times.filter((time) => time > turn.now - limit.withinMs).length >= limit.count;
  const ends = isOver || isCompletion(type, code, stop) ? essential : isAtLimit && onLimit === "exit";
  if (ends) endContainer(turn, code, `${name} ${wordsOf(turn.of(name))}, which ends the container`);
}

/** No process of the service is left. `words`: how it ended, where no status of wait(2) tells. */
export function finish(turn: Turn, name: string, words?: string): void {
  const { stop, code = 0, startedAt } = turn.of(name);
  const { type, essential } = planned(turn.state, name);
  const isComplete = isCompletion(type, code, stop);
  turn.do({ do: "forgetStart", service: name });
  turn.change(name, { stop: undefined, pid: undefined });
  if (turn.state.shutdown) {
    turn.change(name, { phase: isComplete ? "completed" : "stopped" });
    if (essential && turn.state.code === undefined) decideCode(turn, code);
    turn.do({ do: "giveUp", service: name });
    return;
  }
  if (stop?.why === "request") {
    turn.change(name, { phase: "stopped", isDown: true });
    return;
  }
  if (stop?.why === "restart") {
    turn.change(name, { phase: "waiting" });
    return;
  }
  const said = words ?? wordsOf(turn.of(name));
  if (isComplete) {
    turn.change(name, { phase: "completed" });
    turn.say("info", `${name} is completed`);
    turn.do({ do: "giveUp", service: name });
    if (essential) endContainer(turn, code, `${name} is completed, which ends the container (essential)`);
    return;
  }
  const what = `${name} ${failedInWords(stop) ?? said}`;
  startAgainOrNot(turn, name, { code, what, ranMs: turn.now - (startedAt ?? turn.now) });
}

/** How a service has failed that fdinit itself has ended. */
const FAILED: Partial<Record<StopReason, string>> = {
  notReady: "was not ready in time",
  watchdog: "did not answer its watchdog",
};

/** Why fdinit has ended a service that was to run; undefined for one that ended otherwise. */
export function failedInWords(stop: Stop | undefined): string | undefined {
  return stop && FAILED[stop.why];
}

function wordsOf({ lastStatus }: ServiceState): string {
  return lastStatus === undefined ? "has ended" : codeInWords(lastStatus);
}

interface End {
  readonly code: number;
  /** `web exited with code 3` */
  readonly what: string;
  readonly ranMs: number;
}

function startAgainOrNot(turn: Turn, name: string, { code, what, ranMs }: End): void {
  const { state, now } = turn;
  const { restart, essential } = planned(state, name);
  const { policy, backoff, limit, onLimit, jitter = 0 } = restart;
  const { times, backoffMs, starts } = turn.of(name);
  if (policy === "never" || (policy === "onFailure" && code === 0)) {
    overForGood(turn, name, { code, what, ranMs }, essential);
    return;
  }
  const recent = times.filter((time) => time > now - limit.withinMs);
  if (recent.length >= limit.count) {
    const often = `${limit.count} restarts within ${durationInWords(limit.withinMs)} are the limit`;
    turn.change(name, { times: recent });
    overForGood(
      turn,
      name,
      { code, what: `${what} and is not started again: ${often}`, ranMs },
      onLimit === "exit",
    );
    return;
  }
  // A service that has run for long begins with the shortest pause again.
  const pauseMs = ranMs >= limit.withinMs ? backoff.leastMs : backoffMs;
  const index = state.supervision.services.findIndex((other) => other.name === name);
  const waitMs = Math.round(pauseMs * (1 + jitter * spread(index, starts)));
  turn.change(name, {
    phase: "backoff",
    restartAt: now + waitMs,
    backoffMs: Math.min(2 * pauseMs, backoff.mostMs),
    times: recent,
  });
  turn.say("warn", `${what} and is started again in ${durationInWords(waitMs)}`);
}

/**
 * A share from 0 to 1 that differs between services, and from one start to the next: the golden ratio's multiples keep their
 * distance from each other. Pure, where a random number would not be.
 */
function spread(index: number, starts: number): number {
  return ((index + 1) * 0.6180339887 + starts * 0.3819660113) % 1;
}

/** It is not started again. `endsContainer`: its end is the container's. */
function overForGood(turn: Turn, name: string, { code, what }: End, endsContainer: boolean): void {
  turn.change(name, { phase: code === 0 ? "stopped" : "failed" });
  if (endsContainer) {
    endContainer(turn, code, `${what}, which ends the container`);
    return;
  }
  if (code !== 0 && turn.state.failure === undefined) turn.state = { ...turn.state, failure: code };
  turn.say(code === 0 ? "info" : "warn", `${what} and stays ended; the container goes on`);
  turn.do({ do: "giveUp", service: name });
}

/** The first reason is the truth: a later one changes nothing. */
export function endContainer(turn: Turn, code: number, message: string): void {
  if (turn.state.shutdown) return;
  turn.say("warn", message);
  decideCode(turn, code);
  beginShutdown(turn, undefined, turn.now);
}

export function decideCode(turn: Turn, code: number): void {
  turn.state = { ...turn.state, code };
}

/** A start that made no process. */
export function startFailed(turn: Turn, name: string, code: number, message: string): void {
  turn.change(name, { code, pid: undefined, lastStatus: undefined, lastEndAt: turn.now });
  const { stop } = turn.of(name);
  if (stop) turn.change(name, { stop: undefined });
  turn.do({ do: "endCheck", service: name });
  finish(turn, name, `could not be started: ${message}`);
}
