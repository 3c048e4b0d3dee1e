// The signals that fdinit gets: the shutdown's begin the end of all services, the others go to each running service as its
// `signals` say. Pure.

import type { SupervisedService } from "../../../plan/plan.ts";
import type { ReceivedSignal } from "../../../sys/kernel.ts";
import { SIGKILL, SIGSTOP } from "../../../sys/libc/constants.ts";
import { signalName } from "../../../sys/signals/signal-names.ts";
import { durationInWords } from "../../words.ts";
import type { DelayedServiceSignal } from "./events.ts";
import { beginShutdown } from "./shutdown.ts";
import { isRunning, type Turn } from "./transitions.ts";

export function receive(turn: Turn, { signal, value }: ReceivedSignal): void {
  const { supervision } = turn.state;
  const at = turn.now;
  if (supervision.shutdown.on.includes(signal)) {
    if (turn.state.shutdown) {
      const [only, ...others] = supervision.services;
      // To one program without steps it goes as often as it comes: some take the second one for "at once".
      if (only && others.length === 0 && !only.stop)
        deliver(turn, { at, since: at, signal, value, service: only.name });
      return;
    }
    const delays = supervision.services.map(({ signals }) => signals.delayMs.get(signal) ?? 0);
    hold(turn, { at: at + Math.max(0, ...delays), since: at, signal, value });
    return;
  }
  for (const { name, signals } of supervision.services)
    hold(turn, { at: at + (signals.delayMs.get(signal) ?? 0), since: at, signal, value, service: name });
}

function hold(turn: Turn, held: DelayedServiceSignal): void {
  const delayMs = held.at - turn.now;
  if (delayMs === 0) {
    deliver(turn, held);
    return;
  }
  const isHeld = turn.state.delayed.some(
    ({ signal, service }) => signal === held.signal && service === held.service,
  );
  // As the kernel does with a signal that is pending already: one is enough.
  if (isHeld) return;
  turn.state = { ...turn.state, delayed: [...turn.state.delayed, held] };
  const whom = held.service === undefined ? "" : ` from ${held.service}`;
  turn.say(
    "info",
    `${signalName(held.signal)} is held back${whom} for ${durationInWords(delayMs)} (signals.delay)`,
  );
}

/** A signal whose time has come. */
export function deliver(turn: Turn, { signal, since, value, service }: DelayedServiceSignal): void {
  if (service === undefined) {
    turn.say("info", `shutting down because of ${signalName(signal)}`);
    beginShutdown(turn, signal, since);
    return;
  }
  const found = turn.state.supervision.services.find(({ name }) => name === service);
  const { phase, pid } = turn.of(service);
  if (!found || pid === undefined || !(isRunning(turn.of(service)) || phase === "stopping")) return;
  pass(turn, found, signal, value);
}

function pass(
  turn: Turn,
  { name, signals }: SupervisedService,
  signal: number,
  value: bigint | undefined,
): void {
  const { forward, rewrite, to } = signals;
  if (forward !== "all" && !forward.includes(signal)) return;
  const rewritten = rewrite.get(signal) ?? signal;
  if (rewritten === "ignore") return;
  const isPlain = value === undefined || rewritten === SIGKILL || rewritten === SIGSTOP;
  turn.do({ do: "signal", service: name, to, signal: rewritten, ...(isPlain ? {} : { value }) });
}
