// `fdinit help [SUBCOMMAND|KEY|CODE]`: the words of the tables and of the schema, for one thing or for all of it.

import { version } from "../../../package.json";
import policySchema from "../../../schema/editor.schema.json" with { type: "text" };
import type { PolicyIssueCode } from "../../policy/issue.ts";
import { flow } from "../../policy/wording/flow.ts";
import { nearestWord } from "../../policy/wording/nearest.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { EXIT_USAGE } from "../exit-codes.ts";
import type { SubcommandLine } from "../invocation.ts";
import { widthOf } from "../output/look.ts";
import { type Outcome, print } from "../output/print.ts";
import { wordTable, wrapped as wrappedTo } from "../output/table.ts";
import { embeddedNames } from "../policy-source/embedded.ts";
import {
  COMMANDS,
  commandEntry,
  EXIT_TABLE,
  OPTIONS,
  optionInWords,
  type SubcommandEntry,
  usageOf,
} from "./command-table.ts";
import { type Explained, MESSAGES, START_MESSAGES } from "./messages.ts";
import { keyNames, type Schema, schemaAt } from "./schema-keys.ts";

/** Lines that are longer are hard to read, however wide the terminal is. */
const MOST_COLUMNS = 100;
const LEAST_COLUMNS = 40;

let width = MOST_COLUMNS;

export function help(kernel: Kernel, { operands: [about] }: SubcommandLine): Outcome {
  width = Math.max(LEAST_COLUMNS, Math.min(MOST_COLUMNS, widthOf(kernel) ?? MOST_COLUMNS));
  if (about === undefined) return print(kernel, overview());
  const text = explain(about);
  if (text !== undefined) return print(kernel, text);
  const ends = keyNames().filter((key) => key.endsWith(`.${about}`));
  if (ends.length > 0) {
    const texts = ends.slice(0, MOST_EXPLAINED).map((key) => explain(key) ?? "");
    const more = ends.slice(MOST_EXPLAINED);
    return print(kernel, [...texts, ...(more.length === 0 ? [] : [`and: ${more.join(", ")}\n`])].join("\n"));
  }
  const known = [...COMMANDS.map(({ name }) => name), ...Object.keys(MESSAGES), ...keyNames()];
  const near = nearestWord(about, known);
  const meant = near === undefined ? "" : `; did you mean ${near}?`;
  return {
    code: EXIT_USAGE,
    complaint: `${JSON.stringify(about)} is no subcommand, no key of the policy, no code of a message and no exit code${meant}`,
  };
}

/** More keys than this of one name are listed only. */
const MOST_EXPLAINED = 3;

function explain(about: string): string | undefined {
  const command = commandEntry(about);
  if (command) return commandHelp(command);
  if (Object.hasOwn(MESSAGES, about)) return codeHelp(about, MESSAGES[about as PolicyIssueCode]);
  const start = Object.hasOwn(START_MESSAGES, about) ? START_MESSAGES[about] : undefined;
  if (start) return codeHelp(`${about} (exit code ${start.exit})`, start);
  const exit = EXIT_TABLE.find(({ code }) => code === about);
  if (exit) return exitHelp(exit);
  const isSignal = /^\d+$/.test(about) && Number(about) > 128 && Number(about) <= 192;
  if (isSignal) return `exit code ${about}: signal ${Number(about) - 128} ended the program (128 + n)\n`;
  const node = schemaAt(JSON.parse(policySchema as unknown as string) as Schema, about);
  return node && keyHelp(about, node);
}

function exitHelp({ code, means, remedy }: (typeof EXIT_TABLE)[number]): string {
  const starts = Object.entries(START_MESSAGES).filter(([, { exit }]) => String(exit) === code);
  return [
    `exit code ${code}: ${means}`,
    ...(remedy === "" ? [] : [`  ${remedy}`]),
    ...starts.flatMap(([name, explained]) => ["", codeHelp(name, explained).trimEnd()]),
    "",
  ].join("\n");
}

function codeHelp(code: string, { means, remedy, wrong, right }: Explained): string {
  return [
    code,
    ...wrapped(means, "  "),
    ...wrapped(`What to do: ${remedy}`, "  "),
    ...(wrong === undefined ? [] : ["", "wrong:", ...indented(wrong)]),
    ...(right === undefined ? [] : ["", "right:", ...indented(right)]),
    "",
  ].join("\n");
}

function keyHelp(path: string, node: Schema): string {
  const { title, description, examples, properties } = node;
  const keys = Object.entries((properties ?? {}) as Record<string, Schema>);
  const byDefault = "default" in node && keys.length === 0 ? [`  default: ${flow(node["default"])}`] : [];
  const last = path.split(".").at(-1) ?? path;
  return [
    `${path}: ${title}`,
    ...wrapped(String(description), "  "),
    ...byDefault,
    ...(Array.isArray(examples) && examples.length > 0
      ? ["", "examples:", ...examples.map((example) => `  ${last}: ${flow(example)}`)]
      : []),
    ...(keys.length === 0
      ? []
      : ["", "keys:", ...columns(keys.map(([key, child]) => [key, String(child["title"])]))]),
    "",
  ].join("\n");
}

function commandHelp(command: SubcommandEntry): string {
  const { name, title, words, options, exits, example } = command;
  return [
    ...wrapped(`fdinit ${name}: ${title}`, ""),
    "",
    `usage: ${usageOf(command)}`,
    "",
    ...wrapped(words, ""),
    "",
    "options",
    ...columns(options.map((option) => [optionInWords(option), option.words])),
    "",
    ...wrapped(`exit code: ${exits}`, ""),
    `example: ${example}`,
    "",
  ].join("\n");
}

function overview(): string {
  const usages = COMMANDS.map((command) => [usageOf(command), command.title]);
  const options = OPTIONS.map((option) => [
    optionInWords(option),
    option.variable === undefined ? option.words : `${option.words} (variable ${option.variable})`,
  ]);
  return [
    ...wrapped(`fdinit ${version}: a container init that decides about every inherited file descriptor`, ""),
    "",
    "usage: fdinit [OPTIONS] [--] COMMAND [ARGS...]",
    "",
    ...columns(usages),
    "",
    ...wrapped(
      "Runs one program as a container's PID 1 (or below it), with exactly the descriptors that the policy lets through; forwards every signal, reaps every child, and exits with the program's own code.",
      "",
    ),
    "",
    "options",
    ...columns([...options, ["--", "what follows is the program, even when it has a subcommand's name"]]),
    "",
    ...wrapped(`embedded policies: ${embeddedNames().join(", ")}`, ""),
    "",
    "exit codes",
    ...columns(EXIT_TABLE.map(({ code, means }) => [code, means])),
    "",
  ].join("\n");
}

/** Two columns; the second goes on below itself. */
function columns(rows: readonly (readonly string[])[]): string[] {
  return wordTable(rows, width).trimEnd().split("\n");
}

function wrapped(text: string, before: string): string[] {
  return wrappedTo(text, before, width);
}

function indented(text: string): string[] {
  return text.split("\n").map((line) => `  ${line}`);
}
