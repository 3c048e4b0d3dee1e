// The contents of a report on a plan: plan.ts finds them out, plan-report.ts words them. Types only.

import type { decideAll } from "../../plan/build.ts";
import type { Refusal, Step } from "../../plan/plan.ts";
import type { Policy } from "../../policy/types.ts";
import type { Descriptor } from "../../sys/descriptors/kinds.ts";
import type { Facts } from "../../sys/facts.ts";

/** An inherited descriptor, what is decided about it, and where it ends up. */
export interface Fate {
  readonly known: ReturnType<typeof decideAll>[number];
  readonly inPid1: string;
  /** The numbers the program has it under. */
  readonly inProgram: readonly number[];
}

/** A descriptor that fdinit or the runtime has opened. */
export interface OwnDescriptor {
  readonly fd: number;
  readonly descriptor: Descriptor;
  readonly owner: "fdinit" | "the runtime";
}

export interface Placed {
  readonly message: string;
  /** The message behind file, line and column of the key it is about. */
  readonly line: string;
}

/** Everything a report on a plan says. */
export interface PlanReport {
  readonly policy: Policy;
  readonly facts: Facts;
  readonly fates: readonly Fate[];
  readonly own: readonly OwnDescriptor[];
  readonly steps: readonly { readonly step: Step; readonly words: string }[];
  readonly refusals: readonly (Refusal & Placed)[];
  readonly warnings: readonly Placed[];
  readonly exitCode: number;
  /** A command of the command line takes the place of the service's own. */
  readonly isForCommandLine: boolean;
}
