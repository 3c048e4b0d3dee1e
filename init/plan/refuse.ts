// Finds the reasons to refuse a start (refusals) and those to warn a person (warnings). Pure. All of them are
// collected, so that a person can mend them in one go. A check is called only where it may
// find something: the first call of a function costs a start a hundredth of a millisecond.

import { type InheritedPolicy, namesOf, type OpenPolicy, type Policy } from "../policy/types.ts";
import { type Facts, FIRST_ANNOUNCED } from "../sys/facts.ts";
import type { Decided, Decision } from "./decide.ts";
import { descriptorInWords } from "./descriptor-words.ts";
import { FIRST_BEYOND_STANDARD } from "./match.ts";
import type { Pass, PolicyKey, Refusal, Remark } from "./plan.ts";
import { unseenWords } from "./sweep.ts";

/** The reasons, about descriptors, to start nothing. */
export function findRefusals(policy: Policy, facts: Facts, decided: readonly Decided[]): Refusal[] {
  const { intent, fds } = policy;
  const { unseenFrom, workingDirectoryOutside: outside } = facts;
  const remarks: Remark[] = [];
  for (const known of decided)
    if (known.decision.action === "refuse")
      remarks.push({ message: refused(known), ...placeOf(known.decision) });
  if (fds.inherited.expect.length > 0) remarks.push(...unexpected(fds.inherited, decided));
  if (unseenFrom !== undefined && intent === "security")
    remarks.push({ message: unseen(fds, unseenFrom), at: SCAN_LIMIT });
  if (outside !== undefined) {
    const message = `the working directory ${JSON.stringify(outside)} lies outside the root (CVE-2024-21626)`;
    remarks.push({ message });
  }
  const refusals: Refusal[] = [];
  for (const remark of remarks) refusals.push({ code: "descriptor", ...remark });
  return refusals;
}

const SCAN_LIMIT: PolicyKey = ["fds", "scanLimit"];

/** The key of the rule that decided, where it is one of the policy's. */
function placeOf({ rule, undetermined }: Decision): Pick<Remark, "at"> {
  return undetermined || rule?.index === undefined ? {} : { at: ["fds", "inherited", "rules", rule.index] };
}

/** Warnings, with which the start goes on. */
export function findWarnings(
  policy: Policy,
  { announced, announcedMissing, malformedCount, unseenFrom }: Facts,
  decided: readonly Decided[],
  pass: readonly Pass[],
): Remark[] {
  const { intent, fds, services } = policy;
  const warnings: Remark[] = [];
  if (malformedCount !== undefined) warnings.push({ message: malformed(malformedCount) });
  if (announcedMissing) warnings.push({ message: missing(announced, announcedMissing) });
  if (announced.length > 0)
    warnings.push(...unnamedAnnounced(announced, announcedMissing ?? [], decided, pass));
  if (services[0].pass) warnings.push(...unpassedKept(decided, pass));
  for (const opened of fds.open) if (!opened.hold && !isPassed(opened, pass)) warnings.push(unpassed(opened));
  // A rule could not be decided: performance warns that the rule is passed over, simplicity does not warn, and security has refused.
  if (intent === "performance")
    for (const known of decided)
      if (known.decision.undetermined) warnings.push({ message: passedOver(known) });
  if (unseenFrom !== undefined && intent !== "security") {
    const message = `${unseenWords(unseenFrom)}: ${noListing(fds)}; what is open there is not passed on by a rule`;
    warnings.push({ message, at: SCAN_LIMIT });
  }
  return warnings;
}

const UNDETERMINED = "what a rule asks about it cannot be determined";

/** Where /proc says nothing of a descriptor, there is something to do about it. */
function remedy({ descriptor }: Decided): string {
  return descriptor?.evidence.startsWith("no link in /proc")
    ? " (mount /proc, or put a rule by number before it)"
    : "";
}

function passedOver(known: Decided): string {
  return `descriptor ${known.fd} (${descriptorInWords(known)}): ${UNDETERMINED} and is passed over${remedy(known)}`;
}

function refused(known: Decided): string {
  const { fd, decision } = known;
  const why = decision.undetermined
    ? `${UNDETERMINED}${remedy(known)}`
    : `${decisionSource(decision)} refuses it`;
  return `descriptor ${fd} (${descriptorInWords(known)}) was inherited and ${why}`;
}

