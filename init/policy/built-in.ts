// The policy when there is no text: every key from the intent. Apart from load.ts, so that the
// common start reads no parser and no validator.

import { resolvePolicy } from "./resolve.ts";
import type { Intent, Policy } from "./types.ts";

export function builtInPolicy(intent: Intent): Policy {
  const resolved = resolvePolicy({ version: 1 }, undefined, intent);
  if (!resolved.ok) throw new Error("the built-in policy does not resolve");
  return resolved.policy;
}
