// The thorough look at a policy, for `fdinit check`: both parsers read it and have to agree, and complaints
// that others make of a valid policy get their place in the text. Never on the way to a start.

import type { PolicyIssue } from "./issue.ts";
import { isRecord, type KeyPath, readablePath, valueAt } from "./key-path.ts";
import { loadPolicy } from "./load.ts";
import { decodePolicy } from "./reading/decode.ts";
import { parsePlainYaml } from "./reading/plain-yaml.ts";
import { readYamlDocument } from "./reading/yaml-document.ts";
import type { Environment, LoadOptions, PolicyResult, PolicySource } from "./types.ts";
import { type Finding, issueOf } from "./wording/finding.ts";

export function checkPolicy(
  source: PolicySource,
  environment: Environment,
  options: LoadOptions = {},
): PolicyResult {
  const loaded = loadPolicy(source, environment, options);
  if (!loaded.ok) return loaded;
  const decoded = decodePolicy(source.bytes);
  if (!decoded.ok) return { ok: false, issues: [decoded.issue], text: decoded.text };
  // A text that the quick parser does not read is read by the thorough one alone, here and at a start.
  const plain = parsePlainYaml(decoded.text);
  const document = readYamlDocument(decoded.text);
  if (!document.ok) return { ok: false, issues: document.issues, text: decoded.text };
  const finding = plain && disagreement(plain.value, document.value);
  return finding ? { ok: false, issues: placed(decoded.text, [finding]), text: decoded.text } : loaded;
}

/** The complaint that two parsers read one text differently. */
export function disagreement(plain: unknown, thorough: unknown): Finding | undefined {
  const at = firstDifference(plain, thorough, []);
  if (at === undefined) return undefined;
  const [a, b] = [plain, thorough].map((value) => JSON.stringify(valueAt(value, at)) ?? "nothing");
  return {
    code: "parsers-disagree",
    message: `two YAML parsers read ${readablePath(at) || "the policy"} differently: ${a} and ${b}`,
    at,
    on: "value",
    hint: "put the text in quotes, and please report this",
  };
}

function firstDifference(a: unknown, b: unknown, at: KeyPath): KeyPath | undefined {
  if (Object.is(a, b)) return undefined;
  const bothLists = Array.isArray(a) && Array.isArray(b);
  if (!bothLists && !(isRecord(a) && isRecord(b))) return at;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const key of keys) {
    const step = bothLists ? Number(key) : key;
    const path = firstDifference(valueAt(a, [step]), valueAt(b, [step]), [...at, step]);
    if (path) return path;
    if (Object.hasOwn(a, key) !== Object.hasOwn(b, key)) return [...at, step];
  }
  return undefined;
}

/** Findings about a text that can be read, with their places. */
export function placed(text: string, findings: readonly Finding[]): PolicyIssue[] {
  const document = readYamlDocument(text);
  return findings.map((finding) =>
    issueOf(finding, text, document.ok ? document.locate(finding) : undefined),
  );
}

/** The text that positions in it count in; undefined when the bytes are no text. */
export function textOfPolicy({ bytes }: PolicySource): string | undefined {
  const decoded = decodePolicy(bytes);
  return decoded.ok ? decoded.text : undefined;
}
