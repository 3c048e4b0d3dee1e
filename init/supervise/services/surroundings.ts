// The arguments of supervising several services besides the plan. Types only.

import type { Launch, PlannedService, ServicesSupervision, Step, Token } from "../../plan/plan.ts";
import type { Kernel } from "../../sys/kernel.ts";
import type { SayLine, Started } from "../surroundings.ts";

export interface ServicesSurroundings {
  readonly kernel: Kernel;
  readonly signalFd: number;
  readonly services: readonly PlannedService[];
  readonly supervision: ServicesSupervision;
  readonly say: SayLine;
  readonly context: {
    /** Tokens that a process still holds; supervision removes those that are released. */
    readonly tokens: Token[];
    /** The descriptors that PID 1 has opened and keeps, by name. */
    readonly opened: Map<string, number>;
  };
  /** The address of fdinit's own supervisor (NOTIFY_SOCKET), when it has one. */
  readonly supervisorSocket: string | undefined;
  /** Carries out the steps of one start. */
  launch(steps: readonly Step[]): Started;
  /** The user and group that a launch's program runs as, where they are not fdinit's own. */
  idsOf(launch: Launch): { readonly uid: number; readonly gid: number } | undefined;
}
