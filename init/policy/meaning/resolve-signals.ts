// Signals, shutdown and reaping: the written keys to numbers and milliseconds, each complaint at its key.

import { SIGCHLD, SIGKILL, SIGSTOP } from "../../sys/libc/constants.ts";
import type { KeyPath } from "../key-path.ts";
import type { ReapingPolicy, ShutdownPolicy, ShutdownStep, SignalReceiver, SignalsPolicy } from "../types.ts";
import { badValue, type Finding } from "../wording/finding.ts";
import { parseDuration } from "./durations.ts";
import { parseSignal } from "./signals.ts";

export interface WrittenSignals {
  readonly forward?: "all" | readonly (string | number)[];
  readonly to?: SignalReceiver;
  readonly rewrite?: Readonly<Record<string, string | number>>;
  readonly delay?: Readonly<Record<string, string>>;
}

export interface WrittenShutdown {
  readonly on?: readonly (string | number)[];
  readonly budget?: string;
  readonly steps?: readonly { readonly signal: string | number; readonly wait?: string }[];
}

export interface WrittenStop {
  readonly signal?: string | number;
  readonly wait?: string;
}

export interface WrittenReaping {
  readonly subreaper?: ReapingPolicy["subreaper"];
  readonly orphans?: ReapingPolicy["orphans"];
  readonly wait?: string;
  readonly log?: ReapingPolicy["log"];
}

/** The number of a signal that the schema has accepted, so that a number exists. */
export function signalOf(written: string | number): number {
  return parseSignal(written) ?? 0;
}

/** Milliseconds; undefined for `none`. */
export function durationOf(written: string | undefined): number | undefined {
  return written === undefined ? undefined : parseDuration(written);
}

/** Each key that is written takes the place of the one in `base`. */
export function signalsOf(
  { forward, to, rewrite, delay }: WrittenSignals,
  base: SignalsPolicy,
  at: KeyPath,
  findings: Finding[],
): SignalsPolicy {
  return {
    forward:
      forward === undefined
        ? base.forward
        : forward === "all"
          ? "all"
          : receivedOf(forward, [...at, "forward"], findings),
    to: to ?? base.to,
    rewrite: rewrite
      ? bySignal(rewrite, [...at, "rewrite"], findings, (value) =>
          value === "ignore" ? value : signalOf(value),
        )
      : base.rewrite,
    delayMs: delay
      ? bySignal(delay, [...at, "delay"], findings, (value) => parseDuration(value) ?? 0)
      : base.delayMs,
  };
}

function bySignal<T, V>(
  written: Readonly<Record<string, T>>,
  at: KeyPath,
  findings: Finding[],
  read: (value: T) => V,
): Map<number, V> {
  const map = new Map<number, V>();
  for (const [name, value] of Object.entries(written)) {
    const [signal] = receivedOf([name], at, findings, true);
    if (signal === undefined) continue;
    if (map.has(signal))
      findings.push({ ...badValue([...at, name], "another key names the same signal"), on: "key" });
    map.set(signal, read(value));
  }
  return map;
}

/** Signals that fdinit is to receive: the kernel hands out neither SIGKILL nor SIGSTOP, and SIGCHLD is fdinit's own. */
function receivedOf(
  written: readonly (string | number)[],
  at: KeyPath,
  findings: Finding[],
  asKeys = false,
): number[] {
  const signals: number[] = [];
  for (const [index, name] of written.entries()) {
    const signal = signalOf(name);
    const reason =
      signal === SIGKILL || signal === SIGSTOP
        ? "no process can receive it"
        : signal === SIGCHLD
          ? "it tells fdinit of ended children and goes no further"
          : undefined;
    if (reason === undefined) signals.push(signal);
    else if (asKeys) findings.push({ ...badValue([...at, name], reason), on: "key" });
    else findings.push(badValue([...at, index], reason));
  }
  return signals;
}

/** `delayMs` is the longest that a shutdown signal is held back: the budget counts from the moment it came. */
export function shutdownOf(
  { on, budget, steps = [] }: WrittenShutdown,
  delayMs: (on: readonly number[]) => number,
  stop: { readonly written: WrittenStop; readonly at: KeyPath } | undefined,
  base: ShutdownPolicy,
  findings: Finding[],
): ShutdownPolicy {
  const budgetMs = durationOf(budget);
  if (stop && steps.length > 0)
    findings.push({ ...badValue(stop.at, "shutdown.steps says already how it is stopped"), on: "key" });
  const resolved: ShutdownPolicy = {
    on: on ? receivedOf(on, ["shutdown", "on"], findings) : base.on,
    budgetMs,
    steps: stop && steps.length === 0 ? stepsOfStop(stop.written) : steps.map(stepOf),
  };
  const delayed = delayMs(resolved.on);
  const waits = resolved.steps.reduce((sum, { waitMs = 0 }) => sum + waitMs, delayed);
  if (budgetMs !== undefined && waits > budgetMs) {
    const what = delayed > 0 ? "the steps and signals.delay" : "the steps";
    const reason = `${what} can take ${waits} ms, more than the budget of ${budgetMs} ms`;
    findings.push(badValue(["shutdown", "budget"], reason));
  }
  for (const [index, { wait = "none" }] of steps.slice(0, -1).entries()) {
    if (wait !== "none") continue;
    const reason = "without a wait it waits for as long as it takes, and no step behind it is ever reached";
    findings.push({ ...badValue(["shutdown", "steps", index], reason), hint: "add wait: 10s" });
  }
  return resolved;
}

function stepOf({ signal, wait }: { signal: string | number; wait?: string }): ShutdownStep {
  const step = { signal: signalOf(signal), waitMs: durationOf(wait) };
  return wait === "none" ? { ...step, isPatient: true } : step;
}

/** `stop` is the short form: the signal, and SIGKILL when it may not take for ever. */
export function stepsOfStop({ signal = "SIGTERM", wait }: WrittenStop): ShutdownStep[] {
  const step = stepOf(wait === undefined ? { signal } : { signal, wait });
  return step.waitMs === undefined ? [step] : [step, { signal: SIGKILL, waitMs: undefined }];
}

export function reapingOf(
  { subreaper, orphans, wait, log }: WrittenReaping,
  base: ReapingPolicy,
  { budgetMs }: ShutdownPolicy,
  findings: Finding[],
): ReapingPolicy {
  const waitMs = durationOf(wait);
  if (waitMs !== undefined && budgetMs !== undefined && waitMs > budgetMs) {
    const reason = `it is longer than the whole shutdown.budget of ${budgetMs} ms`;
    findings.push(badValue(["reaping", "wait"], reason));
  }
  return {
    subreaper: subreaper ?? base.subreaper,
    orphans: orphans ?? base.orphans,
    waitMs: waitMs ?? base.waitMs,
    log: log ?? base.log,
  };
}
