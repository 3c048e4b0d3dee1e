// What supervision is given besides the plan. Types only.

import type { GivenPipe, Supervision, Token } from "../plan/plan.ts";
import type { Kernel } from "../sys/kernel.ts";

export type SayLine = (level: "error" | "warn" | "info" | "debug", message: string) => void;

/** How a start went: the program's pid, or the exit code that stands for what stood in the way. */
export type Started = { readonly pid: number } | { readonly code: number; readonly message: string };

export interface Surroundings {
  readonly kernel: Kernel;
  readonly signalFd: number;
  readonly supervision: Supervision;
  readonly say: SayLine;
  readonly context: {
    /** Tokens that are out; supervision takes those away that are gone. */
    readonly tokens: Token[];
    /** Of the last start. */
    readonly pipes: readonly GivenPipe[];
  };
  /** Another start of the service. */
  startAgain(): Started;
}
