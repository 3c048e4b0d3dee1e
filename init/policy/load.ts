// The policy room's door: bytes in, a complete policy or every complaint about it out. Plain texts take the quick
// way (load-plain.ts); as soon as there is something to complain about, the thorough reader reads again and says where.
// Touches no file and no process: the caller brings the bytes and the environment.

import { adviceFor } from "./advice/advise.ts";
import type { PolicyIssue } from "./issue.ts";
import { pointerOf } from "./key-path.ts";
import { loadPlainPolicy } from "./load-plain.ts";
import { type Resolved, resolvePolicy, type WrittenPolicy } from "./meaning/resolve.ts";
import { decodePolicy } from "./reading/decode.ts";
import { replaceVariables } from "./reading/variables.ts";
import { readYamlDocument } from "./reading/yaml-document.ts";
import { shapeErrors } from "./shape/shape-errors.ts";
import { shapeFindings } from "./shape/validate.ts";
import type { Environment, LoadOptions, PolicyResult, PolicySource } from "./types.ts";
import { type Finding, issueOf, type Locate, type Span } from "./wording/finding.ts";

/** The most complaints about one policy, so that a hostile policy does not take long. */
const MOST_FINDINGS = 300;

/** Reads, checks and completes a policy. All complaints at once, in the order of the text. */
export function loadPolicy(
  source: PolicySource,
  environment: Environment,
  options: LoadOptions = {},
): PolicyResult {
  const policy = loadPlainPolicy(source, environment, options);
  if (policy) return { ok: true, policy };
  const decoded = decodePolicy(source.bytes);
  if (!decoded.ok) return { ok: false, issues: [decoded.issue], text: decoded.text };
  const { text } = decoded;
  const document = readYamlDocument(text);
  if (!document.ok) return { ok: false, issues: document.issues, text };
  const judged = judgeValue(document.value, source.name, environment, options);
  return judged.ok
    ? judged
    : { ok: false, issues: inOrder(judged.findings, judged.value, text, document.locate), text };
}

/** `value` has its variables replaced. */
type Judged =
  | Extract<Resolved, { ok: true }>
  | { readonly ok: false; readonly findings: readonly Finding[]; readonly value: unknown };

function judgeValue(given: unknown, name: string, environment: Environment, { intent }: LoadOptions): Judged {
  const { value, findings, whole } = replaceVariables(given, environment);
  const errors = shapeErrors(value, whole);
  const unset = new Set(findings.map(({ at }) => pointerOf(at)));
  const shape = errors ? shapeFindings(errors, value).filter(({ at }) => !unset.has(pointerOf(at))) : [];
  const all = [...findings, ...shape];
  if (all.length > 0) return { ok: false, findings: all, value };
  const resolved = resolvePolicy(value as WrittenPolicy, name, intent);
  return resolved.ok ? resolved : { ...resolved, value };
}

/** Suggestions are tried out on the whole policy: so there are few of them, and none for a huge text. */
const MOST_ADVISED = 40;
const LONGEST_ADVISED = 64 * 1024;

function inOrder(findings: readonly Finding[], policy: unknown, text: string, locate: Locate): PolicyIssue[] {
  const issues = new Map<string, PolicyIssue>();
  for (const [index, finding] of findings.slice(0, MOST_FINDINGS).entries()) {
    const span = locate(finding) ?? { start: 0, end: 0 };
    const isAdvised = index < MOST_ADVISED && text.length <= LONGEST_ADVISED;
    const issue = isAdvised ? advised(finding, policy, text, span) : issueOf(finding, text, span);
    issues.set(`${issue.code} ${issue.pointer} ${issue.line} ${issue.column}`, issue);
  }
  return [...issues.values()].sort(
    (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
  );
}

function advised(finding: Finding, policy: unknown, text: string, span: Span): PolicyIssue {
  const { suggestion, ...words } = adviceFor(finding, policy, text.slice(span.start, span.end));
  const issue = { ...issueOf(finding, text, span), ...words };
  if (!suggestion) return issue;
  const { at, ...rest } = suggestion;
  return { ...issue, suggestion: { pointer: pointerOf(at), ...rest } };
}
