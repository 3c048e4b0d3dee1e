// Reading policies in tests: the resolved one, or each complaint with its code, pointer and place.

import type { PolicyIssue } from "../../../init/policy/issue.ts";
import { loadPolicy } from "../../../init/policy/load.ts";
import type { Intent, Policy, Service } from "../../../init/policy/types.ts";

const VARIABLES: Readonly<Record<string, string>> = {
  PORT: "8080",
  COUNT: "2048",
  EMPTY: "",
  MONEY: "$$${X}",
  YES: "true",
};
const environment = (name: string) => VARIABLES[name];

function load(text: string | Uint8Array, intent?: Intent) {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  return loadPolicy({ name: "policy.yaml", bytes }, environment, intent === undefined ? {} : { intent });
}

export function policyOf(text: string, intent?: Intent): Policy {
  const result = load(text, intent);
  if (!result.ok) throw new Error(JSON.stringify(result.issues));
  return result.policy;
}

export function issuesOf(text: string | Uint8Array): readonly PolicyIssue[] {
  const result = load(text);
  if (result.ok) throw new Error(`no complaint about ${JSON.stringify(text)}`);
  return result.issues;
}

/** `code pointer line:column` of each. */
export function brief(text: string | Uint8Array): string[] {
  return issuesOf(text).map(({ code, pointer, line, column }) => `${code} ${pointer} ${line}:${column}`);
}

/** A policy of `text` behind its first line. */
export function policyWith(text: string, intent?: Intent): Policy {
  return policyOf(`version: 1\n${text}\n`, intent);
}

/** The service of a policy, given what stands between its braces. */
export function serviceWith(text: string): Service {
  return policyWith(`services: { app: { ${text} } }`).services[0];
}

/** `code pointer line:column` of each complaint about `text` behind the first line of a policy. */
export function complaints(text: string): string[] {
  return brief(`version: 1\n${text}\n`);
}

/** The first complaint about `text`, which stands in a policy as in `complaints`. */
export function complaint(text: string): PolicyIssue {
  return issuesOf(`version: 1\n${text}\n`)[0] as PolicyIssue;
}
