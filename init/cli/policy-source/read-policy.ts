// From the command line's words to a complete policy, or to a complaint a person can act on.

import type { loadPolicy } from "../../policy/load.ts";
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

/** Reads a policy's text, and words the complaints about it. */
export interface PolicyParser {
  readonly loadPolicy: typeof loadPolicy;
  readonly renderIssues: typeof renderIssues;
  readonly onlyService: (policy: Policy, name: string) => ReadPolicy;
}

/** `parser` is asked for where there is a text to read: most starts without one never load it. */
export function readPolicy(
  kernel: Kernel,
  { policy, intent, service }: Options,
  parser: () => PolicyParser,
): ReadPolicy {
  const found = findPolicy(kernel, policy);
  if (!found.ok) return { ok: false, code: EXIT_POLICY, message: `${found.message} [cannot-read]` };
  if (!found.source && service === undefined) return { ok: true, policy: builtInPolicy(intent) };
  const { loadPolicy, renderIssues, onlyService } = parser();
  if (!found.source) return onlyService(builtInPolicy(intent), service as string);
  const loaded = loadPolicy(found.source, environmentOf(kernel), intent === undefined ? {} : { intent });
  if (loaded.ok) return service === undefined ? loaded : onlyService(loaded.policy, service);
  return {
    ok: false,
    code: EXIT_POLICY,
    message: renderIssues(found.source.name, loaded.text, loaded.issues).split("\n"),
  };
}
