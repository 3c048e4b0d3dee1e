// A change of one service reaches the others: those whose dependencies have come far enough are started, those whose
// dependencies never will are failed, and the container ends when nothing is left to run. Pure.

import type { Condition } from "../../../plan/plan.ts";
import { decideCode, endContainer } from "./ends.ts";
import type { ServiceState } from "./events.ts";
import { beginShutdown } from "./shutdown.ts";
import { isAlive, isRunning, planned, type Turn } from "./transitions.ts";

/** Starts what can be started. A start is told of by an event of its own. */
export function advanceStarts(turn: Turn): void {
  for (let isChanged = true; isChanged && !turn.state.shutdown; ) {
    isChanged = false;
    for (const { name, dependsOn } of turn.state.supervision.services) {
      if (turn.of(name).phase !== "waiting" || turn.state.shutdown) continue;
      const unmet = [...dependsOn].find(([other, condition]) => !isMet(turn.of(other), condition));
      if (!unmet) {
        start(turn, name);
        continue;
      }
      const hopeless = [...dependsOn].find(([other]) => isHopeless(turn.of(other)));
      if (!hopeless) continue;
      isChanged = true;
      neverStarted(turn, name, hopeless[0]);
    }
  }
  if (!turn.state.shutdown) {
    tellReadiness(turn);
    endWithoutServices(turn);
  }
}

function start(turn: Turn, name: string): void {
  const { ready } = planned(turn.state, name);
  const { starts } = turn.of(name);
  turn.change(name, {
    phase: "starting",
    starts: starts + 1,
    startedAt: turn.now,
    readyAt: undefined,
    readyBy: ready?.timeoutMs === undefined ? undefined : turn.now + ready.timeoutMs,
    restartAt: undefined,
    stop: undefined,
    isDown: false,
  });
  turn.do({ do: "start", service: name });
}

function isMet(service: ServiceState, condition: Condition): boolean {
  if (service.phase === "completed") return true;
  if (condition === "completed") return false;
  if (condition === "ready") return service.phase === "ready";
  // One that has run and ended well has been started all the same.
  const hasEndedWell = service.phase === "stopped" && !service.isDown && service.starts > 0;
  return (isRunning(service) && service.pid !== undefined) || hasEndedWell;
}

/** No event but a request changes it any more. A service that a request has stopped may be started by another. */
function isHopeless({ phase, isDown }: ServiceState): boolean {
  return !isDown && (phase === "failed" || phase === "stopped");
}

function neverStarted(turn: Turn, name: string, needed: string): void {
  const { code = 0 } = turn.of(needed);
  const { essential } = planned(turn.state, name);
  turn.change(name, { phase: "failed", code });
  turn.do({ do: "giveUp", service: name });
  const words = `${name} is not started: it needs ${needed}, which has ended`;
  if (essential) endContainer(turn, code, `${words}; this ends the container`);
  else {
    turn.say("warn", words);
    if (code !== 0 && turn.state.failure === undefined) turn.state = { ...turn.state, failure: code };
  }
}

/** A service has become ready: by its check, or at its start when it has none. */
export function becomeReady(turn: Turn, name: string): void {
  const { phase } = turn.of(name);
  if (phase !== "starting") return;
  const { watchdogMs, type, ready } = planned(turn.state, name);
  // A oneshot without a check is not ready before it is completed.
  if (type === "oneshot" && !ready) return;
  turn.do({ do: "endCheck", service: name });
  turn.change(name, {
    phase: "ready",
    readyAt: turn.now,
    readyBy: undefined,
    watchdogAt: watchdogMs === undefined ? undefined : turn.now + watchdogMs,
  });
  if (ready) turn.say("info", `${name} is ready`);
}

/** Whether all that is to run is ready, and all oneshots have completed. */
export function areAllReady(services: Iterable<ServiceState>): boolean {
  for (const { phase } of services) if (phase !== "ready" && phase !== "completed") return false;
  return true;
}

function tellReadiness(turn: Turn): void {
  if (turn.state.isReady || !areAllReady(turn.state.services.values())) return;
  turn.state = { ...turn.state, isReady: true };
  turn.say("info", "all services are ready");
  turn.do({ do: "tellSupervisor", what: "READY=1" });
}

/** Nothing runs, and nothing will but by a request: the container ends, unless a request could come. */
function endWithoutServices(turn: Turn): void {
  const { state } = turn;
  for (const service of state.services.values())
    if (isAlive(service) || service.phase === "waiting" || service.phase === "backoff" || service.isDown)
      return;
  if (state.code === undefined) decideCode(turn, state.failure ?? 0);
  beginShutdown(turn, undefined, turn.now);
}
