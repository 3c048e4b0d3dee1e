// The requests of the control socket about one service. Pure.

import { SIGHUP } from "../../../sys/libc/constants.ts";
import type { ServiceRequest } from "./events.ts";
import { askToStop } from "./stopping.ts";
import { isAlive, isRunning, planned, type Turn } from "./transitions.ts";

/** During a shutdown nothing is started again, and everything ends as it is: requests come too late. */
export function request(turn: Turn, name: string, wanted: ServiceRequest): void {
  if (turn.state.shutdown) return;
  const before = turn.of(name);
  switch (wanted) {
    case "reload": {
      if (!isRunning(before)) return;
      const { reload = SIGHUP } = planned(turn.state, name);
      turn.do({ do: "signal", service: name, to: "process", signal: reload });
      return;
    }
    case "stop":
      if (isAlive(before)) askToStop(turn, name, "request");
      else if (before.phase === "waiting" || before.phase === "backoff")
        turn.change(name, { phase: "stopped", isDown: true, restartAt: undefined });
      return;
    case "start":
      if (before.phase === "stopping" || before.phase === "leaving") askToStop(turn, name, "restart");
      else if (!isAlive(before)) startAnew(turn, name);
      return;
    case "restart":
      if (isAlive(before)) askToStop(turn, name, "restart");
      else startAnew(turn, name);
  }
}

/** A person starts it: what it has failed before does not count. */
function startAnew(turn: Turn, name: string): void {
  if (turn.of(name).isStuck) {
    turn.say("warn", `${name} is not started: a process of it still hangs in the kernel`);
    return;
  }
  const { restart } = planned(turn.state, name);
  turn.change(name, {
    phase: "waiting",
    isDown: false,
    restartAt: undefined,
    times: [],
    backoffMs: restart.backoff.leastMs,
  });
}
