// Reads the command line: options up to the first word that is not one, then a subcommand or the program.
// Answers an invocation or a complaint. The program's own words are never looked at.

import type { CommandLine } from "../plan/plan.ts";
import type { Environment, Intent } from "../policy/types.ts";
import { textOf } from "../sys/bytes.ts";
import type { Kernel } from "../sys/kernel.ts";
import { type Original, originalOf } from "./drop-in/names.ts";
import { environmentOf } from "./environment.ts";
import { secondModule } from "./load-second-module.ts";

export const INTENTS: readonly Intent[] = ["security", "performance", "simplicity"];

/** Words that are fdinit's own when they stand first; a program of such a name is run after `--`. */
export const SUBCOMMANDS = [
  "check",
  "plan",
  "audit",
  "doctor",
  "schema",
  "policies",
  "status",
  "restart",
  "stop",
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
}

/** A subcommand with the options behind its name. */
export interface SubcommandLine {
  readonly do: Subcommand;
  readonly options: Options;
  /** The words that are neither options nor their values; of `plan`, the program and its arguments as text. */
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

/** The options as they were written, not yet checked. */
export interface Given {
  policy?: string;
  intent?: string;
}

/** Reads the command line: as argv[0] has it, that of another init. `words` are those after argv[0]. */
export function readCommandLine(kernel: Kernel, words: readonly string[]): Invocation {
  const argv0 = kernel.commandLineArgument(0);
  const original = originalOf(argv0);
  return original === undefined
    ? readArguments(words, environmentOf(kernel))
    : { do: "standIn", original, argv: [textOf(argv0), ...words] };
}

/** Reads argv without argv[0]; `environment` supplies FDINIT_POLICY and FDINIT_INTENT where no option does. */
export function readArguments(words: readonly string[], environment: Environment): Invocation {
  const given: Given = {};
  let index = 0;
  for (; index < words.length; index++) {
    const word = words[index] as string;
    if (word === "--") return run(given, environment, index + 1 < words.length ? index + 1 : undefined);
    if (word === "-h" || word === "--help") return { do: "help", options: {}, operands: [] };
    if (word === "-V" || word === "--version") return { do: "version", options: {}, operands: [] };
    if (!word.startsWith("-") || word === "-") break;
    const [name, attached] = cut(word, "=");
    if (name !== "--policy" && name !== "--intent") return unknownOption(word);
    const value = attached ?? words[++index];
    if (value === undefined || value === "") return complain(`${name} needs a value`);
    given[name === "--policy" ? "policy" : "intent"] = value;
  }
  const first = words[index];
  const subcommand = SUBCOMMANDS.includes(first as Subcommand) ? (first as Subcommand) : undefined;
  if (!subcommand) return run(given, environment, first === undefined ? undefined : index);
  return secondModule().readSubcommand(subcommand, words, index + 1, given, environment);
}

/** The program that stands at argv[at], with the arguments after it, byte for byte. */
export function commandLineFrom(kernel: Kernel, at: number | undefined): CommandLine {
  return at === undefined
    ? undefined
    : { program: kernel.commandLineArgument(at), arguments: { commandLineFrom: at } };
}

export function complain(message: string): Invocation {
  return { do: "complain", message };
}

function unknownOption(word: string): Invocation {
  const program = word.startsWith("--") ? "" : "; to run a program of that name write it after --";
  return complain(
    `unknown option ${JSON.stringify(word)}: the options are --policy FILE|NAME, --intent I, --help, --version${program}`,
  );
}

function run(given: Given, environment: Environment, at?: number): Invocation {
  const options = commandLineOptions(given, environment);
  if ("message" in options) return complain(options.message);
  // argv[0] is fdinit's own name, hence one further.
  return at === undefined ? { do: "run", options } : { do: "run", options, programAt: at + 1 };
}

/** An option wins over its variable; a variable set to nothing counts as unset. */
export function commandLineOptions(given: Given, environment: Environment): Options | { message: string } {
  const policy = given.policy ?? (environment("FDINIT_POLICY") || undefined);
  const word = given.intent ?? (environment("FDINIT_INTENT") || undefined);
  const intent = INTENTS.includes(word as Intent) ? (word as Intent) : undefined;
  if (word !== undefined && !intent) {
    const origin = given.intent === undefined ? "FDINIT_INTENT" : "--intent";
    return { message: `${origin} is ${JSON.stringify(word)}, not one of: ${INTENTS.join(", ")}` };
  }
  return { ...(policy === undefined ? {} : { policy }), ...(intent ? { intent } : {}) };
}

export function cut(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
