// A check made once, outside the loop: `fdinit health` asks whether a service is healthy now. Waits itself, for a bounded
// time; PID 1 never calls this.

import type { Kernel } from "../../../sys/kernel.ts";
import type { Outcome, ProbeCheck } from "./attempt.ts";
import { attemptOf } from "./attempts.ts";

/** The pause between two looks at a command: this process has no signal that would tell of its end. */
const LOOK_MS = 5;

/** True, or why not. `spawn` starts the command of an exec check as a child of this process: its pid, or a negated errno. */
export function probeOnce(
  kernel: Kernel,
  check: ProbeCheck,
  timeoutMs: number,
  spawn: () => number,
): true | string {
  const attempt = attemptOf(kernel, check, spawn);
  const until = kernel.now() + timeoutMs;
  let outcome: Outcome = attempt.start();
  while (outcome === undefined && kernel.now() < until) {
    const watched = attempt.watched();
    const leftMs = Math.max(0, until - kernel.now());
    if (watched) {
      if (kernel.waitReady([watched], leftMs).length > 0) outcome = attempt.ready();
      continue;
    }
    if (attempt.pid === undefined) break;
    const child = kernel.reap(attempt.pid);
    if (typeof child === "object") outcome = endOf(attempt, child.status);
    else if (child !== undefined) outcome = "the command's end cannot be seen";
    else kernel.waitReady([], Math.min(LOOK_MS, leftMs));
  }
  attempt.end();
  if (attempt.pid !== undefined) kernel.reap(attempt.pid);
  return outcome ?? `no answer in ${timeoutMs} ms`;
}

/** A command that stopped (WIFSTOPPED of wait(2)) has not ended. */
function endOf(attempt: { ended?(status: number): Outcome }, status: number): Outcome {
  return (status & 0xff) === 0x7f ? undefined : attempt.ended?.(status);
}
