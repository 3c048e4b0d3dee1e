// What stands in the way of a start, and what a person should know. Pure. All of it at once, so that
// nobody mends one thing to be told of the next.

import type { InheritedPolicy, Policy } from "../policy/types.ts";
import { type Facts, FIRST_ANNOUNCED } from "../sys/facts.ts";
import type { Decided, Decision } from "./decide.ts";
import { FIRST_BEYOND_STANDARD } from "./match.ts";
import type { Pass, Refusal } from "./plan.ts";
import { unseenWords } from "./sweep.ts";

/** Everything about descriptors for which nothing is started. */
export function findRefusals(policy: Policy, facts: Facts, decided: readonly Decided[]): Refusal[] {
  const messages = [
    ...refusedDescriptors(decided),
    ...unexpected(policy.fds.inherited, decided),
    ...unseen(policy, facts),
    ...workingDirectory(facts),
  ];
  const refusals: Refusal[] = [];
  for (const message of messages) refusals.push({ code: "descriptor", message });
  return refusals;
}

const UNDETERMINED = "what a rule asks about it cannot be determined";

/** Where /proc says nothing of a descriptor, there is something to do about it. */
function remedy({ descriptor }: Decided): string {
  return descriptor?.evidence.startsWith("no link in /proc")
    ? " (mount /proc, or put a rule by number before it)"
    : "";
}

/** What is passed over because it is undetermined: performance says so, simplicity does not. */
export function undetermined({ intent }: Policy, decided: readonly Decided[]): string[] {
  if (intent === "security") return [];
  const messages: string[] = [];
  for (const known of decided)
    if (known.decision.undetermined && intent === "performance")
      messages.push(
        `descriptor ${known.fd} (${known.what}): ${UNDETERMINED} and is passed over${remedy(known)}`,
      );
  return messages;
}

function refusedDescriptors(decided: readonly Decided[]): string[] {
  const messages: string[] = [];
  for (const known of decided) {
    const { fd, what, decision } = known;
    if (decision.action !== "refuse") continue;
    const why = decision.undetermined
      ? `${UNDETERMINED}${remedy(known)}`
      : `${decisionSource(decision)} refuses it`;
    messages.push(`descriptor ${fd} (${what}) was inherited and ${why}`);
  }
  return messages;
}

/** Who decided, as the policy's reader finds it. */
export function decisionSource({ rule }: Decision): string {
  if (!rule) return "the policy";
  return rule.index === undefined ? "intent security" : `fds.inherited.rules[${rule.index}] of the policy`;
}

/** `expect`: each name arrived, and nothing came that no rule of the policy is about. */
function unexpected({ expect }: InheritedPolicy, decided: readonly Decided[]): string[] {
  if (expect.length === 0) return [];
  const missing = expect.filter((name) => !decided.some(({ decision }) => decision.rule?.name === name));
  const surplus = decided.filter(
    ({ fd, decision }) => fd >= FIRST_BEYOND_STANDARD && decision.rule?.index === undefined,
  );
  return [
    ...missing.map((name) => `descriptor ${JSON.stringify(name)} is expected and did not arrive`),
    ...surplus.map(({ fd, what }) => `descriptor ${fd} (${what}) is not expected: no rule is about it`),
  ];
}

/** security does not start on what it could not see; the other intents go on with what they saw. */
function unseen({ intent, fds }: Policy, { unseenFrom }: Facts): string[] {
  if (unseenFrom === undefined || intent !== "security") return [];
  return [
    `${unseenWords(unseenFrom)}: ${noListing(fds)}; raise fds.scanLimit, mount /proc, or let the policy close them (default: close needs no look)`,
  ];
}

export function unseenWarnings({ intent, fds }: Policy, { unseenFrom }: Facts): string[] {
  if (unseenFrom === undefined || intent === "security") return [];
  return [`${unseenWords(unseenFrom)}: ${noListing(fds)}; what is open there is not passed on by a rule`];
}

function noListing({ method }: Policy["fds"]): string {
  return method === "scan" ? "fds.method is scan" : "/proc/self/fd cannot be read";
}

function workingDirectory({ workingDirectoryOutside: outside }: Facts): string[] {
  return outside === undefined
    ? []
    : [`the working directory ${JSON.stringify(outside)} lies outside the root (CVE-2024-21626)`];
}

/** What a rule of the policy keeps and `fds.pass` gives to nobody: it is held open in PID 1 for nothing. */
export function unpassedKept(decided: readonly Decided[], pass: readonly Pass[]): string[] {
  const warnings: string[] = [];
  for (const { fd, decision } of decided) {
    if (fd < FIRST_BEYOND_STANDARD || decision.action !== "keep") continue;
    if (pass.some(({ from }) => from === fd)) continue;
    warnings.push(`descriptor ${fd} is kept and given to no service: name it in its fds.pass`);
  }
  return warnings;
}

/** What the launcher announced by LISTEN_FDS and the program does not get. */
export function unnamedAnnounced(
  { announced }: Facts,
  decided: readonly Decided[],
  pass: readonly Pass[],
): string[] {
  const warnings: string[] = [];
  for (let index = 0; index < announced.length; index++) {
    const fd = FIRST_ANNOUNCED + index;
    if (pass.some(({ from }) => from === fd)) continue;
    if (decided.some((known) => known.fd === fd && known.decision.action === "keep")) continue;
    const name = JSON.stringify(announced[index]);
    const rule = `{ match: { fd: ${fd} }, action: keep }`;
    warnings.push(
      `descriptor ${fd} (${name} of LISTEN_FDS) is not passed on; the rule ${rule} would keep it`,
    );
  }
  return warnings;
}
