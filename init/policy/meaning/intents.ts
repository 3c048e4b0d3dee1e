// The value that each intent gives a key that the policy leaves unset: the table of docs/intents.md, and nothing else.

import type { InheritedAction, InheritedRule, Intent, LimitsPolicy, ReapingPolicy } from "../types.ts";

/** High soft limits make programs that close every possible descriptor slow (see docs/policy.md). */
const HIGHEST_SOFT_NOFILE = 65_536;

/** A directory of the host gives the whole host away: nothing starts with one. */
const OUTSIDE_ROOT: InheritedRule = { match: { outsideRoot: true }, action: "refuse" };

export interface IntentDefaults {
  readonly inherited: InheritedAction;
  /** Rules that come behind the policy's own. */
  readonly rules: readonly InheritedRule[];
  readonly softNofile: LimitsPolicy["nofile"]["soft"];
  readonly orphans: ReapingPolicy["orphans"];
}

export function defaultsOf(intent: Intent): IntentDefaults {
  switch (intent) {
    case "security":
      return {
        inherited: "close",
        rules: [OUTSIDE_ROOT],
        softNofile: { atMost: HIGHEST_SOFT_NOFILE },
        orphans: "terminate",
      };
    case "performance":
      return {
        inherited: "cloexec",
        rules: [],
        softNofile: { atMost: HIGHEST_SOFT_NOFILE },
        orphans: "leave",
      };
    case "simplicity":
      return { inherited: "keep", rules: [], softNofile: "inherit", orphans: "leave" };
  }
}
