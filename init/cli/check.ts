// `fdinit check [FILE|NAME…]`: every complaint about every policy, and a warning for each rule that can
// never match. Complaints go to standard error, what is right to standard output.

import { findShadowed } from "../plan/shadowed.ts";
import { builtInPolicy } from "../policy/built-in.ts";
import type { Finding } from "../policy/finding.ts";
import { printable, renderIssue } from "../policy/render.ts";
import type { Policy, PolicyIssue, PolicySource } from "../policy/types.ts";
import type { Kernel } from "../sys/kernel.ts";
import type { Options, SubcommandLine } from "./arguments.ts";
import { environmentOf } from "./environment.ts";
import { EXIT_POLICY } from "./exit-codes.ts";
import { findPolicy } from "./find-policy.ts";
import { secondModule } from "./load-second-module.ts";
import { type Outcome, print, printError } from "./print.ts";

export function check(kernel: Kernel, { operands, options }: SubcommandLine): Outcome {
  const named = operands.length === 0 ? [options.policy] : operands;
  let right = "";
  let wrong = false;
  for (const name of named) {
    const checked = checkOne(kernel, name, options);
    if (checked === undefined) wrong = true;
    else right += `ok: ${printable(checked)}\n`;
  }
  return print(kernel, right, wrong ? EXIT_POLICY : 0);
}

/** The policy's name when nothing is wrong with it. */
function checkOne(kernel: Kernel, named: string | undefined, { intent }: Options): string | undefined {
  const found = findPolicy(kernel, named);
  if (!found.ok) {
    printError(kernel, `fdinit: ${printable(found.message)}\n`);
    return undefined;
  }
  const { source } = found;
  if (!source) return `the built-in policy of intent ${builtInPolicy(intent ?? "security").intent}`;
  const { checkPolicy, textOfPolicy } = secondModule();
  const checked = checkPolicy(source, environmentOf(kernel), intent === undefined ? {} : { intent });
  const text = checked.ok ? textOfPolicy(source) : checked.text;
  const issues = checked.ok ? warningsAbout(checked.policy, source) : checked.issues;
  for (const issue of issues) printError(kernel, `fdinit: ${renderIssue(source.name, text, issue)}\n`);
  return checked.ok ? source.name : undefined;
}

/** What a valid policy should not hold all the same. */
export function warningsAbout(policy: Policy, source: PolicySource): PolicyIssue[] {
  const shadowed = findShadowed(policy.fds.inherited.rules);
  if (shadowed.length === 0) return [];
  const findings = shadowed.map(
    ({ index, by }): Finding => ({
      code: "rule-never-matches",
      message: `warning: rule ${index} of fds.inherited.rules can never match: ${takenBy(by)} every descriptor it could`,
      at: ["fds", "inherited", "rules", index, "match"],
      on: "value",
      hint: "remove it, or move it up: the first rule that matches decides",
    }),
  );
  const { placed, textOfPolicy } = secondModule();
  return placed(textOfPolicy(source) ?? "", findings);
}

function takenBy(rules: readonly number[]): string {
  return rules.length === 1 ? `rule ${rules[0]} takes` : `rules ${rules.join(", ")} take`;
}
