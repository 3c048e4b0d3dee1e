// The arguments of supervision besides the plan. Types only.

import type { GivenPipe, Supervision, Token } from "../plan/plan.ts";
import type { Kernel } from "../sys/kernel.ts";

export type SayLine = (level: "error" | "warn" | "info" | "debug", message: string) => void;

/** How a start went: the program's pid, or the exit code for the reason of its failure. */
export type Started = { readonly pid: number } | { readonly code: number; readonly message: string };

export interface Surroundings {
  readonly kernel: Kernel;
  readonly signalFd: number;
  readonly supervision: Supervision;
  readonly say: SayLine;
  readonly context: {
    /** Tokens that a process still holds; supervision removes those that are released. */
    readonly tokens: Token[];
    /** Of the last start. */
    readonly pipes: readonly GivenPipe[];
  };
  /** Another start of the service. */
  startAgain(): Started;
}
