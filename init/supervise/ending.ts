// The end of the container, from the service's last end to fdinit's: what happens to the processes that are
// left. Pure, a part of state.ts. The exit code is decided when this end begins, and nothing changes it afterwards.

import { SIGCONT, SIGKILL, SIGSTOP, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU } from "../sys/libc/constants.ts";
import type { Action, Budget, Ending, EndingState, Event, Next, State, Target } from "./events.ts";

/** A process that SIGKILL does not end within this time hangs in the kernel. */
const UNKILLABLE_MS = 2000;

export function endService(state: State, code: number): Next {
  return beginEnding({ ...state, service: undefined }, code);
}

/** No service runs any more: the exit code is decided. */
export function beginEnding<S extends EndingState>(state: S, code: number): Next<S> {
  const { reaping } = state.supervision;
  const ending: Ending = { code: mapped(state, code), phase: "begun" };
  const after: S = { ...state, ending };
  // When fdinit is PID 1, the kernel ends what is left. When it is not, processes that are left live on and may hold pipes open.
  if (reaping.orphans === "leave")
    return {
      state: after,
      actions: [...(state.self === 1 ? [] : [FIND_HOLDERS]), { do: "exit", code: ending.code }],
    };
  return { state: after, actions: [] };
}

function mapped({ supervision }: EndingState, code: number): number {
  return supervision.exitMap.get(code) ?? code;
}

const FIND_HOLDERS: Action = { do: "findHolders" };

/** The next phase of the end: when no child is left, or when the phase's time is over. */
export function endingOver<S extends EndingState>(
  state: S,
  ending: Ending,
  event: Extract<Event, { type: "settled" | "time" }>,
): Next<S> {
  const { now } = event;
  if (event.type === "settled") {
    if (!event.childrenLeft) return { state, actions: [{ do: "exit", code: ending.code }] };
    if (ending.phase !== "begun") return { state, actions: [] };
    return handleOrphans(state, ending, now);
  }
  if (ending.nextAt === undefined || ending.nextAt > now) return { state, actions: [] };
  if (ending.phase === "killing") return { state, actions: [{ do: "exit", code: ending.code }] };
  return kill(state, ending, now);
}

function handleOrphans<S extends EndingState>(state: S, ending: Ending, now: number): Next<S> {
  if (state.shutdown?.budget?.isUsedUp) return kill(state, ending, now);
  if (state.supervision.reaping.orphans === "terminate") {
    const { state: after, actions } = terminate(state, ending, now);
    // A process that shares the standard streams gets SIGTERM in this same step, so a warning about it would be noise.
    // Holders of tokens and pipes are named all the same.
    return { state: after, actions: [{ do: "findHolders", only: "given" }, ...actions] };
  }
  return { state: { ...state, ending: { ...ending, phase: "waiting" } }, actions: [FIND_HOLDERS] };
}

/** A second shutdown signal while fdinit only waits for orphans: now the orphans get SIGTERM too. */
export function endingSignal<S extends EndingState>(state: S, ending: Ending, now: number): Next<S> {
  return ending.phase === "waiting" ? terminate(state, ending, now) : { state, actions: [] };
}

/** A shutdown step after the program has ended: its signal goes to everything that is left. */
export function endingStep(state: State, ending: Ending, signal: number, now: number): Next {
  if (signal === SIGKILL) return kill(state, ending, now);
  return { state, actions: sendAndContinue("all", signal) };
}

/**
 * The budget is used up. The first time everything gets SIGKILL; the second time fdinit ends. `step`: the step of the
 * shutdown that was last taken, in words.
 */
export function budgetOver<S extends EndingState>(state: S, budget: Budget, step?: string): Next<S> {
  const { ending, shutdown } = state;
  if (budget.isUsedUp)
    return {
      state,
      actions: [{ do: "exit", code: ending?.code ?? mapped(state, state.code ?? 128 + SIGKILL) }],
    };
  const used = { ...shutdown, nextAt: undefined, budget: { ...budget, isUsedUp: true } };
  const after: S = { ...state, shutdown: used };
  const message = `the shutdown budget is used up${step === undefined ? "" : `; the last step was ${step}`}`;
  const why: Action = { do: "say", level: "warn", message };
  const killed = ending
    ? kill(after, ending, budget.killAt)
    : { state: after, actions: [{ do: "kill" as const }] };
  return { state: killed.state, actions: [why, ...killed.actions] };
}

function terminate<S extends EndingState>(state: S, ending: Ending, now: number): Next<S> {
  const nextAt = now + state.supervision.reaping.waitMs;
  return {
    state: { ...state, ending: { ...ending, phase: "terminating", nextAt } },
    actions: sendAndContinue("all", SIGTERM),
  };
}

function kill<S extends EndingState>(state: S, ending: Ending, now: number): Next<S> {
  const nextAt = now + UNKILLABLE_MS;
  return { state: { ...state, ending: { ...ending, phase: "killing", nextAt } }, actions: [{ do: "kill" }] };
}

/** Signals that no SIGCONT follows: a SIGCONT would undo a stop signal, and is of no use behind SIGKILL. */
const NOT_CONTINUED = [SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT];

/** Whether a SIGCONT goes after the signal, for processes that are stopped. */
export function isFollowedByContinue(signal: number): boolean {
  return !NOT_CONTINUED.includes(signal);
}

/** A stopped process handles a signal only after SIGCONT. fdinit does not know which processes are stopped, and a SIGCONT to a running one does no harm. */
export function sendAndContinue(to: Target, signal: number): readonly Action[] {
  const sent: Action = { do: "send", to, signal };
  return isFollowedByContinue(signal) ? [sent, { do: "send", to, signal: SIGCONT }] : [sent];
}
