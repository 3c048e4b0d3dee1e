// Ends, times and the steps of a shutdown in words, for messages and the report. Pure.

import { SIGCONT } from "../sys/libc/constants.ts";
import { errnoText } from "../sys/libc/errno.ts";
import { signalName } from "../sys/signals/signal-names.ts";
import type { Action, Next, State, Target } from "./events.ts";

/** wait(2)'s status: `exited with code 1`, `was killed by SIGKILL`. */
export function codeInWords(status: number): string {
  const signal = status & 0x7f;
  if (signal === 0) return `exited with code ${(status >> 8) & 0xff}`;
  return `was killed by ${signalName(signal)}${(status & 0x80) === 0 ? "" : " (core dumped)"}`;
}

/** The pause between two tries where the kernel refuses wait4 and waitid. */
export const REAP_RETRY_MS = 250;

export function cannotReapInWords(errno: number): string {
  return `cannot take ended children (wait4, waitid): ${errnoText(errno)}; trying again every ${REAP_RETRY_MS} ms`;
}

/** `250 ms`, `12.3 s`, `4 min 10 s`, `3 h 2 min`. */
export function durationInWords(ms: number): string {
  // Each rounded first: what becomes a whole one belongs to the next unit.
  const wholeMs = Math.round(ms);
  if (wholeMs < 1000) return `${wholeMs} ms`;
  const tenths = Math.round(ms / 100);
  if (tenths < 600) return `${tenths / 10} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return joined(Math.floor(seconds / 60), "min", seconds % 60, "s");
  const minutes = Math.round(seconds / 60);
  return joined(Math.floor(minutes / 60), "h", minutes % 60, "min");
}

function joined(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** `SIGQUIT (shutdown step 1 of 2)`: the step of a stop or a shutdown that was last taken; undefined before the first. */
export function stepTaken(
  steps: readonly { readonly signal: number }[],
  index: number,
  of: "shutdown" | "stop",
): string | undefined {
  const step = steps[index];
  return step && `${signalName(step.signal)} (${of} step ${index + 1} of ${steps.length})`;
}

/** The steps taken when the state became another, for `log.level: info`: none for most changes. Goes by the answer of next(). */
export function progressInWords(before: State, { state, actions }: Next): string[] {
  const words: string[] = [];
  const { shutdown, ending } = state;
  if (shutdown && shutdown.step !== before.shutdown?.step) words.push(...stepInWords(state, actions));
  if (ending && before.ending && ending.phase !== before.ending.phase) {
    const { waitMs } = state.supervision.reaping;
    if (ending.phase === "waiting")
      words.push("waiting for the processes that are left to end by themselves");
    if (ending.phase === "terminating")
      words.push(`SIGTERM to every process that is left; SIGKILL follows in ${durationInWords(waitMs)}`);
  }
  return words;
}

function stepInWords({ supervision, shutdown }: State, actions: readonly Action[]): string[] {
  const { steps } = supervision.shutdown;
  const index = shutdown?.step ?? -1;
  const sent = actions.flatMap((action) =>
    action.do === "send" && action.signal !== SIGCONT
      ? [`${signalName(action.signal)} to ${targetInWords(action.to)}`]
      : action.do === "kill"
        ? ["SIGKILL to everything that is left"]
        : [],
  );
  const what = sent.length === 0 ? "nothing is left to send a signal to" : sent.join(", ");
  const step = steps[index];
  if (!step) return steps.length === 0 ? [`shutdown: ${what}; no step follows, whatever time it takes`] : [];
  const { waitMs } = step;
  const isLast = waitMs === undefined || index + 1 >= steps.length;
  const then = isLast ? "no further step follows" : `the next step in ${durationInWords(waitMs)}`;
  return [`shutdown step ${index + 1} of ${steps.length}: ${what}; ${then}`];
}

function targetInWords(to: Target): string {
  if (to === "all") return "every process";
  return "group" in to ? `the process group ${to.group}` : `process ${to.process}`;
}
