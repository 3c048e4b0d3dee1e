// `fdinit status`: the services of a running fdinit, as a table or as one JSON document.

import { shownStatus } from "../../supervise/services/control/status-file.ts";
import type { ServiceReport, StatusReport } from "../../supervise/services/control/status-report.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { signalName } from "../../sys/signals/signal-names.ts";
import { visibleJson } from "../../sys/text/visible.ts";
import { EXIT_UNAVAILABLE } from "../exit-codes.ts";
import type { SubcommandLine } from "../invocation.ts";
import { dressed, lookOf } from "../output/look.ts";
import { type Outcome, print, printError } from "../output/print.ts";
import { linesOf, type Message } from "../output/say.ts";
import { table } from "../output/table.ts";
import type { Client } from "./client.ts";
import { type FoundSocket, INIT } from "./find-socket.ts";
import { type SeenService, seenServices } from "./reduced.ts";

const HEADS = ["NAME", "STATE", "PID", "UPTIME", "RESTARTS", "READY", "LAST EXIT", "DESCRIPTORS"];
const UNKNOWN = "-";
/** Of STATUS in the table; `--json` has all of it. */
const LONGEST_TEXT = 40;

export function status(
  kernel: Kernel,
  line: SubcommandLine,
  client: Client | undefined,
  found: FoundSocket,
): Outcome {
  const answer = client?.ask({ request: "status" });
  if (answer && "reply" in answer && "status" in answer.reply)
    return show(kernel, line, { source: "control", ...answer.reply.status }, textOf(answer.reply.status));
  const refusal = answer && "outcome" in answer ? answer.outcome : undefined;
  // A signal has ended the wait, or the socket was named for this call.
  if (refusal && (refusal.complaint === undefined || found.isNamed)) return refusal;
  const why = refusal?.complaint ?? found.why;
  const shown = shownStatus(kernel, INIT);
  if (shown) {
    if (refusal && !line.json) printError(kernel, inLines(why));
    return show(kernel, line, { source: "memory", ...shown }, textOf(shown));
  }
  const seen = seenServices(kernel, found.policy);
  if (!seen.ok) return { code: EXIT_UNAVAILABLE, complaint: [...linesOf(why), seen.why] };
  if (!line.json) printError(kernel, inLines(why) + WHAT_PROC_SHOWS);
  return show(kernel, line, { version: 1, source: "proc", services: seen.services }, seenText(seen.services));
}

function inLines(message: Message): string {
  return linesOf(message)
    .map((text) => `fdinit: ${text}\n`)
    .join("");
}

const WHAT_PROC_SHOWS = "fdinit: this is what /proc shows:\n";

function show(kernel: Kernel, { json, color }: SubcommandLine, document: object, text: string): Outcome {
  return print(kernel, json ? `${visibleJson(document, 2)}\n` : dressed(text, lookOf(kernel, color)));
}

export function textOf({ services, healthy, why, shutdown }: StatusReport, nowMs = Date.now()): string {
  const heads = [
    ...(shutdown ? [`shutting down since ${shutdown.since}\n`] : []),
    ...(healthy || shutdown ? [] : [`not healthy: ${why.join("; ")}\n`]),
  ];
  return heads.join("") + table([HEADS, ...services.map((service) => rowOf(service, nowMs))]);
}

function rowOf(service: ServiceReport, nowMs: number): string[] {
  const { name, state, pid, uptimeMs, restarts, descriptors, lastExit } = service;
  return [
    name,
    state,
    pid === undefined ? UNKNOWN : String(pid),
    uptimeMs === undefined ? UNKNOWN : duration(uptimeMs),
    String(restarts),
    readiness(service),
    lastExit === undefined ? UNKNOWN : `${exitInWords(lastExit)}, ${ago(lastExit.at, nowMs)}`,
    descriptors.map(({ name: fd, as }) => `${fd}:${typeof as === "number" ? as : `$${as}`}`).join(" ") ||
      UNKNOWN,
  ];
}

function readiness({ ready, statusText }: ServiceReport): string {
  const word = ready === undefined ? UNKNOWN : ready ? "yes" : "no";
  if (statusText === undefined || statusText === "") return word;
  const cut = statusText.length > LONGEST_TEXT ? `${statusText.slice(0, LONGEST_TEXT)}…` : statusText;
  return `${word}: ${cut}`;
}

function exitInWords({ code, signal }: NonNullable<ServiceReport["lastExit"]>): string {
  return signal === undefined ? String(code) : `${code} ${signalName(signal)}`;
}

function ago(at: string, nowMs: number): string {
  const ms = nowMs - Date.parse(at);
  return Number.isNaN(ms) ? at : `${duration(Math.max(0, ms))} ago`;
}

function seenText(services: readonly SeenService[]): string {
  const rows = services.map(({ name, pid, uptimeMs }) => [
    name,
    pid === undefined ? "no process" : "running",
    pid === undefined ? UNKNOWN : String(pid),
    uptimeMs === undefined ? UNKNOWN : duration(uptimeMs),
    ...Array<string>(HEADS.length - 4).fill(UNKNOWN),
  ]);
  return table([HEADS, ...rows]);
}

/** The two largest units: `4d 2h`, `5m 12s`, `3s`. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const units: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ];
  const first = units.findIndex(([count]) => count > 0);
  if (first < 0) return "0s";
  return units
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(" ");
}
