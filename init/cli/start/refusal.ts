// Words what stands in the way of a start, or goes with it, before anything is carried out: the refusals of a plan with their
// exit code, and its warnings.

import type { PlanResult, Remark } from "../../plan/plan.ts";
import type { Policy } from "../../policy/types.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { REFUSAL_EXIT } from "../exit-codes.ts";
import type { Message, Say } from "../output/say.ts";
import { placedComplaint, placedLine, policyText } from "./place.ts";

export function refusal(
  kernel: Kernel,
  policy: Policy,
  { code, refusals }: Extract<PlanResult, { ok: false }>,
): [code: number, ...messages: Message[]] {
  const text = policyText(kernel, policy);
  return [
    REFUSAL_EXIT[code],
    ...refusals.map((refused) =>
      placedComplaint(text, refused.code, { ...refused, at: refused.at ? [refused.at] : [] }),
    ),
  ];
}

export function sayWarnings(say: Say, kernel: Kernel, policy: Policy, warnings: readonly Remark[]): void {
  if (warnings.length === 0) return;
  const text = policyText(kernel, policy);
  for (const { message, at } of warnings) say("warn", placedLine(text, message, at));
}
