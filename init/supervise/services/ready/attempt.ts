// One try of a readiness check: what it waits for, and how it has ended. Types only.

import type { ReadyCheck } from "../../../plan/plan.ts";
import type { Watched } from "../../../sys/kernel.ts";

/** The checks that fdinit makes itself. The other kinds wait for the service's own word. */
export type ProbeCheck = Extract<ReadyCheck, { readonly by: "tcp" | "http" | "exec" | "file" }>;

/** True: it has succeeded. A text: why it has failed. Undefined: it goes on. */
export type Outcome = true | string | undefined;

export interface Attempt {
  start(): Outcome;
  /** The descriptor it waits for; undefined: none. */
  watched(): Watched | undefined;
  /** That descriptor is ready. */
  ready(): Outcome;
  /** Its time is over. When it still goes on after this, it gets the same time again. */
  late(): Outcome;
  /** The process it waits for; undefined: none. */
  readonly pid?: number | undefined;
  /** That process has ended, with wait(2)'s status. */
  ended?(status: number): Outcome;
  /** Closes what is open, and kills what runs. */
  end(): void;
}
