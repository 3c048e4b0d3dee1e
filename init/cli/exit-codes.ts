// fdinit's own exit codes; a service's own, 128 + n included, is passed on as it is.
// The table of docs/exit-codes.md.

import type { LaunchStage } from "../launch/stages.ts";
import type { Refusal } from "../plan/plan.ts";

/** Of the subcommands that control a running fdinit: what was asked for did not come about, or it is not healthy. */
export const EXIT_NOT_DONE = 1;
export const EXIT_USAGE = 64;
/** EX_UNAVAILABLE of <sysexits.h>: no fdinit can be reached. */
export const EXIT_UNAVAILABLE = 69;
export const EXIT_SOFTWARE = 70;
export const EXIT_REFUSED = 77;
export const EXIT_POLICY = 78;
export const EXIT_CANNOT_EXECUTE = 126;
export const EXIT_NOT_FOUND = 127;

export const REFUSAL_EXIT: Record<Refusal["code"], number> = {
  descriptor: EXIT_REFUSED,
  "command-line": EXIT_USAGE,
};

/** The exit code for a start that failed at a stage. */
export function launchExit(stage: LaunchStage): number {
  switch (stage) {
    case "find-program":
      return EXIT_NOT_FOUND;
    case "close-inherited":
    case "mark-inherited":
      return EXIT_REFUSED;
    case "dev-null":
    case "replace-descriptor":
    case "open-files-limit":
    case "subreaper":
    case "hide-descriptor":
    case "open":
    case "copy-descriptor":
    case "drop-privileges":
    case "find-descriptor":
    case "plan":
      return EXIT_SOFTWARE;
    default:
      return EXIT_CANNOT_EXECUTE;
  }
}
