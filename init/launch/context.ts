// The input of a launch besides its plan, and the state it leaves for later starts and for supervision. Types only.

import type { GivenPipe, Token } from "../plan/plan.ts";
import type { Kernel } from "../sys/kernel.ts";

/** The facts a launch may use besides the plan, and the state that later starts need of the earlier ones. */
export interface LaunchContext {
  readonly kernel: Kernel;
  /** Numbers that fdinit opens itself start here, above anything the runtime may still write to. */
  readonly firstOwn: number;
  /** The descriptors of fds.open that PID 1 still has, by name. */
  readonly opened: Map<string, number>;
  readonly tokens: Token[];
  /** Of the last start. */
  pipes: readonly GivenPipe[];
}
