// The first start of the service and each further one, with the exit code that stands for what stood in the way.

import type { LaunchContext } from "../../launch/context.ts";
import { launch } from "../../launch/launch.ts";
import type { LaunchResult } from "../../launch/result.ts";
import type { Step } from "../../plan/plan.ts";
import type { Started, Surroundings } from "../../supervise/surroundings.ts";
import { launchExit } from "../exit-codes.ts";
import type { Say } from "../output/say.ts";

export function startingAgain(
  steps: readonly Step[],
  context: LaunchContext,
  say: Say,
): Surroundings["startAgain"] {
  return () => {
    const result = launch(steps, context);
    // The first start has said the warnings, which are the same at every start.
    return started(result.ok ? { ...result, warnings: [] } : result, say);
  };
}

/** A start that failed for want of a process is made up for as `restart` says, the first one too. */
export function isTriedAgain(result: LaunchResult, again: readonly Step[]): boolean {
  return !result.ok && result.failure.isTemporary === true && again.length > 0;
}

/** How a start went, with what is to be said of it said. */
export function started(result: LaunchResult, say: Say): Started {
  if (!result.ok) return { code: launchExit(result.failure.stage), message: result.failure.message };
  for (const { message } of result.warnings ?? []) say("warn", message);
  for (const problem of result.afterwards) say("error", problem);
  return { pid: result.pid };
}
