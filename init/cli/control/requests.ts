// `fdinit start | stop | restart | reload | signal`: asks for it, and waits until it is done by asking for the state again.

import { parseDuration } from "../../policy/meaning/durations.ts";
import { parseSignal } from "../../policy/meaning/signals.ts";
import type { ServiceReport } from "../../supervise/services/control/status-report.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { EXIT_NOT_DONE, EXIT_UNAVAILABLE, EXIT_USAGE } from "../exit-codes.ts";
import type { SubcommandLine } from "../invocation.ts";
import type { Outcome } from "../output/print.ts";
import type { Client } from "./client.ts";

export type Change = "start" | "stop" | "restart";

/** The outcome of a request: it is under way, done, or has failed for a reason. */
export type Progress = "underWay" | "done" | { readonly failed: string };

const DEFAULT_TIMEOUT_MS = 30_000;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 250;
const DONE: Outcome = { code: 0 };

export function change(
  kernel: Kernel,
  client: Client,
  request: Change,
  { operands, noWait, timeout }: SubcommandLine,
): Outcome {
  const until = kernel.now() + (parseDuration(timeout ?? "") ?? DEFAULT_TIMEOUT_MS);
  const waiting = new Map<string, ServiceReport>();
  // All of them first, so that they go on at the same time.
  for (const service of operands) {
    const answer = client.ask({ request, service });
    if ("outcome" in answer) return answer.outcome;
    if ("before" in answer.reply) waiting.set(service, answer.reply.before);
  }
  if (noWait) return DONE;
  const failures: string[] = [];
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const answer = client.ask({ request: "status" });
    if ("outcome" in answer) return isGone(request, answer.outcome) ? DONE : answer.outcome;
    const { services } = "status" in answer.reply ? answer.reply.status : { services: [] };
    for (const [name, before] of waiting) {
      const now = services.find((service) => service.name === name);
      const progress = now ? progressOf(request, before, now) : { failed: "is gone" };
      if (progress === "underWay") continue;
      waiting.delete(name);
      if (progress !== "done") failures.push(`${name} ${progress.failed}`);
    }
    if (waiting.size === 0 || kernel.now() >= until) break;
    const interrupted = client.pause(Math.min(pauseMs, until - kernel.now()));
    if (interrupted) return interrupted;
  }
  for (const name of waiting.keys())
    failures.push(`${name}: ${request} was not done in time; it goes on (fdinit status, --timeout)`);
  return failures.length === 0 ? DONE : { code: EXIT_NOT_DONE, complaint: failures };
}

/** No process answers any more after a stop: what was stopped was essential, and fdinit has ended with it. */
function isGone(request: Change, { code }: Outcome): boolean {
  return request === "stop" && code === EXIT_UNAVAILABLE;
}

const ENDED: readonly ServiceReport["state"][] = ["completed", "failed", "stopped"];

export function progressOf(request: Change, before: ServiceReport, now: ServiceReport): Progress {
  const hasEnded = ENDED.includes(now.state);
  if (request === "stop") return hasEnded ? "done" : "underWay";
  const isUp = now.type === "oneshot" ? now.state === "completed" : now.state === "ready";
  if (request === "start" ? isUp : isUp && isNewStart(before, now)) return "done";
  return hasEnded && hasChanged(before, now) ? { failed: endOf(now) } : "underWay";
}

function isNewStart(before: ServiceReport, now: ServiceReport): boolean {
  const wasNeverStarted = before.pid === undefined && before.lastExit === undefined && before.restarts === 0;
  return now.restarts > before.restarts || wasNeverStarted;
}

function hasChanged(before: ServiceReport, now: ServiceReport): boolean {
  return (
    now.state !== before.state || now.restarts !== before.restarts || now.lastExit?.at !== before.lastExit?.at
  );
}

function endOf({ state, lastExit }: ServiceReport): string {
  return lastExit === undefined ? `is ${state}` : `has ended with code ${lastExit.code} and is ${state}`;
}

export function reload(client: Client, services: readonly string[]): Outcome {
  for (const service of services) {
    const answer = client.ask({ request: "reload", service });
    if ("outcome" in answer) return answer.outcome;
  }
  return DONE;
}

export function sendSignal(client: Client, [service = "", written = ""]: readonly string[]): Outcome {
  const signal = parseSignal(written);
  if (signal === undefined)
    return { code: EXIT_USAGE, complaint: `${JSON.stringify(written)} is no signal: write SIGHUP, HUP or 1` };
  const answer = client.ask({ request: "signal", service, signal });
  return "outcome" in answer ? answer.outcome : DONE;
}
