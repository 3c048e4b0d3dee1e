// Reads the command line: options up to the first word that is not one, then a subcommand or the program.
// Answers an invocation or a complaint. Pure: words and variables are arguments. The program's own words are never looked at.

import type { Environment } from "../policy/types.ts";
import { originalOf } from "./drop-in/names.ts";
import { complain, type Invocation, SUBCOMMANDS, type Subcommand } from "./invocation.ts";
import { commandLineOptions, cut, type WrittenOptions } from "./options.ts";
import type { readSubcommand } from "./read-subcommand.ts";

/** Reads the words behind a subcommand's name; asked for where there is one. */
type SubcommandReader = () => { readonly readSubcommand: typeof readSubcommand };

/** Reads the command line. Where argv[0] is the name of another init, the words are that one's and are not read here. */
export function readCommandLine(
  argv: readonly string[],
  environment: Environment,
  reader: SubcommandReader,
): Invocation {
  const original = originalOf(argv[0] ?? "");
  return original === undefined
    ? readArguments(argv.slice(1), environment, reader)
    : { do: "standIn", original, argv };
}

/** Reads argv without argv[0]; `environment` supplies FDINIT_POLICY and FDINIT_INTENT where no option does. */
export function readArguments(
  words: readonly string[],
  environment: Environment,
  reader: SubcommandReader,
): Invocation {
  const given: WrittenOptions = {};
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
  return reader().readSubcommand(subcommand, words, index + 1, given, environment);
}

function unknownOption(word: string): Invocation {
  const program = word.startsWith("--") ? "" : "; to run a program of that name write it after --";
  return complain(
    `unknown option ${JSON.stringify(word)}: the options are --policy FILE|NAME, --intent I, --help, --version${program}`,
  );
}

function run(given: WrittenOptions, environment: Environment, at?: number): Invocation {
  const options = commandLineOptions(given, environment);
  if ("message" in options) return complain(options.message);
  // argv[0] is fdinit's own name, hence one further.
  return at === undefined ? { do: "run", options } : { do: "run", options, programAt: at + 1 };
}
