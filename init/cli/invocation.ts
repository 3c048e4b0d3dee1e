// The request of a command line: an ordinary start, a subcommand, the part of another init, or a complaint about it.

import type { Intent } from "../policy/types.ts";
import type { Original } from "./drop-in/names.ts";

export const INTENTS: readonly Intent[] = ["security", "performance", "simplicity"];

/** Words that are fdinit's own when they stand first; a program of such a name is run after `--`. */
export const SUBCOMMANDS = [
  "run",
  "check",
  "plan",
  "audit",
  "doctor",
  "schema",
  "policies",
  "status",
  "start",
  "stop",
  "restart",
  "reload",
  "signal",
  "health",
  "completion",
  "convert",
  "version",
  "help",
] as const;

export type Subcommand = (typeof SUBCOMMANDS)[number];

export interface Options {
  /** A file or the name of an embedded policy. */
  readonly policy?: string;
  readonly intent?: Intent;
  /** Of `run`: the only one of the policy's services that is started. */
  readonly service?: string;
}

/** A subcommand with the options behind its name. */
export interface SubcommandLine {
  readonly do: Exclude<Subcommand, "run">;
  readonly options: Options;
  /** The words that are neither an option nor its value; of `plan`, the program and its arguments as text. */
  readonly operands: readonly string[];
  readonly json?: true;
  readonly suggest?: true;
  readonly strict?: true;
  readonly pid?: number;
  /** Of `check`: one of command-table's FORMATS. */
  readonly format?: string;
  /** Of `convert`: one of its SOURCES. */
  readonly from?: string;
  readonly color?: string;
  /** The control socket of a running fdinit. */
  readonly control?: string;
  /** Of `start`, `stop` and `restart`: ends when the request is taken. */
  readonly noWait?: true;
  readonly timeout?: string;
  readonly quiet?: true;
  /** Of `plan`: the index of the program's name in argv. */
  readonly programAt?: number;
}

export type Invocation =
  /** `programAt` is the index of the program's name in argv; undefined when the policy has to name it. */
  | { readonly do: "run"; readonly options: Options; readonly programAt?: number }
  | SubcommandLine
  /** Started under the name of another init. `argv` has that name first. */
  | { readonly do: "standIn"; readonly original: Original; readonly argv: readonly string[] }
  | { readonly do: "complain"; readonly message: string };

export function complain(message: string): Invocation {
  return { do: "complain", message };
}