/** Words the source of a decision: `fds.inherited.rules[0] of the policy`, `intent security`. */
export function decisionSource({ rule }: Decision): string {
  if (!rule) return "the policy";
  return rule.index === undefined ? "intent security" : `fds.inherited.rules[${rule.index}] of the policy`;
}

/** `expect`: each name arrived, and nothing came that no rule of the policy is about. */
function unexpected({ expect }: InheritedPolicy, decided: readonly Decided[]): Remark[] {
  const at: PolicyKey = ["fds", "inherited", "expect"];
  const missing = expect.filter((name) => !decided.some(({ decision }) => decision.rule?.name === name));
  const surplus = decided.filter(
    ({ fd, decision }) => fd >= FIRST_BEYOND_STANDARD && decision.rule?.index === undefined,
  );
  return [
    ...missing.map((name) => ({
      message: `descriptor ${JSON.stringify(name)} is expected and did not arrive`,
      at: [...at, expect.indexOf(name)],
    })),
    ...surplus.map((known) => ({
      message: `descriptor ${known.fd} (${descriptorInWords(known)}) is not expected: no rule is about it`,
      at,
    })),
  ];
}

/** Intent security refuses to start when descriptors could not be seen; the other intents go on with those they saw. */
function unseen(fds: Policy["fds"], from: number): string {
  return `${unseenWords(from)}: ${noListing(fds)}; raise fds.scanLimit, mount /proc, or let the policy close them (default: close needs no look)`;
}

function noListing({ method }: Policy["fds"]): string {
  return method === "scan" ? "fds.method is scan" : "/proc/self/fd cannot be read";
}

/** Warns of a descriptor that a rule of the policy keeps and `fds.pass` gives to no service: PID 1 holds it open for nothing. */
function unpassedKept(decided: readonly Decided[], pass: readonly Pass[]): Remark[] {
  const warnings: Remark[] = [];
  for (const { fd, decision } of decided) {
    if (fd < FIRST_BEYOND_STANDARD || decision.action !== "keep") continue;
    if (pass.some(({ from }) => from === fd)) continue;
    const message = `descriptor ${fd} is kept and given to no service: name it in its fds.pass`;
    warnings.push({ message, ...placeOf(decision) });
  }
  return warnings;
}

const MOST_NUMBERS = 10;

function missing(announced: readonly string[], numbers: readonly number[]): string {
  const more = numbers.length - MOST_NUMBERS;
  const which = `${numbers.slice(0, MOST_NUMBERS).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  return `LISTEN_FDS announces ${announced.length}, and of those not open: ${which}`;
}

function malformed(count: string): string {
  return `LISTEN_FDS is no number from 1 to 4096 (${JSON.stringify(count)}): nothing counts as announced`;
}

/** Warns of descriptors that the launcher announced by LISTEN_FDS and the program does not get. */
function unnamedAnnounced(
  announced: readonly string[],
  missing: readonly number[],
  decided: readonly Decided[],
  pass: readonly Pass[],
): Remark[] {
  const warnings: Remark[] = [];
  for (let index = 0; index < announced.length; index++) {
    const fd = FIRST_ANNOUNCED + index;
    if (missing.includes(fd)) continue;
    if (pass.some(({ from }) => from === fd)) continue;
    if (decided.some((known) => known.fd === fd && known.decision.action === "keep")) continue;
    const name = JSON.stringify(announced[index]);
    const rule = `{ match: { fd: ${fd} }, action: keep }`;
    const message = `descriptor ${fd} (${name} of LISTEN_FDS) is not passed on; the rule ${rule} would keep it`;
    warnings.push({ message });
  }
  return warnings;
}

function isPassed(opened: OpenPolicy, pass: readonly Pass[]): boolean {
  const names: readonly (string | number)[] = namesOf(opened);
  return pass.some(({ from }) => names.includes(from));
}

/** Warns of a descriptor of `fds.open` that no service gets: it only keeps an address or a file busy. */
function unpassed({ name }: OpenPolicy): Remark {
  const message = `descriptor ${JSON.stringify(name)} of fds.open is given to no service: name it in its fds.pass`;
  return { message, at: ["fds", "open", name] };
}
