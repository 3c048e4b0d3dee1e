// The tries of each kind of check.

import type { Kernel } from "../../../sys/kernel.ts";
import { errnoText } from "../../../sys/libc/errno.ts";
import type { Attempt, Outcome, ProbeCheck } from "./attempt.ts";
import { ConnectionAttempt } from "./connection.ts";
import { ExecAttempt } from "./exec.ts";
import { httpConversation } from "./http.ts";

/** A try may take as long as the pause between two, and this long at least. */
export const LEAST_BOUND_MS = 1_000;

export function boundOf({ periodMs }: ProbeCheck): number {
  return Math.max(LEAST_BOUND_MS, periodMs);
}

/** `spawn` starts the command of an exec check: its pid, or a negated errno. */
export function attemptOf(kernel: Kernel, check: ProbeCheck, spawn: () => number): Attempt {
  switch (check.by) {
    case "tcp":
      return new ConnectionAttempt(kernel, check.written, check.addresses);
    case "http":
      return new ConnectionAttempt(kernel, check.written, check.addresses, () =>
        httpConversation(check.host, check.path),
      );
    case "exec":
      return new ExecAttempt(kernel, spawn);
    case "file":
      return fileAttempt(kernel, check.path);
  }
}

/** A file is there, or it is not: such a try ends at once. */
function fileAttempt(kernel: Kernel, path: string): Attempt {
  const look = (): Outcome => {
    const mode = kernel.pathMode(path);
    return mode >= 0 ? true : `${path}: ${errnoText(-mode)}`;
  };
  return { start: look, watched: () => undefined, ready: look, late: look, end: () => undefined };
}
