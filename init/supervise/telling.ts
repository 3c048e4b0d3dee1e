// Words the steps of a shutdown and of the container's end for `log.level: info`. Goes by what next() answered, so that what is
// said is what is done. Pure.

import { SIGCONT } from "../sys/libc/constants.ts";
import { signalName } from "../sys/signals/signal-names.ts";
import type { Action, Next, State, Target } from "./events.ts";
import { durationInWords } from "./words.ts";

/** What was done when the state became another: nothing for most changes. */
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
  const next = index + 1 < steps.length ? "the next step" : "no further step";
  const then = waitMs === undefined ? "no further step follows" : `${next} in ${durationInWords(waitMs)}`;
  return [`shutdown step ${index + 1} of ${steps.length}: ${what}; ${then}`];
}

function targetInWords(to: Target): string {
  if (to === "all") return "every process";
  return "group" in to ? `the process group ${to.group}` : `process ${to.process}`;
}
