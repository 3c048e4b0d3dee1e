// Words for complaints: a value as it is shown, and the hint for a mistake that many make.

import type { KeyPath } from "./key-path.ts";

const MOST_SHOWN = 60;

/** A value in a few words, on one line. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value !== "string") return String(value);
  const text = JSON.stringify(value);
  return text.length <= MOST_SHOWN ? text : `${text.slice(0, MOST_SHOWN)}…"`;
}

export function hintFor(at: KeyPath, value: unknown, expected: string): string | undefined {
  const key = at.at(-1);
  if ((key === "command" || key === "exec") && typeof value === "string")
    return `write ${key}: ${arrayForm(value)}`;
  if (expected === "true or false" && typeof value === "string") return yesOrNo(value);
  if (/^a duration/.test(expected) && typeof value === "number") return `add a unit, such as ${value}s`;
  if (/signal/.test(expected) && typeof value === "string" && value !== value.toUpperCase()) {
    return `write ${value.toUpperCase()}`;
  }
  const isText = /^(a text|an octal|a variable|the|one of)/.test(expected);
  if (isText && (typeof value === "number" || typeof value === "boolean"))
    return `put it in quotes: "${value}"`;
  return undefined;
}

function yesOrNo(value: string): string | undefined {
  const word = value.toLowerCase();
  if (["yes", "on", "y", "1", "true"].includes(word)) return "write true";
  if (["no", "off", "n", "0", "false"].includes(word)) return "write false";
  return undefined;
}

/** A shell's line as a list: split at spaces when no shell is needed for it, else handed to a shell. */
function arrayForm(line: string): string {
  const words = /["'`$&|;<>()*?[\]{}~#\\\n]/.test(line) ? ["/bin/sh", "-c", line] : line.trim().split(/\s+/);
  return `[${words.map((word) => JSON.stringify(word)).join(", ")}]`;
}
