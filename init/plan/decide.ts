// Decides which action a descriptor gets: that of the first rule that matches, else the default. Pure. A run, `plan` and
// `audit` all ask here.

import type { InheritedAction, InheritedPolicy, InheritedRule, Intent, Policy } from "../policy/types.ts";
import { LAST_FD } from "../policy/types.ts";
import type { FdRange, InheritedDescriptor, Questions } from "../sys/facts.ts";
import { FIRST_BEYOND_STANDARD, isByNumber, matches, numbersOf, without } from "./match.ts";

export interface Decision {
  readonly action: InheritedAction;
  /** Undefined: the default, or the standing rule that 0, 1 and 2 are kept. */
  readonly rule?: InheritedRule;
  /** A rule before the one that decided needed something that could not be found out. */
  readonly undetermined: boolean;
}

/** An inherited descriptor with what is done about it. */
export interface Decided extends InheritedDescriptor {
  readonly decision: Decision;
}

/** A number with the facts about it: `descriptor` is absent when the number is not open or was not looked at. */
type Known = Pick<InheritedDescriptor, "fd" | "descriptor">;

function firstMatching(policy: InheritedPolicy, { fd, descriptor }: Known): Decision {
  let undetermined = false;
  for (const rule of policy.rules) {
    const answer = matches(rule.match, fd, descriptor);
    if (answer === true) return { action: rule.action, rule, undetermined };
    if (answer === "undetermined") undetermined = true;
  }
  return { action: fd < FIRST_BEYOND_STANDARD ? "keep" : policy.default, undetermined };
}

/**
 * The action for a descriptor. Where a rule asks about a fact that could not be found out, the intent security refuses to start;
 * the other intents go on as if that rule did not match.
 */
export function decide(policy: InheritedPolicy, intent: Intent, known: Known): Decision {
  const decision = firstMatching(policy, known);
  return decision.undetermined && intent === "security" ? { ...decision, action: "refuse" } : decision;
}

/** A stretch of numbers that all get the same action. */
export interface Stretch extends FdRange {
  readonly action: InheritedAction;
}

/**
 * Every number from 0 to the highest there can be, cut where the action changes. A number that is not in
 * `listed` is not open, or was not looked at: only rules by number apply to it.
 */
export function stretches(
  policy: InheritedPolicy,
  intent: Intent,
  listed: readonly (InheritedDescriptor & { readonly decision?: Decision })[],
): Stretch[] {
  const cuts = [0, FIRST_BEYOND_STANDARD];
  for (const { match } of policy.rules) {
    if (isByNumber(match)) for (const { first, last } of numbersOf(match)) cuts.push(first, last + 1);
  }
  // The actions at the cuts. Rules by number cut anywhere; without them only the ends of a row are asked for.
  const looked = new Map<number, InheritedAction>();
  const isCutByRule = cuts.length > 2;
  // Cuts at the ends of a row of listed numbers with one action, and not around each: there may be thousands.
  let next = -1;
  let before: InheritedAction | undefined;
  for (const known of listed) {
    if (!known.descriptor) continue;
    const { action } = known.decision ?? decide(policy, intent, known);
    const { fd } = known;
    const begins = fd !== next || action !== before;
    if (begins || isCutByRule || fd === FIRST_BEYOND_STANDARD) looked.set(fd, action);
    if (fd !== next && next >= 0) cuts.push(next);
    if (begins) cuts.push(fd);
    next = fd + 1;
    before = action;
  }
  if (next >= 0) cuts.push(next);
  const sorted = ascending(cuts);
  const result: { first: number; last: number; action: InheritedAction }[] = [];
  for (let index = 0; index < sorted.length; index++) {
    const first = sorted[index] as number;
    const last = (sorted[index + 1] ?? LAST_FD + 1) - 1;
    if (last < first || first > LAST_FD) continue;
    const action = looked.get(first) ?? decide(policy, intent, { fd: first }).action;
    const before = result[result.length - 1];
    if (before && before.action === action && first !== FIRST_BEYOND_STANDARD) {
      before.last = last;
    } else result.push({ first, last, action });
  }
  return result;
}

/** Sorts numbers that are not in order. Most policies give few, in order, and a start without the first call of sort() is faster. */
export function ascending(numbers: readonly number[]): readonly number[] | Uint32Array {
  let before = -1;
  for (const number of numbers) {
    // A typed array sorts without a call for each comparison: there may be thousands.
    if (number < before) return new Uint32Array(numbers).sort();
    before = number;
  }
  return numbers;
}

/** Beyond this many numbers, listing what is open is cheaper than asking for each. */
const MOST_LOOKED_AT = 256;

/**
 * The facts that a plan needs. Closing and marking by number need none. A descriptor from 3 up that is kept, refused
 * or replaced must be looked at, and so must every descriptor that a rule about more than numbers may match.
 */
export function questions(whole: Policy): Questions {
  const { intent } = whole;
  const { inherited: policy, method, scanLimit } = whole.fds;
  const mustSee: FdRange[] = [];
  let closes = false;
  let marks = false;
  for (const { first, last, action } of stretches(policy, intent, [])) {
    closes ||= action === "close" && last >= FIRST_BEYOND_STANDARD;
    marks ||= action === "cloexec";
    const isSettled =
      action === "close" || action === "cloexec" || (action === "keep" && last < FIRST_BEYOND_STANDARD);
    if (!isSettled) mustSee.push({ first, last });
  }
  // 0 to 2 are passed on by themselves, unless a rule gives one another number.
  for (const { match, as } of policy.rules) {
    if (as === undefined || !match.fd) continue;
    for (const { first, last } of match.fd) {
      if (first < FIRST_BEYOND_STANDARD)
        mustSee.push({ first, last: Math.min(last, FIRST_BEYOND_STANDARD - 1) });
    }
  }
  const lookAt = [...mustSee];
  let classify = policy.expect.length > 0;
  if (classify) lookAt.push({ first: FIRST_BEYOND_STANDARD, last: LAST_FD });
  // The first rule that matches decides. A later rule therefore asks nothing about numbers that an earlier rule by
  // number has decided. Example: after `match: { fd: 3-9 }`, a rule by kind needs to see descriptors from 10 up only.
  const decided: FdRange[] = [];
  for (const { match, action } of policy.rules) {
    if (isByNumber(match)) {
      for (const range of numbersOf(match)) decided.push(range);
      continue;
    }
    const numbers = numbersOf(match);
    const open = decided.length === 0 ? numbers : without(numbers, decided);
    if (open.length === 0) continue;
    classify = true;
    closes ||= action === "close";
    marks ||= action === "cloexec";
    for (const range of open) lookAt.push(range);
  }
  let numbers = 0;
  for (const { first, last } of lookAt) numbers += last - first + 1;
  return {
    enumerate: numbers > MOST_LOOKED_AT,
    classify,
    lookAt,
    mustSee,
    method,
    scanLimit,
    closes,
    marks,
    workingDirectory: intent === "security",
    terminal: whole.tty !== "none",
  };
}
