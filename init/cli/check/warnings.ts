// Warnings about a valid policy: `check` shows them, and a start ignores them.

import { namesGiven } from "../../plan/services.ts";
import { findShadowed } from "../../plan/shadowed.ts";
import { placed, textOfPolicy } from "../../policy/check.ts";
import type { PolicyIssue } from "../../policy/issue.ts";
import type { KeyPath } from "../../policy/key-path.ts";
import { namesOf, type OpenPolicy, type Policy, type PolicySource } from "../../policy/types.ts";
import type { Finding } from "../../policy/wording/finding.ts";
import { WARNINGS } from "../help/messages.ts";

export function isWarning({ code }: PolicyIssue): boolean {
  return WARNINGS.includes(code);
}

export function warningsAbout(policy: Policy, source: PolicySource): PolicyIssue[] {
  const findings = [
    ...shadowed(policy),
    ...openedForNobody(policy),
    ...wrongEnds(policy),
    ...relativePaths(policy),
  ];
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
  const given = services.flatMap((service) => [...namesGiven(service), service.override?.stdin]);
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

/** Standard streams that can only be used the other way: every read from them, or every write to them, would fail (EBADF). */
function wrongEnds({ fds, services }: Policy): Finding[] {
  const findings: Finding[] = [];
  const look = (service: string, key: KeyPath, stream: string | undefined) => {
    const opened = fds.open.find((one) => stream !== undefined && namesOf(one).includes(stream));
    if (!opened || stream === undefined) return;
    const isRead = key.at(-1) === "stdin";
    if (onlyWay(opened, stream) !== (isRead ? "write" : "read")) return;
    const use = isRead
      ? "read from, and this descriptor is only written to"
      : "written to, and this descriptor is only read from";
    findings.push({
      code: "wrong-end",
      message: `warning: ${key.join(".")} of ${service} is ${use}`,
      at: ["services", service, ...key],
      on: "value",
      hint: rightEnd(opened, stream),
    });
  };
  for (const { name, stdin, stdout, stderr, override } of services) {
    look(name, ["stdin"], stdin);
    look(name, ["stdout"], stdout);
    look(name, ["stderr"], stderr);
    look(name, ["override", "stdin"], override?.stdin);
  }
  return findings;
}

/** The one way in which a name of `fds.open` can be used; undefined where both are possible, or neither is a standard stream's. */
function onlyWay({ name, what }: OpenPolicy, used: string): "read" | "write" | undefined {
  if (what.open === "pipe") return (used === name) === (what.end === "read") ? "read" : "write";
  if (what.open === "token") return "write";
  if (what.open !== "file" || what.access === "readWrite") return undefined;
  return what.access === "read" ? "read" : "write";
}

function rightEnd(opened: OpenPolicy, used: string): string {
  const other = namesOf(opened).find((name) => name !== used);
  return other === undefined
    ? `see access of fds.open.${opened.name}`
    : `write ${other}, the pipe's other end`;
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
