// Reads the files of `envFile`: a variable on each line, as Docker's --env-file and systemd's EnvironmentFile have it.
// Read at each start, so that a restart takes what has changed.

import type { Kernel } from "../sys/kernel.ts";
import { pathErrorText } from "../sys/libc/errno.ts";
import { textOf } from "../sys/text/bytes.ts";

/** Linux takes no more than this for one variable (MAX_ARG_STRLEN, execve(2)); a file may hold several. */
const LONGEST_FILE = 1 << 20;

/** The variables of all files, later ones winning; or what is wrong with one of them. */
export function readEnvironmentFiles(
  kernel: Pick<Kernel, "readFile">,
  paths: readonly string[],
): { readonly variables: Readonly<Record<string, string>> } | { readonly problem: string } {
  const variables: Record<string, string> = {};
  for (const path of paths) {
    const bytes = kernel.readFile(path, LONGEST_FILE + 1);
    if (typeof bytes === "number")
      return { problem: `cannot read envFile ${JSON.stringify(path)}: ${pathErrorText(-bytes)}` };
    if (bytes.length > LONGEST_FILE)
      return { problem: `envFile ${JSON.stringify(path)} is longer than ${LONGEST_FILE} bytes` };
    const found = parseEnvironmentFile(textOf(bytes));
    if ("problem" in found) return { problem: `${path}:${found.line}: ${found.problem}` };
    Object.assign(variables, found.variables);
  }
  return { variables };
}

type Parsed =
  | { readonly variables: Readonly<Record<string, string>> }
  | { readonly line: number; readonly problem: string };

/**
 * `NAME=value` lines. Empty lines and lines that begin with # say nothing; `export ` in front of a name is passed over. A
 * value in single quotes is taken as it stands; in double quotes \n, \t, \", \\ and \$ stand for what they do in a shell.
 * Without quotes it reaches to the end of the line, blanks at both ends left out. Nothing is expanded.
 */
export function parseEnvironmentFile(text: string): Parsed {
  const variables: Record<string, string> = {};
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .entries()) {
    const line = raw.replace(/\r$/, "").trim();
    if (line === "" || line.startsWith("#")) continue;
    const at = line.indexOf("=");
    const name = line
      .slice(0, Math.max(0, at))
      .replace(/^export\s+/, "")
      .trimEnd();
    const wrong = (problem: string) => ({ line: index + 1, problem });
    if (at < 0) return wrong(`a line needs a "=": write NAME=value`);
    if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name))
      return wrong(`${JSON.stringify(name)} is no name of a variable`);
    const value = unquoted(line.slice(at + 1).trimStart());
    if (value === undefined) return wrong("the quotes are not closed at the end of the line");
    if (value.includes("\0")) return wrong("a value cannot hold a NUL");
    variables[name] = value;
  }
  return { variables };
}

const ESCAPED: Readonly<Record<string, string>> = { n: "\n", t: "\t", '"': '"', "\\": "\\", $: "$" };

function unquoted(text: string): string | undefined {
  const quote = text[0];
  if (quote !== '"' && quote !== "'") return text;
  if (quote === "'") {
    const [, inside] = /^'([^']*)'$/.exec(text) ?? [];
    return inside;
  }
  const [, inside] = /^"((?:[^"\\]|\\.)*)"$/.exec(text) ?? [];
  return inside?.replace(/\\(.)/g, (both, letter: string) => ESCAPED[letter] ?? both);
}
