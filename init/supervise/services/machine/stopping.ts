// One service's stop: its steps, how long each may take, and what is left when its main process has ended. Pure.

import type { ShutdownStep } from "../../../plan/plan.ts";
import { SIGABRT, SIGCONT, SIGKILL, SIGTERM } from "../../../sys/libc/constants.ts";
import { isFollowedByContinue } from "../../ending.ts";
import { durationInWords, stepTaken } from "../../words.ts";
import type { ServicesState, StopReason } from "./events.ts";
import { isAlive, planned, type Turn } from "./transitions.ts";

/** How long a service may take that says nothing about it, where no budget bounds the whole: as supervisord and dinit have it. */
const DEFAULT_STOP_MS = 10_000;

/** A service that SIGKILL does not end within this time hangs in the kernel: the others do not wait for it. */
const UNKILLABLE_MS = 2000;

/** Asks a running service to end. */
export function askToStop(turn: Turn, name: string, why: StopReason): void {
  const { phase, stop } = turn.of(name);
  if (phase === "leaving" || phase === "stopping") {
    // The steps that were begun go on; only what follows them changes.
    if (stop) turn.change(name, { stop: { ...stop, why } });
    return;
  }
  if (turn.of(name).pid === undefined) {
    // Its start has not been carried out yet, and is not carried out any more.
    if (why !== "restart")
      turn.change(name, { phase: "stopped", readyBy: undefined, isDown: why === "request" });
    if (why === "shutdown") turn.do({ do: "giveUp", service: name });
    return;
  }
  turn.do({ do: "endCheck", service: name });
  turn.change(name, {
    phase: "stopping",
    readyBy: undefined,
    watchdogAt: undefined,
    stop: { why, step: -1 },
  });
  takeStopStep(turn, name);
}

/** The steps in which a service is stopped; the last one is SIGKILL unless it may take for ever. */
function stepsOf(state: ServicesState, name: string, why: StopReason): readonly ShutdownStep[] {
  const { stop, signals } = planned(state, name);
  if (why === "watchdog") return [{ signal: SIGABRT, waitMs: stop?.[0]?.waitMs }];
  if (stop) return stop;
  const asked = state.shutdown?.signal ?? SIGTERM;
  const rewritten = signals.rewrite.get(asked) ?? asked;
  return [{ signal: rewritten === "ignore" ? SIGTERM : rewritten, waitMs: undefined }];
}

/** The next step: its signal, or SIGKILL to all of the service when no step is left. */
export function takeStopStep(turn: Turn, name: string): void {
  const { stop } = turn.of(name);
  if (!stop) return;
  const { state, now } = turn;
  const steps = stepsOf(state, name, stop.why);
  const index = stop.step + 1;
  const step = steps[index];
  if (!step || step.signal === SIGKILL) {
    killService(turn, name);
    return;
  }
  if (stop.step >= 0)
    turn.do({ do: "sayLeft", service: name, message: `${name} has not ended${stepInWords(turn, name)}` });
  const isLast = index === steps.length - 1;
  const isPatient = isLast && (step.isPatient || isLeftToTheEngine(state, stop.why));
  const waitMs = step.waitMs ?? (isPatient ? undefined : shareOf(state, name, now));
  turn.change(name, {
    stop: { ...stop, step: index, since: now, nextAt: waitMs === undefined ? undefined : now + waitMs },
  });
  turn.say("info", `stopping ${name} (${stop.why})`);
  send(turn, name, step.signal);
}

/** The engine alone waits for the end of the only service: where there is no budget, its deadline stands. */
function isLeftToTheEngine({ supervision, shutdown }: ServicesState, why: StopReason): boolean {
  return why === "shutdown" && supervision.services.length === 1 && shutdown?.budget === undefined;
}

/** ` 8 s after SIGQUIT (stop step 1 of 2)`, the step that was last taken; "" for one that ends by itself. */
function stepInWords({ state, now }: Turn, name: string): string {
  const { stop } = state.services.get(name) ?? {};
  if (!stop) return "";
  const taken = stepTaken(stepsOf(state, name, stop.why), stop.step, "stop");
  if (taken === undefined || stop.since === undefined) return "";
  return ` ${durationInWords(now - stop.since)} after ${taken}`;
}

