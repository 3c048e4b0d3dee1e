// The pure half of supervision: what happened in, the next state and what to do out. No kernel, no clock,
// no output: times come with the events, in milliseconds of one monotonic clock.
//
// A service runs, is started again, or has ended for good; from then on the container ends (ending.ts).

import type { Supervision } from "../plan/plan.ts";
import type { ReceivedSignal } from "../sys/kernel.ts";
import {
  SI_KERNEL,
  SIGCHLD,
  SIGCONT,
  SIGINT,
  SIGKILL,
  SIGPIPE,
  SIGQUIT,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
  SIGWINCH,
  SIGXFSZ,
} from "../sys/libc/constants.ts";
import { signalName } from "../sys/signals/signal-names.ts";
import { budgetFrom } from "./budget.ts";
import { budgetOver, endingOver, endingSignal, endingStep, endService, sendAndContinue } from "./ending.ts";
import type { Action, DelayedSignal, Event, Next, State, Target } from "./events.ts";
import { exitCode } from "./exit-code.ts";
import { codeInWords, durationInWords, stepTaken } from "./words.ts";

/** Before the first start, which "started" or "startFailed" tells of. */
export function initialState(self: number, supervision: Supervision): State {
  const { leastMs } = supervision.restart.backoff;
  return {
    self,
    supervision,
    service: undefined,
    delayed: [],
    restart: { backoffMs: leastMs, times: [], code: 0 },
  };
}

const NOTHING: readonly Action[] = [];

/** The signals by which a terminal stops a job. SIGSTOP is not among them: its sender continues the process it stopped, and would not continue fdinit. */
const JOB_CONTROL = [SIGTSTP, SIGTTIN, SIGTTOU];

/** The signals that stop a process that uses a terminal from the background. */
const WANTS_TERMINAL = [SIGTTIN, SIGTTOU];

/**
 * The signals that the kernel sends to a whole process group because of a terminal. SIGHUP and SIGCONT of a hang-up
 * go to the session's leader alone. SIGALRM, SIGIO and others have SI_KERNEL too, and no terminal sends those.
 */
const TO_WHOLE_GROUP = [SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH];

/** The next state, and the actions that an event leads to. */
export function next(state: State, event: Event): Next {
  switch (event.type) {
    case "signal":
      return isForOthers(state, event)
        ? receive(state, event.received, event.now)
        : { state, actions: NOTHING };
    case "serviceEnded": {
      const what = `${state.supervision.service} ${codeInWords(event.status)} and`;
      return serviceEnded(state, exitCode(event.status), what, event.now);
    }
    case "startFailed":
      return serviceEnded(state, event.code, `${event.message}; ${state.supervision.service}`, event.now);
    case "started":
      return { state: { ...state, service: { pid: event.pid, startedAt: event.now } }, actions: NOTHING };
    case "serviceStopped":
      return serviceStopped(state, event.signal);
    case "settled":
      return state.ending ? endingOver(state, state.ending, event) : { state, actions: NOTHING };
    case "time":
      return timePassed(state, event.now);
  }
}

/** When the next "time" event is due; undefined while nothing is. */
export function deadline(state: State): number | undefined {
  const { delayed, restart, shutdown, ending } = state;
  if (delayed.length === 0 && restart.at === undefined && !shutdown && !ending) return undefined;
  const budget = shutdown?.budget;
  const times = [
    restart.at,
    shutdown?.nextAt,
    budget?.isUsedUp ? budget.endAt : budget?.killAt,
    ending?.nextAt,
  ];
  for (const { at } of delayed) times.push(at);
  let earliest: number | undefined;
  for (const at of times) if (at !== undefined) earliest = Math.min(at, earliest ?? at);
  return earliest;
}

export function say(level: "warn" | "info", message: string): Action {
  return { do: "say", level, message };
}

function isForOthers(
  { self, service }: State,
  { received, sharesProcessGroup }: Extract<Event, { type: "signal" }>,
): boolean {
  const { signal, code, pid } = received;
  if (signal === SIGCHLD) return false;
  // Of fdinit's own making: a write to a broken standard error, or to a file at its size limit.
  if ((signal === SIGPIPE || signal === SIGXFSZ) && pid === self) return false;
  const hasIt = sharesProcessGroup && code === SI_KERNEL && TO_WHOLE_GROUP.includes(signal);
  return !(service && hasIt);
}

function serviceStopped(state: State, signal: number): Next {
  const { service, supervision } = state;
  if (!service) return { state, actions: NOTHING };
  const stopped: State = { ...state, service: { ...service, isStopped: true } };
  // Once is enough: the same SIGCONT wakes both.
  if (!JOB_CONTROL.includes(signal) || state.isSuspended) return { state: stopped, actions: NOTHING };
  const isLent = supervision.isJob && WANTS_TERMINAL.includes(signal);
  return { state: stopped, actions: [isLent ? { do: "lendTerminal" } : { do: "stopSelf" }] };
}

