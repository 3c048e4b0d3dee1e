// Puts the place in the policy before what is said about a start: file, line and column of the key that is at fault, as
// complaints about a policy have them. Reads the policy a second time, which only a start with something to say pays for.

import type { PolicyKey } from "../../plan/plan.ts";
import { placed, textOfPolicy } from "../../policy/check.ts";
import { readablePath } from "../../policy/key-path.ts";
import type { Policy } from "../../policy/types.ts";
import { renderIssue } from "../../policy/wording/render.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { findPolicy } from "../policy-source/find-policy.ts";

/** A message about a start. `at`: the keys that may be at fault, of which the first that the policy holds is named. */
export interface StartMessage {
  readonly message: string;
  readonly at: readonly PolicyKey[];
  readonly hint?: string | undefined;
}

/** The text of the policy that a start was made by; undefined for a built-in one, and for one that cannot be read twice. */
export interface PolicyText {
  readonly name: string;
  readonly text: string;
}

export function policyText(kernel: Kernel, { source: { name } }: Policy): PolicyText | undefined {
  const found = name === undefined || name === "standard input" ? undefined : findPolicy(kernel, name);
  if (!found?.ok || !found.source) return undefined;
  return { name: found.source.name, text: textOfPolicy(found.source) ?? "" };
}

interface Place {
  readonly key: string;
  readonly line: number;
  readonly column?: number;
  readonly length?: number;
}

function placeIn({ text }: PolicyText, keys: readonly PolicyKey[]): Place | undefined {
  for (const at of keys) {
    // A service or an opened descriptor is pointed at by its name, anything else by its value.
    const on = at.length === 2 || (at[1] === "open" && at.length === 3) ? "key" : "value";
    const [issue] = placed(text, [{ code: "bad-value", message: "", at, on }]);
    const { line, column, length } = issue ?? {};
    if (line !== undefined && line > 0)
      return {
        key: readablePath(at),
        line,
        ...(column === undefined ? {} : { column }),
        ...(length === undefined ? {} : { length }),
      };
  }
  return undefined;
}

function withKey(message: string, place: Place | undefined): string {
  return place === undefined || message.includes(place.key) ? message : `${message} (${place.key})`;
}

/** `NAME:7:5: message (key) [code]`, the line with the spot underlined, and what helps. */
export function placedComplaint(policy: PolicyText | undefined, code: string, said: StartMessage): string[] {
  const { message, at, hint } = said;
  const place = policy && placeIn(policy, at);
  const issue = { code, message: withKey(message, place), ...(hint === undefined ? {} : { hint }) };
  if (!policy || !place) return [`${message} [${code}]`, ...(hint === undefined ? [] : [`    ${hint}`])];
  return renderIssue(policy.name, policy.text, { ...issue, ...place }).split("\n");
}

/** `NAME:7:5: message (key)`, on one line. */
export function placedLine(
  policy: PolicyText | undefined,
  message: string,
  at: PolicyKey | undefined,
): string {
  const place = policy && at && placeIn(policy, [at]);
  if (!policy || !place) return message;
  return `${policy.name}:${place.line}:${place.column ?? 1}: ${withKey(message, place)}`;
}
