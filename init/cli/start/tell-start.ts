// Words a start for `log.level` info and debug: which program runs as which pid, and each step on the way to it.

import type { Step } from "../../plan/plan.ts";
import type { Started } from "../../supervise/surroundings.ts";
import { textOf } from "../../sys/text/bytes.ts";
import type { Say } from "../output/say.ts";
import { stepInWords } from "../reports/plan.ts";

/** Steps that change what is open are worth an information; the others are for who looks for a fault. */
const TOLD: readonly Step["do"][] = ["close", "cloexec", "devnull", "open", "spawn"];

/** Nothing of a start that failed: why it did is said. */
export function tellStart(say: Say, steps: readonly Step[], first: Started): void {
  if (!("pid" in first)) return;
  for (const step of steps) {
    const words = stepInWords(step, step.do === "spawn" ? [textOf(step.launch.program)] : []);
    const message = step.do === "spawn" ? `done: ${words}; it is pid ${first.pid}` : `done: ${words}`;
    say(TOLD.includes(step.do) ? "info" : "debug", message);
  }
}
