// Which action a descriptor number gets: the first rule that names it, else the default. Pure.
// Rules speak of numbers only, so what they say can be known for every number without looking.

import type { InheritedAction, InheritedPolicy } from "../policy/types.ts";
import { LAST_FD } from "../policy/types.ts";
import type { Questions, Range } from "../sys/facts.ts";

/** 0, 1 and 2 are kept unless a rule names them: the default is about the rest. */
export const FIRST_BEYOND_STANDARD = 3;

/** A stretch of numbers that all get the same action. */
export interface Stretch extends Range {
  readonly action: InheritedAction;
}

/** The action for one number. */
export function decide(policy: InheritedPolicy, fd: number): InheritedAction {
  const rule = policy.rules.find(({ match }) => match.fd.some((range) => range.from <= fd && fd <= range.to));
  return rule?.action ?? (fd < FIRST_BEYOND_STANDARD ? "keep" : policy.default);
}

/** Every number from 0 to the highest there can be, cut where the action changes. */
export function stretches(policy: InheritedPolicy): Stretch[] {
  const cuts = [0, FIRST_BEYOND_STANDARD];
  for (const { match } of policy.rules) for (const { from, to } of match.fd) cuts.push(from, to + 1);
  const starts = cuts
    .filter((cut, index) => cut <= LAST_FD && cuts.indexOf(cut) === index)
    .sort((a, b) => a - b);
  const result: Stretch[] = [];
  starts.forEach((first, index) => {
    const last = (starts[index + 1] ?? LAST_FD + 1) - 1;
    const action = decide(policy, first);
    const before = result.at(-1);
    if (before && before.action === action && first !== FIRST_BEYOND_STANDARD) {
      result[result.length - 1] = { ...before, last };
    } else result.push({ first, last, action });
  });
  return result;
}

/** Beyond this many numbers, listing what is open is cheaper than asking for each. */
const MOST_LOOKED_AT = 256;

/** `fds.scanLimit` until the policy can set it. */
export const SCAN_LIMIT = 65536;

/**
 * What has to be known before a plan can be made. Closing and marking need no knowledge; what is
 * kept, refused or replaced beyond 2 does.
 */
export function questions(policy: InheritedPolicy): Questions {
  const lookAt = stretches(policy)
    .filter(({ action }) => action !== "close" && action !== "cloexec")
    .filter(({ last, action }) => last >= FIRST_BEYOND_STANDARD || action !== "keep");
  const numbers = lookAt.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  return { enumerate: numbers > MOST_LOOKED_AT, lookAt, scanLimit: SCAN_LIMIT };
}
