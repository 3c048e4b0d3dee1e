// What a plan is: what the command line asks for, and tagged steps that nothing has carried out yet.
// Types only. launch/ executes the steps in order; `fdinit plan` will print them.

import type { Range, Rung } from "../sys/facts.ts";
import type { Arguments, ResourceLimit } from "../sys/kernel.ts";

/** What the command line asks to run; undefined when it names no program. */
export type CommandLine = { readonly program: Uint8Array; readonly arguments: Arguments } | undefined;

/** How one service's program is started. */
export interface Launch {
  readonly service: string;
  /** As written: a path, or a name to be found in PATH. */
  readonly program: Uint8Array;
  readonly arguments: Arguments;
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Descriptors of PID 1 and the numbers the program gets them under. */
  readonly pass: readonly { readonly from: number; readonly to: number }[];
  /** Its standard input is /dev/null instead of fdinit's own. */
  readonly devNullAsStdin: boolean;
}

/** How ranges of descriptors are closed or marked. */
export interface Sweep {
  readonly ranges: readonly Range[];
  /** The ways to try, in this order: a next one when a way does not work. */
  readonly rungs: readonly Rung[];
  /** Where trying every number ends. */
  readonly scanLimit: number;
  /** Numbers from there up may be left out (a warning of the plan says so). Else the launch fails. */
  readonly mayMiss: boolean;
}

export type Step =
  /** Close every descriptor of the ranges in PID 1. */
  | ({ readonly do: "close" } & Sweep)
  /** Mark every descriptor of the ranges: it stays in PID 1 and reaches no child. */
  | ({ readonly do: "cloexec" } & Sweep)
  /** Put /dev/null in the place of a descriptor, in PID 1 (CLOEXEC; the launch hands it on). */
  | { readonly do: "devnull"; readonly fd: number }
  /** Keep a number from being given out again: something may still write to it. */
  | { readonly do: "occupy"; readonly fd: number }
  | { readonly do: "nofile"; readonly limit: ResourceLimit }
  | { readonly do: "subreaper" }
  | { readonly do: "spawn"; readonly launch: Launch }
  /** Give up PID 1's copy of what the program now has. */
  | { readonly do: "drop"; readonly fd: number };

export interface Plan {
  readonly steps: readonly Step[];
  /** What a person should know and nothing stops for. */
  readonly warnings: readonly string[];
}

/** Why nothing was started. cli/ turns `code` into the exit code. */
export interface Refusal {
  readonly code: "descriptor" | "command-line";
  readonly message: string;
}

export type PlanResult =
  | { readonly ok: true; readonly plan: Plan }
  | { readonly ok: false; readonly refusals: readonly Refusal[] };
