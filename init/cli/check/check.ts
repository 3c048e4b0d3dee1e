// `fdinit check [FILE|NAME|FOLDER…]`: every complaint about every policy, and what a valid one should not hold. As text, complaints
// go to standard error and what is right to standard output; as json, github or sarif, all of it to standard output.

import { checkPolicy, textOfPolicy } from "../../policy/check.ts";
import type { PolicyIssue } from "../../policy/issue.ts";
import { builtInPolicy } from "../../policy/meaning/built-in.ts";
import { printable, renderIssue } from "../../policy/wording/render.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { ENOTDIR } from "../../sys/libc/errno.ts";
import { environmentOf } from "../command-line.ts";
import { EXIT_POLICY } from "../exit-codes.ts";
import type { Options, SubcommandLine } from "../invocation.ts";
import { type Outcome, print, printError } from "../output/print.ts";
import { findPolicy } from "../policy-source/find-policy.ts";
import { asGithub, asJson, asSarif, type Checked } from "./check-formats.ts";
import { isWarning, warningsAbout } from "./warnings.ts";

export { warningsAbout };

export function check(
  kernel: Kernel,
  { operands, options, format = "text", strict }: SubcommandLine,
): Outcome {
  const named =
    operands.length === 0 ? [options.policy] : operands.flatMap((name) => policiesAt(kernel, name));
  const checked: Checked[] = [];
  for (const name of named) {
    const one = checkOne(kernel, name, options, strict === true);
    checked.push(one);
    if (format === "text") complain(kernel, one);
  }
  const code = checked.every(({ ok }) => ok) ? 0 : EXIT_POLICY;
  switch (format) {
    case "json":
      return print(kernel, asJson(checked), code);
    case "github":
      return print(kernel, asGithub(checked), code);
    case "sarif":
      return print(kernel, asSarif(checked), code);
  }
  const right = checked.filter(({ ok }) => ok).map(({ name }) => `ok: ${printable(name)}\n`);
  return print(kernel, right.join(""), code);
}

function complain(kernel: Kernel, { name, text, issues }: Checked): void {
  for (const issue of issues) printError(kernel, `fdinit: ${renderIssue(name, text, issue)}\n`);
}

/** A folder stands for the policies in it and below. */
const MOST_FOLDERS = 8;

function policiesAt(kernel: Kernel, name: string, depth = 0): string[] {
  const names = kernel.listFolder(name);
  if (typeof names === "number") return names === -ENOTDIR || depth === 0 ? [name] : [];
  const base = name.replace(/\/+$/, "");
  const found = names.flatMap((child) => {
    // Kubernetes keeps the files of a mounted ConfigMap in folders that begin with two dots.
    if (child.startsWith(".")) return [];
    if (child.endsWith("/"))
      return depth < MOST_FOLDERS ? policiesAt(kernel, `${base}/${child.slice(0, -1)}`, depth + 1) : [];
    return /\.ya?ml$/.test(child) ? [`${base}/${child}`] : [];
  });
  return found.length === 0 && depth === 0 ? [name] : found;
}

function checkOne(kernel: Kernel, named: string | undefined, { intent }: Options, strict: boolean): Checked {
  const found = findPolicy(kernel, named);
  if (!found.ok) {
    const isFolder = named !== undefined && found.message.includes(`EISDIR`);
    const message = isFolder
      ? `${JSON.stringify(named)} is a folder without a policy (*.yaml, *.yml)`
      : found.message;
    const issue: PolicyIssue = { code: "cannot-read", message, pointer: "", path: "" };
    return { name: named ?? "policy", ok: false, text: undefined, issues: [issue] };
  }
  const { source } = found;
  if (!source) {
    const name = `the built-in policy of intent ${builtInPolicy(intent).intent}`;
    return { name, ok: true, text: undefined, issues: [] };
  }
  const checked = checkPolicy(source, environmentOf(kernel), intent === undefined ? {} : { intent });
  const text = checked.ok ? textOfPolicy(source) : checked.text;
  const issues = checked.ok ? warningsAbout(checked.policy, source) : checked.issues;
  const ok = checked.ok && !(strict && issues.some(isWarning));
  return { name: source.name, ok, text, issues };
}
