// Words descriptors, decisions and policies for `plan` and `audit`, as text and as JSON.

import type { Decided, Decision } from "../../plan/decide.ts";
import { descriptorInWords } from "../../plan/descriptor-words.ts";
import { FIRST_BEYOND_STANDARD } from "../../plan/match.ts";
import { valueAt } from "../../policy/key-path.ts";
import type { Origin, Policy } from "../../policy/types.ts";
import { flow } from "../../policy/wording/flow.ts";
import type { InheritedDescriptor } from "../../sys/facts.ts";
import { resolvedKeys } from "./resolved-keys.ts";
import { writtenMatch, writtenRule } from "./written-rule.ts";

/** The origin of a decision: a rule of the policy, a rule of the intent, the default, the standing rule for 0 to 2, or `undetermined`. */
export type DecidedBy = "rule" | "intent" | "default" | "standard" | "undetermined";

export function decidedBy({ rule, undetermined, action }: Decision, fd: number): DecidedBy {
  if (undetermined && action === "refuse" && rule?.action !== "refuse") return "undetermined";
  if (rule) return rule.index === undefined ? "intent" : "rule";
  return fd < FIRST_BEYOND_STANDARD ? "standard" : "default";
}

/** The same in words, as the policy's reader finds it. */
export function decisionInWords(decision: Decision, fd: number, policy: Policy): string {
  switch (decidedBy(decision, fd)) {
    case "rule":
      return `fds.inherited.rules[${decision.rule?.index}]`;
    case "intent":
      return `intent ${policy.intent}: ${flow(writtenMatch(decision.rule?.match ?? {}))}`;
    case "standard":
      return "0 to 2 are kept";
    case "undetermined":
      return `intent ${policy.intent}: cannot be determined`;
    case "default": {
      const isOwn = valueAt(policy.source.written, ["fds", "inherited", "default"]) !== undefined;
      return isOwn ? "fds.inherited.default" : `fds.inherited.default (intent ${policy.intent})`;
    }
  }
}

export function decisionAsJson(decision: Decision, fd: number, policy: Policy) {
  const { action, rule } = decision;
  return {
    action,
    by: decidedBy(decision, fd),
    ...(rule?.index === undefined ? {} : { rule: rule.index }),
    ...(rule?.name === undefined ? {} : { name: rule.name }),
    words: decisionInWords(decision, fd, policy),
  };
}

/** Kind, access and evidence of a descriptor: the middle columns of a report. */
export function kindOf({ descriptor }: Pick<Decided, "descriptor">): string {
  return descriptor?.kinds.join("+") ?? "undetermined";
}

export function evidenceOf(known: Omit<InheritedDescriptor, "fd">): string {
  const { descriptor } = known;
  if (!descriptor) return descriptorInWords(known);
  const { evidence, deleted, outsideRoot, socket, seals, name } = descriptor;
  const marks = [
    socket && `${socket.family} ${socket.type}`,
    socket?.listening && "listening",
    socket?.local && `at ${socket.local}`,
    socket?.peer && `to ${socket.peer}`,
    socket?.foreignNetwork && "of another network namespace",
    deleted && "deleted",
    outsideRoot && "outside the root",
    outsideRoot === undefined && descriptor.kinds[0] !== "socket" && "perhaps outside the root",
    seals !== undefined && `seals ${seals}`,
    name && `called ${name} in LISTEN_FDNAMES`,
  ].filter((mark) => typeof mark === "string" && mark !== "");
  return [evidence, ...marks].join(", ");
}

export function keyRows(policy: Policy): string[][] {
  const words: Record<Origin, string> = {
    policy: "the policy",
    intent: `intent ${policy.intent}`,
    default: "default",
    option: "the command line",
  };
  const rows: string[][] = [];
  for (const { key, value, origin } of resolvedKeys(policy)) {
    if (key === "fds.inherited.rules") rows.push(...ruleRows(policy));
    else rows.push([key, words[origin], valueInWords(value)]);
  }
  return rows;
}

/** The policy's rules, and behind them those of the intent. */
function ruleRows(policy: Policy): string[][] {
  return policy.fds.inherited.rules.map((rule) => {
    const isOwn = rule.index !== undefined;
    const key = isOwn ? `fds.inherited.rules[${rule.index}]` : "a rule behind them";
    return [key, isOwn ? "the policy" : `intent ${policy.intent}`, flow(writtenRule(rule))];
  });
}

function valueInWords(value: unknown): string {
  if (value === null) return "-";
  if (typeof value === "object" && "atMost" in value) return `at most ${value.atMost}`;
  return flow(value);
}

/** Where the policy came from. */
export function policyInWords({ source, intent }: Policy): string {
  return `${source.name ?? "built-in"}, intent ${intent}`;
}
