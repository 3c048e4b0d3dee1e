// How a launch went: the program's pid, or what stood in the way. Types only.

import type { PolicyKey, Remark } from "../plan/plan.ts";

/** What could not be done: the stage in words, and the exit code it leads to. */
export interface LaunchFailure {
  readonly code: "kernel" | "descriptor" | "not-found" | "not-executable" | "cannot-start";
  readonly message: string;
  /** The key of the policy that asked for what failed. */
  readonly at?: PolicyKey;
  /** The service whose start failed: a key of it is at fault, which the call in the message tells. */
  readonly service?: string;
  /** What execvp(3) would have left in errno, when the program is at fault. */
  readonly errno?: number;
  /** Nothing is wrong with what was to be started: later there may be room for one more process. */
  readonly isTemporary?: true;
}

export type LaunchResult =
  | {
      readonly ok: true;
      readonly pid: number;
      readonly service: string;
      /** What failed when the program was running already, in words. */
      readonly afterwards: readonly string[];
      /** What a person should know and nothing stops for. */
      readonly warnings?: readonly Remark[];
    }
  | { readonly ok: false; readonly failure: LaunchFailure };
