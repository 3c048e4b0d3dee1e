// The policy when there is no text: every key from the intent. Apart from load.ts, so that the
// common start reads no parser and no validator.

import type { Intent, Policy } from "../types.ts";
import { defaultPolicy } from "./defaults.ts";

/** `intent` is the option's, when there was one. */
export function builtInPolicy(intent?: Intent): Policy {
  return defaultPolicy(intent ?? "security", {
    name: undefined,
    written: undefined,
    intentFromOption: intent !== undefined,
  });
}
