// The policy when there is no text: every key from the intent. Apart from load.ts, so that the
// common start reads no parser and no validator.

import { defaultPolicy } from "./defaults.ts";
import type { Intent, Policy } from "./types.ts";

export function builtInPolicy(intent: Intent): Policy {
  return defaultPolicy(intent, { name: undefined, written: undefined, intentFromOption: true });
}