function receive(state: State, { signal, value }: ReceivedSignal, now: number): Next {
  const delay = state.supervision.signals.delayMs.get(signal);
  // Between two starts no program runs, so there is nothing to delay the signal for.
  const isPointless = !state.service && beginsShutdown(state.supervision, signal);
  if (delay === undefined || delay === 0 || isPointless)
    return deliver(state, { at: now, since: now, signal, value });
  // As the kernel does with a signal that is pending already: one is enough.
  if (state.delayed.some((other) => other.signal === signal)) return { state, actions: NOTHING };
  const held = { at: now + delay, since: now, signal, value };
  const message = `${signalName(signal)} is held back for ${durationInWords(delay)} (signals.delay)`;
  return { state: { ...state, delayed: [...state.delayed, held] }, actions: [say("info", message)] };
}

function deliver(state: State, received: DelayedSignal): Next {
  const { at, signal, value } = received;
  const isShutdown = beginsShutdown(state.supervision, signal);
  if (state.ending) return isShutdown ? endingSignal(state, state.ending, at) : { state, actions: NOTHING };
  if (isShutdown) return shutDown(state, received);
  const { forward, suspendOn } = state.supervision.signals;
  const isForwarded = forward === "all" || forward.includes(signal);
  const actions = isForwarded ? pass(state, signal, value) : NOTHING;
  if (suspendOn?.includes(signal))
    return { state: { ...state, isSuspended: true }, actions: [...actions, { do: "stopSelf" }] };
  const isOver = signal === SIGCONT && state.isSuspended === true;
  return { state: isOver ? { ...state, isSuspended: false } : state, actions };
}

/**
 * Whether a signal begins the shutdown. A policy without `shutdown.steps` has one step: the signal is sent on. When
 * `signals.rewrite` ignores that signal, nothing would be sent, so no shutdown begins. Example: `on: [SIGTERM]`, no
 * steps, `rewrite: { SIGTERM: ignore }`.
 */
function beginsShutdown({ shutdown, signals }: Supervision, signal: number): boolean {
  const isNothing = shutdown.steps.length === 0 && signals.rewrite.get(signal) === "ignore";
  return shutdown.on.includes(signal) && !isNothing;
}

/** The signal as `signals.rewrite` has it, to whom `signals.to` says. */
function pass({ service, supervision }: State, signal: number, value: bigint | undefined): readonly Action[] {
  const { signals, hasTerminal } = supervision;
  const rewritten = signals.rewrite.get(signal) ?? signal;
  if (rewritten === "ignore" || !service) return NOTHING;
  const to = targetOf(supervision, service.pid);
  const sent: Action =
    value === undefined
      ? { do: "send", to, signal: rewritten }
      : { do: "send", to, signal: rewritten, value };
  // A shell's fg gives the terminal to fdinit's group, which hands it on.
  return rewritten === SIGCONT && hasTerminal ? [{ do: "foreground" }, sent] : [sent];
}

function targetOf({ signals: { to }, hasOwnGroup }: Supervision, pid: number): Target {
  if (to === "all") return "all";
  return to === "group" && hasOwnGroup ? { group: pid } : { process: pid };
}

function shutDown(state: State, { at: now, since, signal, value }: DelayedSignal): Next {
  const { steps, budgetMs } = state.supervision.shutdown;
  if (state.shutdown) {
    const again = steps.length === 0 ? [...pass(state, signal, value), ...continuing(state)] : NOTHING;
    return { state, actions: again };
  }
  const begun: State = { ...state, delayed: [], shutdown: { step: -1, ...budgetFrom(since, now, budgetMs) } };
  const why = say("info", `shutting down because of ${signalName(signal)}`);
  // No program runs: fdinit is between two starts, or the service is stopped for good. So the end begins at once.
  if (!begun.service) return withBefore([why], endService(withoutRestart(begun), state.restart.code));
  if (steps.length === 0)
    return { state: begun, actions: [why, ...pass(begun, signal, value), ...continuing(begun)] };
  return withBefore([why], takeStep(begun, 0, now));
}

/** A SIGCONT for a program that was seen to stop, which handles SIGTERM only after it. */
function continuing({ service, supervision }: State): readonly Action[] {
  if (!service?.isStopped) return NOTHING;
  return [{ do: "send", to: targetOf(supervision, service.pid), signal: SIGCONT }];
}

function withoutRestart(state: State): State {
  const { at: _at, ...restart } = state.restart;
  return { ...state, restart };
}

