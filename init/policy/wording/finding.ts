// A complaint before it has a position: where in the value it belongs, and whether to point at the key or
// at the value. Each step of reading a policy gives findings; load.ts turns them into issues.

import type { PolicyIssue } from "../issue.ts";
import { type KeyPath, pointerOf, readablePath } from "../key-path.ts";

/** UTF-16 offsets into the policy's text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Finding extends Pick<PolicyIssue, "code" | "message" | "expected" | "nearest" | "hint"> {
  readonly at: KeyPath;
  readonly on: "key" | "value";
  /** A part of the value's text to point at, such as `${NAME`. */
  readonly part?: string;
}

/** Points at what a finding is about; undefined without the text's structure. */
export type Locate = (finding: Finding) => Span | undefined;

/** A value of the right shape that means nothing usable. */
export function badValue(at: KeyPath, reason: string): Finding {
  return { code: "bad-value", message: `bad value for ${readablePath(at)}: ${reason}`, at, on: "value" };
}

export function issueOf(finding: Finding, text: string, span: Span | undefined): PolicyIssue {
  const { at, on: _on, part: _part, ...rest } = finding;
  return { ...rest, pointer: pointerOf(at), path: readablePath(at), ...(span && positionOf(text, span)) };
}

/** Line and column from 1, and how far the span reaches on its first line (at least one column). */
export function positionOf(
  text: string,
  { start, end }: Span,
): { line: number; column: number; length: number } {
  let line = 1;
  let lineStart = 0;
  for (let at = text.indexOf("\n"); at !== -1 && at < start; at = text.indexOf("\n", at + 1)) {
    line++;
    lineStart = at + 1;
  }
  const newline = text.indexOf("\n", start);
  const lineEnd = newline === -1 ? text.length : newline;
  return { line, column: start - lineStart + 1, length: Math.max(1, Math.min(end, lineEnd) - start) };
}
