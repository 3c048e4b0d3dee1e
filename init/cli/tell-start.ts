// What a start has done, for `log.level` info and debug: which program runs as which pid, and each step on the way to it.

import type { Step } from "../plan/plan.ts";
import { textOf } from "../sys/bytes.ts";
import { stepInWords } from "./plan.ts";
import type { Say } from "./say.ts";

/** Steps that change what is open are worth an information; the others are for who looks for a fault. */
const TOLD: readonly Step["do"][] = ["close", "cloexec", "devnull", "open", "spawn"];

export function tellStart(say: Say, steps: readonly Step[], pid: number): void {
  for (const step of steps) {
    const words = stepInWords(step, step.do === "spawn" ? [textOf(step.launch.program)] : []);
    const message = step.do === "spawn" ? `done: ${words}; it is pid ${pid}` : `done: ${words}`;
    say(TOLD.includes(step.do) ? "info" : "debug", message);
  }
}
