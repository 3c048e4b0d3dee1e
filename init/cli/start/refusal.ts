// Words a refusal to start: the exit code, and each message with file, line and column of the key that decided it, as
// complaints about a policy have them. Reads the policy again, which only a refused start pays for.

import type { PlanResult } from "../../plan/plan.ts";
import { placed, textOfPolicy } from "../../policy/check.ts";
import { pathOfReadable } from "../../policy/key-path.ts";
import type { Policy } from "../../policy/types.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { REFUSAL_EXIT } from "../exit-codes.ts";
import { findPolicy } from "../policy-source/find-policy.ts";

const KEY = /\b(?:fds|services|signals|shutdown|limits|reaping)(?:\.[A-Za-z][\w-]*|\[\d+\])+/;

export function refusal(
  kernel: Kernel,
  policy: Policy,
  { code, messages }: Extract<PlanResult, { ok: false }>,
): [code: number, ...messages: string[]] {
  return [REFUSAL_EXIT[code], ...placedMessages(kernel, policy.source.name, messages)];
}

/** Each message, behind the place of the first key that it names, where the policy has that key. */
function placedMessages(kernel: Kernel, name: string | undefined, messages: readonly string[]): string[] {
  // Standard input cannot be read twice.
  const found = name === undefined || name === "standard input" ? undefined : findPolicy(kernel, name);
  if (!found?.ok || !found.source) return [...messages];
  const { source } = found;
  const text = textOfPolicy(source) ?? "";
  return messages.map((message) => {
    const [key] = KEY.exec(message) ?? [];
    if (key === undefined) return message;
    const [issue] = placed(text, [{ code: "bad-value", message, at: pathOfReadable(key), on: "key" }]);
    return issue?.line === undefined ? message : `${source.name}:${issue.line}:${issue.column}: ${message}`;
  });
}
