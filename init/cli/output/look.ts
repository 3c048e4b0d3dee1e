// How a report looks: whether it is coloured, and how wide it may be. Colour only ever repeats what the words say.

import { columnsOf } from "../../policy/wording/width.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { STDOUT_FILENO } from "../../sys/libc/constants.ts";
import { environmentOf } from "../command-line.ts";

export interface Look {
  readonly isColoured: boolean;
  /** Columns; undefined: lines are not cut. */
  readonly width: number | undefined;
}

/** https://no-color.org; `when` is the option --color. */
export function lookOf(kernel: Kernel, when: string | undefined): Look {
  const variable = environmentOf(kernel);
  const isAsked = when === "always" || (when !== "never" && isFit(kernel, variable));
  return { isColoured: isAsked, width: widthOf(kernel) };
}

/** COLUMNS, else the width of the terminal that is written to. A pipe gets whole lines. */
export function widthOf(kernel: Kernel): number | undefined {
  const columns = environmentOf(kernel)("COLUMNS") ?? "";
  return /^[1-9]\d{1,3}$/.test(columns) ? Number(columns) : kernel.terminalColumns(STDOUT_FILENO);
}

function isFit(kernel: Kernel, variable: (name: string) => string | undefined): boolean {
  if ((variable("NO_COLOR") ?? "") !== "") return false;
  return variable("TERM") !== "dumb" && kernel.terminal(STDOUT_FILENO) !== undefined;
}

const RED = "31";
const GREEN = "32";
const YELLOW = "33";
const BOLD = "1";

/** Words that mean an outcome, and headings: a line that begins at the margin. */
export function dressed(text: string, { isColoured, width }: Look): string {
  return text
    .split("\n")
    .map((line) => colour(width === undefined ? line : cut(line, width), isColoured))
    .join("\n");
}

function cut(line: string, width: number): string {
  if (columnsOf(line) <= width) return line;
  let kept = "";
  for (const character of line) {
    if (columnsOf(kept + character) >= width) break;
    kept += character;
  }
  return `${kept}…`;
}

function colour(line: string, isColoured: boolean): string {
  if (!isColoured) return line;
  if (/^\S/.test(line)) return paint(line, BOLD);
  if (/^ {2}outcome +/.test(line))
    return paint(line, /it would start|everything would be/.test(line) ? GREEN : RED);
  return line
    .replace(/(?<=\S +)(refuse|refused)(?= {2})/g, (word) => paint(word, RED))
    .replace(/(?<=\S +)(close|closed|devnull)(?= {2})/g, (word) => paint(word, YELLOW))
    .replace(/(?<=\S +)(keep)(?= {2})/g, (word) => paint(word, GREEN));
}

function paint(text: string, code: string): string {
  return `\x1b[${code}m${text}\x1b[0m`;
}
