// Warnings about a valid policy: `check` shows them, and a start ignores them.

import { findShadowed } from "../../plan/shadowed.ts";
import { placed, textOfPolicy } from "../../policy/check.ts";
import type { PolicyIssue } from "../../policy/issue.ts";
import { namesOf, type Policy, type PolicySource } from "../../policy/types.ts";
import type { Finding } from "../../policy/wording/finding.ts";
import { WARNINGS } from "../help/messages.ts";

export function isWarning({ code }: PolicyIssue): boolean {
  return WARNINGS.includes(code);
}

export function warningsAbout(policy: Policy, source: PolicySource): PolicyIssue[] {
  const findings = [...shadowed(policy), ...openedForNobody(policy), ...relativePaths(policy)];
  if (findings.length === 0) return [];
  return placed(textOfPolicy(source) ?? "", findings);
}

function shadowed({ fds }: Policy): Finding[] {
  return findShadowed(fds.inherited.rules).map(({ index, by }) => ({
    code: "rule-never-matches",
    message: `warning: rule ${index} of fds.inherited.rules can never match: ${takenBy(by)} every descriptor it could`,
    at: ["fds", "inherited", "rules", index, "match"],
    on: "value",
    hint: "remove it, or move it up: the first rule that matches decides",
  }));
}

function takenBy(rules: readonly number[]): string {
  return rules.length === 1 ? `rule ${rules[0]} takes` : `rules ${rules.join(", ")} take`;
}

function openedForNobody({ fds, services }: Policy): Finding[] {
  const given = services.flatMap(({ pass = [], stdin }) => [...pass.map(({ name }) => name), stdin]);
  return fds.open
    .filter((opened) => !opened.hold && !namesOf(opened).some((name) => given.includes(name)))
    .map(({ name }) => ({
      code: "opened-for-nobody",
      message: `warning: PID 1 opens ${JSON.stringify(name)} and no service is given it`,
      at: ["fds", "open", name],
      on: "key",
      hint: `name it in a service's fds.pass, such as { pass: { ${name}: 3 } }`,
    }));
}

/** A link in /proc/self/fd is a path with a slash first, or names something without a path: `pipe:[7]`. */
const NO_PATH = /^(\/|\*\*|[*?]|[a-z_]+:)/;

function relativePaths({ fds }: Policy): Finding[] {
  return fds.inherited.rules.flatMap(({ index, match: { path = [] } }) =>
    index === undefined
      ? []
      : path
          .filter((pattern) => !NO_PATH.test(pattern))
          .map((pattern) => ({
            code: "relative-path" as const,
            message: `warning: the pattern ${JSON.stringify(pattern)} matches no descriptor: /proc shows absolute paths`,
            at: ["fds", "inherited", "rules", index, "match", "path"],
            on: "value" as const,
            hint: `write "/${pattern}" or "**/${pattern}"`,
          })),
  );
}
