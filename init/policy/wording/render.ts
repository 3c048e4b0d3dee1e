// Complaints about a policy as text: place, message, the line with the spot underlined, what was expected.
// Control characters that a policy holds are escaped and never reach the reader's terminal.

import { visible } from "../../sys/text/visible.ts";
import type { PolicyIssue } from "../issue.ts";
import { columnsOf } from "./width.ts";

const WIDTH = 100;
const GUTTER = 5;
const MOST_RENDERED = 20;

/** The parts of a complaint that are shown; a start has codes of its own. */
type Rendered = Pick<
  PolicyIssue,
  "line" | "column" | "length" | "message" | "expected" | "nearest" | "hint"
> & {
  readonly code: string;
};

/** All of them, each after the first with its own "fdinit: ": the caller puts one before the whole. */
export function renderIssues(name: string, text: string | undefined, issues: readonly PolicyIssue[]): string {
  const rendered = issues.slice(0, MOST_RENDERED).map((issue) => renderIssue(name, text, issue));
  if (issues.length > MOST_RENDERED)
    rendered.push(`${printable(name)}: and ${issues.length - MOST_RENDERED} more`);
  return rendered.join("\nfdinit: ");
}

/** `NAME:7:5: message [code]`, then the line of the text, then what helps. */
export function renderIssue(name: string, text: string | undefined, issue: Rendered): string {
  const { code, line, column, length = 1, message, expected, nearest, hint } = issue;
  const place = line === undefined ? "" : column === undefined ? `:${line}` : `:${line}:${column}`;
  const lines = [`${printable(name)}${place}: ${printable(message)} [${code}]`];
  const written =
    line === undefined || text === undefined ? undefined : text.replace(/^\ufeff/, "").split("\n")[line - 1];
  if (line !== undefined && column !== undefined && written !== undefined)
    lines.push(...excerpt(written, line, column, length));
  if (expected !== undefined) lines.push(`    expected ${printable(expected)}`);
  if (nearest !== undefined) lines.push(`    did you mean ${JSON.stringify(printable(nearest))}?`);
  if (hint !== undefined) lines.push(`    ${printable(hint)}`);
  return lines.join("\n");
}

function excerpt(written: string, line: number, column: number, length: number): string[] {
  const from = column - 1;
  const before = printable(written.slice(0, from));
  const spot = printable(written.slice(from, from + length));
  const after = printable(written.slice(from + length).trimEnd());
  // The spot comes first; then what leads to it, then what follows, as far as the line is wide.
  const shownSpot = clipEnd(spot, WIDTH);
  const shownBefore = clipStart(before, Math.max(20, WIDTH - columnsOf(shownSpot) - 20));
  const shownAfter = clipEnd(after, Math.max(0, WIDTH - columnsOf(shownBefore) - columnsOf(shownSpot)));
  const underline = `^${"~".repeat(Math.max(0, columnsOf(shownSpot) - 1))}`;
  return [
    `${String(line).padStart(GUTTER)} | ${shownBefore}${shownSpot}${shownAfter}`,
    `${" ".repeat(GUTTER)} | ${" ".repeat(columnsOf(shownBefore))}${underline}`,
  ];
}

function clipEnd(text: string, width: number): string {
  return text.length <= width ? text : width === 0 ? "" : `${text.slice(0, width - 1)}…`;
}

function clipStart(text: string, width: number): string {
  return text.length <= width ? text : `…${text.slice(text.length - width + 1)}`;
}

/** A tab is two spaces; what is not seen as itself is shown by its code. */
export function printable(text: string): string {
  return visible(text.replaceAll("\t", "  "));
}
