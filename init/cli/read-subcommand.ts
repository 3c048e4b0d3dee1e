// The words behind a subcommand's name, by the table of subcommands: options, operands, or what is wrong with them.

import { parseDuration } from "../policy/meaning/durations.ts";
import type { Environment } from "../policy/types.ts";
import { nearestWord } from "../policy/wording/nearest.ts";
import { commandEntry, type OptionEntry, type SubcommandEntry } from "./help/command-table.ts";
import { complain, type Invocation, type Subcommand, type SubcommandLine } from "./invocation.ts";
import { commandLineOptions, cut, type WrittenOptions } from "./options.ts";

type Flags = {
  -readonly [Key in
    | "json"
    | "suggest"
    | "strict"
    | "pid"
    | "format"
    | "from"
    | "color"
    | "control"
    | "noWait"
    | "timeout"
    | "quiet"]?: SubcommandLine[Key];
};

export function readSubcommand(
  subcommand: Subcommand,
  words: readonly string[],
  from: number,
  before: WrittenOptions,
  environment: Environment,
): Invocation {
  const entry = commandEntry(subcommand);
  // Without an entry it is not part of this version, which reports.ts says.
  if (!entry) return { do: "help", options: {}, operands: [] };
  const given: WrittenOptions = { ...before };
  const flags: Flags = {};
  const operands: string[] = [];
  let programAt: number | undefined;
  for (let index = from; index < words.length; index++) {
    const word = words[index] as string;
    const isOption = word.startsWith("-") && word !== "-";
    // Of run, the service's name comes before the program's.
    const isProgram = subcommand === "plan" || (subcommand === "run" && operands.length > 0);
    if (word === "--" || (isProgram && !isOption)) {
      // Behind it stands the program, or words that only look like options.
      const start = word === "--" ? index + 1 : index;
      operands.push(...words.slice(start));
      if (isProgram && start < words.length) programAt = start + 1;
      break;
    }
    if (!isOption) {
      operands.push(word);
      continue;
    }
    if (word === "-h" || word === "--help") return { do: "help", options: {}, operands: [subcommand] };
    const [name, attached] = cut(word, "=");
    const option = entry.options.find((known) => known.name === name);
    if (!option) return unknownOption(entry, word);
    if (option.value === undefined && attached !== undefined) return complain(`${name} takes no value`);
    const value = option.value === undefined ? "" : (attached ?? words[++index]);
    const wrong = take(option, value, given, flags);
    if (wrong !== undefined) return complain(wrong);
  }
  if (flags.json && flags.suggest)
    return complain("--suggest writes a policy, --json a report: take one of them");
  if (operands.length > entry.mostOperands)
    return complain(
      `${subcommand} does not know what to do with ${JSON.stringify(operands[entry.mostOperands])}`,
    );
  if (operands.length < (entry.leastOperands ?? 0)) return complain(`${subcommand} needs ${entry.operands}`);
  const options = commandLineOptions(given, environment);
  if ("message" in options) return complain(options.message);
  const program = programAt === undefined ? {} : { programAt };
  if (subcommand === "run")
    return { do: "run", options: { ...options, service: operands[0] as string }, ...program };
  return { do: subcommand, options, operands, ...flags, ...program };
}

/** Puts an option where it belongs, or says what is wrong with its value. */
function take(
  { name, value: named, choices }: OptionEntry,
  value: string | undefined,
  given: WrittenOptions,
  flags: Flags,
) {
  if (named !== undefined && (value === undefined || value === "")) return `${name} needs a value`;
  const word = value as string;
  if (name === "--policy") given.policy = word;
  // Which intents there are is said by who settles it: a variable may name one, too.
  else if (name === "--intent") given.intent = word;
  else if (choices && !choices.includes(word))
    return `${name} is ${JSON.stringify(word)}, not one of: ${choices.join(", ")}`;
  else if (name === "--pid") {
    if (!/^[1-9]\d{0,9}$/.test(word)) return `--pid is ${JSON.stringify(word)}, not a process id`;
    flags.pid = Number(word);
  } else if (name === "--no-wait") flags.noWait = true;
  else if (name === "--timeout" && parseDuration(word) === undefined)
    return `--timeout is ${JSON.stringify(word)}, not a duration such as 30s, 500ms or 2m`;
  else if (named === undefined) flags[name.slice(2) as "json" | "suggest" | "strict" | "quiet"] = true;
  else flags[name.slice(2) as "format" | "from" | "color" | "control" | "timeout"] = word;
  return undefined;
}

function unknownOption({ name, options }: SubcommandEntry, word: string): Invocation {
  const known = options.map((option) => option.name).filter((option) => option !== "--help");
  const which = known.length === 0 ? "has none" : `has ${known.join(", ")}`;
  const near = nearestWord(word, known);
  const meant = near === undefined ? "" : `; did you mean ${near}?`;
  return complain(`unknown option ${JSON.stringify(word)}: ${name} ${which}${meant}`);
}
