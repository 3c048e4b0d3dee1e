// Rules that can never decide, because rules before them take every descriptor they could. Pure, and
// careful: it names a rule only when that is certain, whatever the descriptors turn out to be.

import type { InheritedMatch, InheritedRule } from "../policy/types.ts";
import type { FdRange } from "../sys/facts.ts";
import { isByNumber, numbersOf, without } from "./match.ts";

export interface Shadowed {
  /** The rule's index in the policy's list. */
  readonly index: number;
  /** The places of the rules that take everything before it. */
  readonly by: readonly number[];
}

export function findShadowed(rules: readonly InheritedRule[]): Shadowed[] {
  const found: Shadowed[] = [];
  rules.forEach(({ match, index }, at) => {
    if (index === undefined) return;
    const earlier = rules.slice(0, at);
    let left = numbersOf(match);
    const by: number[] = [];
    for (const rule of earlier) {
      if (!isImpliedBy(match, rule.match)) continue;
      const remaining = without(left, numbersOf(rule.match));
      if (size(remaining) < size(left)) by.push(rule.index ?? 0);
      left = remaining;
    }
    if (left.length === 0) found.push({ index, by });
  });
  return found;
}

/** True when, for the numbers both are about, whatever fits `match` fits `earlier` too. */
function isImpliedBy(match: InheritedMatch, earlier: InheritedMatch): boolean {
  if (isByNumber(earlier)) return true;
  const { fd: _fd, ...conditions } = earlier;
  return Object.entries(conditions).every(([key, wanted]) => {
    const own = match[key as keyof InheritedMatch];
    if (!Array.isArray(wanted)) return own === wanted;
    return Array.isArray(own) && own.every((value) => wanted.includes(value));
  });
}

function size(ranges: readonly FdRange[]): number {
  let numbers = 0;
  for (const { first, last } of ranges) numbers += last - first + 1;
  return numbers;
}
