// A further start of the service, with the exit code that stands for what stood in its way.

import { type LaunchContext, launch } from "../launch/launch.ts";
import type { Step } from "../plan/plan.ts";
import type { Surroundings } from "../supervise/loop.ts";
import { LAUNCH_EXIT } from "./exit-codes.ts";
import type { Say } from "./say.ts";

export function startingAgain(
  steps: readonly Step[],
  context: LaunchContext,
  say: Say,
): Surroundings["startAgain"] {
  return () => {
    const result = launch(steps, context);
    if (result.ok) for (const problem of result.afterwards) say("error", problem);
    if (result.ok) return { pid: result.pid };
    return { code: LAUNCH_EXIT[result.failure.code], message: result.failure.message };
  };
}
