// How a launch went: the program's pid, or the stage that failed. Types only.

import type { PolicyKey, Remark } from "../plan/plan.ts";
import type { LaunchStage } from "./stages.ts";

/** The stage of a launch that failed. `message` is its words for people. */
export interface LaunchFailure {
  readonly stage: LaunchStage;
  readonly message: string;
  /** The error and the system call it came from, where the kernel refused. */
  readonly errno?: number;
  readonly call?: string;
  /** The key of the policy that asked for what failed. */
  readonly at?: PolicyKey;
  /** The service whose start failed: the stage tells which of its keys is at fault. */
  readonly service?: string;
  /** Nothing is wrong with what was to be started: later there may be room for one more process. */
  readonly isTemporary?: true;
}

export type LaunchResult =
  | {
      readonly ok: true;
      readonly pid: number;
      readonly service: string;
      /** The steps that failed when the program was running already, in words. */
      readonly afterwards: readonly string[];
      /** Problems that a person should know of and that do not stop the start. */
      readonly warnings?: readonly Remark[];
    }
  | { readonly ok: false; readonly failure: LaunchFailure };

/** How the steps before any start of several services went. */
export type Prepared =
  | { readonly ok: true; readonly warnings: readonly Remark[] }
  | { readonly ok: false; readonly failure: LaunchFailure };
