// The checks of `ready` that ask a service from outside, each made once by a process beside PID 1. A command (`exec`) would
// need the service's user and variables, and notifications go to PID 1 alone.

import type { ReadyCheck } from "../../policy/types.ts";
import { probeOnce } from "../../supervise/services/ready/probe-once.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { ENOSYS } from "../../sys/libc/errno.ts";

/** The longest that one check may take: an exec probe of Kubernetes has a second by default, HEALTHCHECK has 30. */
const PATIENCE_MS = 500;

export interface CheckedService {
  readonly name: string;
  readonly ready?: ReadyCheck;
}

/** Why services do not answer, one text for each that does not. */
export function unanswered(kernel: Kernel, services: readonly CheckedService[]): string[] {
  return services.flatMap(({ name, ready }) => {
    if (ready?.by !== "tcp" && ready?.by !== "http" && ready?.by !== "file") return [];
    const answer = probeOnce(kernel, ready, PATIENCE_MS, () => -ENOSYS);
    return answer === true ? [] : [`${name} does not answer: ${answer}`];
  });
}
