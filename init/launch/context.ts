// What a launch is given besides its plan, and what it leaves for later starts and for supervision. Types only.

import type { GivenPipe, Token } from "../plan/plan.ts";
import type { Kernel } from "../sys/kernel.ts";

/** What a launch may know besides the plan, and what later starts need of the earlier ones. */
export interface LaunchContext {
  readonly kernel: Kernel;
  /** Numbers that fdinit opens itself start here, above anything the runtime may still write to. */
  readonly firstOwn: number;
  /** What fds.open names and PID 1 still has, by name. */
  readonly opened: Map<string, number>;
  readonly tokens: Token[];
  /** Of the last start. */
  pipes: readonly GivenPipe[];
}
