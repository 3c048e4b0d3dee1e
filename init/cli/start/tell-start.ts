// Words a start for `log.level` info and debug: what becomes of each inherited descriptor, which program runs as which pid, and
// each step on the way to it. The warnings of a plan are said here too, whatever the level.

import { descriptorInWords } from "../../plan/descriptor-words.ts";
import { FIRST_BEYOND_STANDARD } from "../../plan/match.ts";
import type { Plan, Step } from "../../plan/plan.ts";
import type { Policy } from "../../policy/types.ts";
import type { Started } from "../../supervise/surroundings.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { textOf } from "../../sys/text/bytes.ts";
import type { Say } from "../output/say.ts";
import { decisionInWords } from "../reports/describe.ts";
import { fatesOf, stepInWords } from "../reports/plan.ts";
import { sayWarnings } from "./refusal.ts";

/** Steps that change what is open are worth an information; the others are for who looks for a fault. */
const TOLD: readonly Step["do"][] = ["close", "cloexec", "devnull", "open", "spawn"];

/** More descriptors than this are counted and not named. */
const MOST_NAMED = 100;

/** Before anything is closed, because afterwards nobody can look at it. */
export function tellPlan(
  say: Say,
  kernel: Kernel,
  policy: Policy,
  planned: { readonly plan: Pick<Plan, "steps" | "warnings"> },
  signalFd: number,
): void {
  const { warnings } = planned.plan;
  if (warnings.length > 0) sayWarnings(say, kernel, policy, warnings);
  const { level } = policy.log;
  if (level !== "info" && level !== "debug") return;
  const fates = fatesOf(kernel, policy, { ok: true, ...planned.plan }, [signalFd]);
  for (const { known, inPid1, inProgram } of fates.slice(0, MOST_NAMED)) {
    const { fd } = known;
    const isStandard = fd < FIRST_BEYOND_STANDARD;
    const given =
      inProgram.length === 0
        ? inPid1 === "closed"
          ? ""
          : ", not given to the program"
        : `, ${inProgram.join(" and ")} in the program`;
    const why = decisionInWords(known.decision, fd, policy);
    say(
      isStandard ? "debug" : "info",
      `inherited descriptor ${fd} (${descriptorInWords(known)}): ${inPid1}${given} (${why})`,
    );
  }
  if (fates.length > MOST_NAMED) say("info", `and ${fates.length - MOST_NAMED} more inherited descriptors`);
}

/** Nothing of a start that failed: why it did is said. */
export function tellStart(say: Say, steps: readonly Step[], first: Started): void {
  if (!("pid" in first)) return;
  for (const step of steps) {
    const words = stepInWords(step, step.do === "spawn" ? [textOf(step.launch.program)] : []);
    const message = step.do === "spawn" ? `done: ${words}; it is pid ${first.pid}` : `done: ${words}`;
    say(TOLD.includes(step.do) ? "info" : "debug", message);
  }
}
