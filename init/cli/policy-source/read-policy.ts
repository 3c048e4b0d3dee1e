// From the command line's words to a complete policy, or to a complaint a person can act on.

import type { loadPolicy } from "../../policy/load.ts";
import type { loadPlainPolicy } from "../../policy/load-plain.ts";
import { builtInPolicy } from "../../policy/meaning/built-in.ts";
import type { Policy } from "../../policy/types.ts";
import type { renderIssues } from "../../policy/wording/render.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { environmentOf } from "../command-line.ts";
import { EXIT_POLICY } from "../exit-codes.ts";
import type { Options } from "../invocation.ts";
import type { Message } from "../output/say.ts";
import { findPolicy } from "./find-policy.ts";

export type ReadPolicy =
  | { readonly ok: true; readonly policy: Policy }
  | { readonly ok: false; readonly code: number; readonly message: Message };

/** Reads a policy's text in which there is nothing to complain about. */
export interface PlainPolicyParser {
  readonly loadPlainPolicy: typeof loadPlainPolicy;
}

/** Reads any policy's text, and words the complaints about it. */
export interface PolicyParser {
  readonly loadPolicy: typeof loadPolicy;
  readonly renderIssues: typeof renderIssues;
  readonly onlyService: (policy: Policy, name: string) => ReadPolicy;
}

/** `plain` is asked for where there is a text to read, and `parser` where that is not enough: other starts load neither. */
export function readPolicy(
  kernel: Kernel,
  { policy: named, intent, service }: Options,
  parser: () => PolicyParser,
  plain?: () => PlainPolicyParser,
): ReadPolicy {
  const found = findPolicy(kernel, named);
  if (!found.ok) return { ok: false, code: EXIT_POLICY, message: `${found.message} [cannot-read]` };
  const only = (policy: Policy): ReadPolicy =>
    service === undefined ? { ok: true, policy } : parser().onlyService(policy, service);
  if (!found.source) return only(builtInPolicy(intent));
  const environment = environmentOf(kernel);
  const options = intent === undefined ? {} : { intent };
  const policy = plain?.().loadPlainPolicy(found.source, environment, options);
  if (policy) return only(policy);
  const { loadPolicy, renderIssues } = parser();
  const loaded = loadPolicy(found.source, environment, options);
  if (loaded.ok) return only(loaded.policy);
  return {
    ok: false,
    code: EXIT_POLICY,
    message: renderIssues(found.source.name, loaded.text, loaded.issues).split("\n"),
  };
}