function send(turn: Turn, name: string, signal: number): void {
  const { to } = planned(turn.state, name).signals;
  turn.do({ do: "signal", service: name, to, signal });
  if (isFollowedByContinue(signal)) turn.do({ do: "signal", service: name, to, signal: SIGCONT });
}

/** SIGKILL to every process of the service. */
export function killService(turn: Turn, name: string): void {
  const { stop } = turn.of(name);
  if (stop?.isKilled) {
    turn.say("warn", `${name} does not end, SIGKILL or not: the others do not wait for it`);
    turn.change(name, { phase: "failed", stop: undefined, pid: undefined, isStuck: true });
    return;
  }
  const nextAt = turn.now + UNKILLABLE_MS;
  const message = `${name} has not ended in time: SIGKILL${stepInWords(turn, name)}`;
  turn.change(name, {
    stop: { why: stop?.why ?? "shutdown", step: stop?.step ?? 0, nextAt, isKilled: true },
  });
  turn.do({ do: "sayLeft", service: name, message });
  turn.do({ do: "signal", service: name, to: "all", signal: SIGKILL });
}

/** The budget is used up, and everything gets SIGKILL: the step that the service was at is said, and no SIGKILL of its own follows. */
export function isKilledWithAll(turn: Turn, name: string): void {
  const { stop } = turn.of(name);
  if (!stop || stop.isKilled) return;
  const step = stepInWords(turn, name);
  if (step !== "") turn.do({ do: "sayLeft", service: name, message: `${name} has not ended${step}` });
  turn.change(name, { stop: { ...stop, nextAt: turn.now + UNKILLABLE_MS, isKilled: true } });
}

/** The main process has ended, and others of the service are left: SIGTERM, and SIGKILL when their time is over. */
export function endRest(turn: Turn, name: string): void {
  const { stop } = turn.of(name);
  const { state, now } = turn;
  const waitMs = Math.min(state.supervision.reaping.waitMs, shareOf(state, name, now));
  // Processes that got SIGKILL already are on their way.
  const nextAt = stop?.isKilled ? stop.nextAt : now + waitMs;
  turn.change(name, {
    phase: "leaving",
    pid: undefined,
    stop: {
      why: stop?.why ?? "rest",
      step: Number.MAX_SAFE_INTEGER,
      nextAt,
      isKilled: stop?.isKilled === true,
    },
  });
  if (stop?.isKilled) return;
  turn.do(
    { do: "signal", service: name, to: "all", signal: SIGTERM },
    { do: "signal", service: name, to: "all", signal: SIGCONT },
  );
}

/**
 * How long a service may take whose stop says nothing about it: with a budget, an equal share of what is left for it and
 * for the services that it needs, which are stopped after it.
 */
export function shareOf(state: ServicesState, name: string, now: number): number {
  const budget = state.shutdown?.budget;
  if (!budget) return DEFAULT_STOP_MS;
  const { levels, writtenMs } = chainBelow(state, name);
  return Math.max(0, (budget.killAt - now - writtenMs) / (levels + 1));
}

interface Chain {
  readonly levels: number;
  readonly writtenMs: number;
}

/** Of the chains of living services that this one needs: the most that have no wait of their own, and the longest written waits. */
function chainBelow(state: ServicesState, name: string, known = new Map<string, Chain>()): Chain {
  const before = known.get(name);
  if (before) return before;
  let most: Chain = { levels: 0, writtenMs: 0 };
  for (const other of planned(state, name).dependsOn.keys()) {
    const below = chainBelow(state, other, known);
    const found = state.services.get(other);
    const lives = found !== undefined && isAlive(found);
    const waitMs = planned(state, other).stop?.reduce((sum, step) => sum + (step.waitMs ?? 0), 0) ?? 0;
    most = {
      levels: Math.max(most.levels, below.levels + (lives && waitMs === 0 ? 1 : 0)),
      writtenMs: Math.max(most.writtenMs, below.writtenMs + (lives ? waitMs : 0)),
    };
  }
  known.set(name, most);
  return most;
}
