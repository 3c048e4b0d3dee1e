// The end of all services: each is asked to end when the services that need it have ended. Pure.

import { budgetFrom } from "../../budget.ts";
import { beginEnding } from "../../ending.ts";
import type { ServicesState } from "./events.ts";
import { askToStop } from "./stopping.ts";
import { isAlive, isOfEnding, isRunning, planned, type Turn } from "./transitions.ts";

/** `signal`: the one that began it; undefined when a service's end did. `since`: from when on the budget counts. */
export function beginShutdown(turn: Turn, signal: number | undefined, since: number): void {
  const { state, now } = turn;
  if (state.shutdown) return;
  const { budgetMs } = state.supervision.shutdown;
  const begun = { ...(signal === undefined ? {} : { signal }), ...budgetFrom(since, now, budgetMs) };
  turn.state = { ...state, shutdown: begun, delayed: [] };
  turn.do({ do: "tellSupervisor", what: "STOPPING=1" });
  for (const [name, { phase }] of state.services) {
    if (phase !== "waiting" && phase !== "backoff") continue;
    turn.change(name, { phase: "stopped", restartAt: undefined });
    turn.do({ do: "giveUp", service: name });
  }
}

/** Asks each service to end that no other one needs any more; without any left, the end of the container begins. */
export function advanceShutdown(turn: Turn): void {
  if (!turn.state.shutdown || turn.state.ending) return;
  while (askUnneeded(turn)) {
    // A service without a process is over as soon as it is asked, and no later event tells of it: those that it needed have their turn.
  }
  for (const service of turn.state.services.values()) if (isAlive(service)) return;
  const code = turn.state.code ?? turn.state.failure ?? 0;
  const { state: ended, actions } = beginEnding(turn.state, code);
  turn.state = ended;
  for (const action of actions) if (isOfEnding(action)) turn.do(action);
}

/** Answers whether one of those asked is over already: its start was decided and not carried out. */
function askUnneeded(turn: Turn): boolean {
  let isOneOver = false;
  const needed = neededByLiving(turn.state);
  for (const [name, service] of turn.state.services) {
    if (!isRunning(service) || needed.has(name)) continue;
    askToStop(turn, name, "shutdown");
    if (!isAlive(turn.of(name))) isOneOver = true;
  }
  return isOneOver;
}

/** The services that a living one needs, also by way of others that have ended: a program may need a database by way of its migration. */
function neededByLiving(state: ServicesState): ReadonlySet<string> {
  const needed = new Set<string>();
  const add = (name: string) => {
    for (const other of planned(state, name).dependsOn.keys()) {
      if (needed.has(other)) continue;
      needed.add(other);
      add(other);
    }
  };
  for (const [name, service] of state.services) if (isAlive(service)) add(name);
  return needed;
}
