// The policies of policies/, part of the executable so that --policy NAME needs no file.

import nginx from "../../../policies/nginx.yaml" with { type: "text" };
import node from "../../../policies/node.yaml" with { type: "text" };
import postgres from "../../../policies/postgres.yaml" with { type: "text" };
import redis from "../../../policies/redis.yaml" with { type: "text" };

const POLICIES: Readonly<Record<string, string>> = { nginx, node, postgres, redis };

/** The text of an embedded policy, or undefined when there is none of that name. */
export function embeddedPolicy(name: string): string | undefined {
  return Object.hasOwn(POLICIES, name) ? POLICIES[name] : undefined;
}

export function embeddedNames(): string[] {
  return Object.keys(POLICIES);
}
