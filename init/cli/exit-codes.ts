// fdinit's own exit codes; a service's own, 128 + n included, is passed on as it is.
// The table of docs/exit-codes.md.

import type { LaunchFailure } from "../launch/result.ts";
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

export const LAUNCH_EXIT: Record<LaunchFailure["code"], number> = {
  kernel: EXIT_SOFTWARE,
  descriptor: EXIT_REFUSED,
  "cannot-start": EXIT_CANNOT_EXECUTE,
  "not-executable": EXIT_CANNOT_EXECUTE,
  "not-found": EXIT_NOT_FOUND,
};
