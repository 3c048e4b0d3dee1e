// What each intent gives a key that the policy leaves unset: the table of the design, and nothing else.

import type { InheritedAction, Intent, LimitsPolicy } from "./types.ts";

/** High soft limits make programs that close every possible descriptor slow (see docs/policy.md). */
const HIGHEST_SOFT_NOFILE = 65_536;

export interface IntentDefaults {
  readonly inherited: InheritedAction;
  readonly softNofile: LimitsPolicy["nofile"]["soft"];
}

export function defaultsOf(intent: Intent): IntentDefaults {
  switch (intent) {
    case "security":
      return { inherited: "close", softNofile: { atMost: HIGHEST_SOFT_NOFILE } };
    case "performance":
      return { inherited: "cloexec", softNofile: { atMost: HIGHEST_SOFT_NOFILE } };
    case "simplicity":
      return { inherited: "keep", softNofile: "inherit" };
  }
}
