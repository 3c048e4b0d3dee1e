// From the command line's words to a complete policy, or to a complaint a person can act on.

import { builtInPolicy } from "../../policy/meaning/built-in.ts";
import type { Policy } from "../../policy/types.ts";
import type { Kernel } from "../../sys/kernel.ts";
import type { Options } from "../arguments.ts";
import { environmentOf } from "../environment.ts";
import { EXIT_POLICY } from "../exit-codes.ts";
import { secondModule } from "../load-second-module.ts";
import type { Message } from "../output/say.ts";
import { findPolicy } from "./find-policy.ts";

export type ReadPolicy =
  | { readonly ok: true; readonly policy: Policy }
  | { readonly ok: false; readonly code: number; readonly message: Message };

export function readPolicy(kernel: Kernel, { policy, intent }: Options): ReadPolicy {
  const found = findPolicy(kernel, policy);
  if (!found.ok) return { ok: false, code: EXIT_POLICY, message: found.message };
  if (!found.source) return { ok: true, policy: builtInPolicy(intent) };
  const { loadPolicy, renderIssues } = secondModule();
  const loaded = loadPolicy(found.source, environmentOf(kernel), intent === undefined ? {} : { intent });
  if (loaded.ok) return loaded;
  return {
    ok: false,
    code: EXIT_POLICY,
    message: renderIssues(found.source.name, loaded.text, loaded.issues).split("\n"),
  };
}
