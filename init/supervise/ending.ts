// The end of the container, from the service's last end to fdinit's: what happens to the processes that are
// left. Pure, a part of state.ts. The exit code is decided when it begins, and nothing changes it.

import { SIGCONT, SIGKILL, SIGSTOP, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU } from "../sys/constants.ts";
import type { Action, Budget, Ending, Event, Next, State, Target } from "./events.ts";

/** A process that SIGKILL does not end within this time hangs in the kernel. */
const UNKILLABLE_MS = 2000;

export function endService(state: State, code: number): Next {
  const { reaping } = state.supervision;
  const ending: Ending = { code: mapped(state, code), phase: "begun" };
  const after: State = { ...state, service: undefined, ending };
  // As PID 1, what is left goes with fdinit; below it, it lives on, and may hold on to pipes.
  if (reaping.orphans === "leave")
    return {
      state: after,
      actions: [...(state.self === 1 ? [] : [FIND_HOLDERS]), { do: "exit", code: ending.code }],
    };
  return { state: after, actions: [] };
}

function mapped({ supervision }: State, code: number): number {
  return supervision.exitMap.get(code) ?? code;
}

const FIND_HOLDERS: Action = { do: "findHolders" };

/** Looked at again: when no child is left, or when a phase has taken its time. */
export function endingOver(
  state: State,
  ending: Ending,
  event: Extract<Event, { type: "settled" | "time" }>,
): Next {
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

function handleOrphans(state: State, ending: Ending, now: number): Next {
  if (state.shutdown?.budget?.isUsedUp) return kill(state, ending, now);
  if (state.supervision.reaping.orphans === "terminate") {
    const { state: after, actions } = terminate(state, ending, now);
    // A process that shares the standard streams gets SIGTERM in this same step, so a warning about it would be noise.
    // Holders of tokens and pipes are named all the same.
    return { state: after, actions: [{ do: "findHolders", only: "given" }, ...actions] };
  }
  return { state: { ...state, ending: { ...ending, phase: "waiting" } }, actions: [FIND_HOLDERS] };
}

/** Asked again to end while it only waits for orphans: now they are asked too. */
export function endingSignal(state: State, ending: Ending, now: number): Next {
  return ending.phase === "waiting" ? terminate(state, ending, now) : { state, actions: [] };
}

/** A step of the shutdown that came after the program had ended: for everything that is left. */
export function endingStep(state: State, ending: Ending, signal: number, now: number): Next {
  if (signal === SIGKILL) return kill(state, ending, now);
  return { state, actions: sendAndContinue("all", signal) };
}

/** Only SIGKILL is left; and after that, nothing. */
export function budgetOver(state: State, budget: Budget): Next {
  const { ending, shutdown } = state;
  if (budget.isUsedUp)
    return { state, actions: [{ do: "exit", code: ending?.code ?? mapped(state, 128 + SIGKILL) }] };
  const { nextAt: _nextAt, ...rest } = shutdown ?? { step: -1 };
  const after: State = { ...state, shutdown: { ...rest, budget: { ...budget, isUsedUp: true } } };
  const why: Action = { do: "say", level: "warn", message: "the shutdown budget is used up" };
  const killed = ending
    ? kill(after, ending, budget.killAt)
    : { state: after, actions: [{ do: "kill" as const }] };
  return { state: killed.state, actions: [why, ...killed.actions] };
}

function terminate(state: State, ending: Ending, now: number): Next {
  const nextAt = now + state.supervision.reaping.waitMs;
  return {
    state: { ...state, ending: { ...ending, phase: "terminating", nextAt } },
    actions: sendAndContinue("all", SIGTERM),
  };
}

function kill(state: State, ending: Ending, now: number): Next {
  const nextAt = now + UNKILLABLE_MS;
  return { state: { ...state, ending: { ...ending, phase: "killing", nextAt } }, actions: [{ do: "kill" }] };
}

/** Behind these a SIGCONT would undo what they are for, or is of no use. */
const NOT_CONTINUED = [SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT];

/** A stopped process handles a signal only after SIGCONT. fdinit does not know which processes are stopped, and a SIGCONT to a running one does no harm. */
export function sendAndContinue(to: Target, signal: number): readonly Action[] {
  const sent: Action = { do: "send", to, signal };
  return NOT_CONTINUED.includes(signal) ? [sent] : [sent, { do: "send", to, signal: SIGCONT }];
}
