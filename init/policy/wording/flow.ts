// A value in YAML's flow style, as a policy would write it on one line. For reports and for what complaints suggest.

import { visibleJson } from "../../sys/text/visible.ts";

/** Words that some YAML parser reads as something other than a text. */
const ODD_WORD = /^(y|n|yes|no|on|off|true|false|null|nan|inf)$/i;

/** Words, ranges of descriptors and durations need no quotes. */
const PLAIN =
  /^[A-Za-z][A-Za-z0-9]*$|^[A-Z][A-Z0-9_]*$|^\d+-\d*$|^\d+(ms|s|m|h)(\.\.\d+(ms|s|m|h))?$|^\d+\/\d+(ms|s|m|h)$/;

/** A text that could be read as something else is quoted. */
export function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, child]) => `${flow(key)}: ${flow(child)}`);
    return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
  }
  const isPlain = typeof value !== "string" || (PLAIN.test(value) && !ODD_WORD.test(value));
  return isPlain ? String(value) : visibleJson(value);
}