function withBefore(before: readonly Action[], { state, actions }: Next): Next {
  return { state, actions: [...before, ...actions] };
}

function takeStep(state: State, index: number, now: number): Next {
  const { shutdown, supervision, service } = state;
  const step = supervision.shutdown.steps[index];
  const { nextAt: _before, ...rest } = shutdown ?? { step: -1 };
  if (!step) return { state: { ...state, shutdown: rest }, actions: NOTHING };
  const { signal, waitMs } = step;
  const taken = { ...rest, step: index, ...(waitMs === undefined ? {} : { nextAt: now + waitMs }) };
  const after: State = { ...state, shutdown: taken };
  // The program has ended and others have not: from here on the steps are about them.
  if (state.ending) return endingStep(after, state.ending, signal, now);
  if (signal === SIGKILL) return { state: after, actions: [{ do: "kill" }] };
  if (!service) return { state: after, actions: NOTHING };
  return { state: after, actions: sendAndContinue(targetOf(supervision, service.pid), signal) };
}

/** The wait of a step has passed, and another step follows. A step of SIGKILL names by itself what is left. */
function waited(state: State, index: number): readonly Action[] {
  const { steps } = state.supervision.shutdown;
  const { waitMs = 0 } = steps[index] ?? {};
  if (waitMs === 0 || !steps[index + 1]) return NOTHING;
  const message = `not everything has ended ${durationInWords(waitMs)} after ${stepTaken(steps, index, "shutdown")}`;
  return [steps[index + 1]?.signal === SIGKILL ? say("warn", message) : { do: "sayLeft", message }];
}

function serviceEnded(state: State, code: number, what: string, now: number): Next {
  const { supervision, restart, service } = state;
  const ranMs = service ? now - service.startedAt : 0;
  const ended: State = { ...state, service: undefined, restart: { ...restart, code } };
  const { policy, backoff, limit, onLimit } = supervision.restart;
  // A shutdown that is only held back (signals.delay) has been asked for all the same.
  const isAsked =
    state.shutdown !== undefined || state.delayed.some(({ signal }) => beginsShutdown(supervision, signal));
  const isOver = isAsked || policy === "never" || (policy === "onFailure" && code === 0);
  if (isOver) return withBefore(farewell(state), endService(ended, code));
  const times = restart.times.filter((time) => time > now - limit.withinMs);
  if (times.length >= limit.count) {
    const often = `${limit.count} restarts within ${durationInWords(limit.withinMs)} are the limit`;
    const message = `${what} is not started again: ${often}`;
    const given = { ...ended, restart: { ...ended.restart, times } };
    if (onLimit === "exit") return withBefore([say("warn", message)], endService(given, code));
    return { state: given, actions: [say("warn", `${message}; it stays stopped`), { do: "findHolders" }] };
  }
  // A service that has run for long begins with the shortest pause again.
  const pauseMs = ranMs >= limit.withinMs ? backoff.leastMs : restart.backoffMs;
  const message = `${what} is started again in ${durationInWords(pauseMs)}`;
  return {
    state: {
      ...ended,
      restart: { at: now + pauseMs, backoffMs: Math.min(2 * pauseMs, backoff.mostMs), times, code },
    },
    actions: [say("warn", message), { do: "findHolders" }],
  };
}

/** The signal to processes that the ended service leaves behind in its process group. */
function farewell({ service, supervision }: State): readonly Action[] {
  const { farewell: signal } = supervision.signals;
  if (signal === undefined || !service || !supervision.hasOwnGroup) return NOTHING;
  return [{ do: "send", to: { group: service.pid }, signal }];
}

/** The first thing that is due at `now`; the event comes again while another is. */
function timePassed(state: State, now: number): Next {
  const isDue = (at: number | undefined) => at !== undefined && at <= now;
  const due = state.delayed.find(({ at }) => isDue(at));
  if (due) {
    const left = { ...state, delayed: state.delayed.filter((other) => other !== due) };
    return deliver(left, { ...due, at: now });
  }
  if (isDue(state.restart.at)) {
    const { restart } = withoutRestart(state);
    const started = { ...state, restart: { ...restart, times: [...restart.times, now] } };
    return { state: started, actions: [{ do: "start" }] };
  }
  const { shutdown, ending } = state;
  const budget = shutdown?.budget;
  if (budget && isDue(budget.isUsedUp ? budget.endAt : budget.killAt))
    return budgetOver(state, budget, stepTaken(state.supervision.shutdown.steps, shutdown.step, "shutdown"));
  if (shutdown && isDue(shutdown.nextAt))
    return withBefore(waited(state, shutdown.step), takeStep(state, shutdown.step + 1, now));
  return ending ? endingOver(state, ending, { type: "time", now }) : { state, actions: NOTHING };
}
