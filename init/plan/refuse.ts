// What stands in the way of a start, and what a person should know. Pure. All of it at once, so that
// nobody mends one thing to be told of the next.

import type { InheritedPolicy, Policy } from "../policy/types.ts";
import type { Facts } from "../sys/facts.ts";
import type { Decided, Decision } from "./decide.ts";
import { FIRST_BEYOND_STANDARD } from "./match.ts";
import type { Refusal } from "./plan.ts";

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

/** What the intents that go on leave undetermined: performance says all of it, simplicity what it did not see. */
export function undetermined(
  { intent }: Policy,
  { unseenFrom }: Facts,
  decided: readonly Decided[],
): string[] {
  if (intent === "security") return [];
  const messages: string[] = [];
  for (const known of decided)
    if (known.decision.undetermined && intent === "performance")
      messages.push(
        `descriptor ${known.fd} (${known.what}): ${UNDETERMINED} and is passed over${remedy(known)}`,
      );
  if (unseenFrom !== undefined)
    messages.push(`/proc/self/fd cannot be read and numbers from ${unseenFrom} up were not looked at`);
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
function unseen({ intent }: Policy, { unseenFrom }: Facts): string[] {
  if (unseenFrom === undefined || intent !== "security") return [];
  return [
    `/proc/self/fd cannot be read and numbers from ${unseenFrom} up were not looked at: mount /proc, or let the policy close them (default: close needs no look)`,
  ];
}

function workingDirectory({ workingDirectoryOutside: outside }: Facts): string[] {
  return outside === undefined
    ? []
    : [`the working directory ${JSON.stringify(outside)} lies outside the root (CVE-2024-21626)`];
}

/** sd_listen_fds(3): SD_LISTEN_FDS_START. */
const FIRST_ANNOUNCED = 3;

/** What the launcher announced by LISTEN_FDS and the program does not get. */
export function unnamedAnnounced({ announced }: Facts, decided: readonly Decided[]): string[] {
  const warnings: string[] = [];
  for (let index = 0; index < announced.length; index++) {
    const fd = FIRST_ANNOUNCED + index;
    if (decided.some((known) => known.fd === fd && known.decision.action === "keep")) continue;
    const name = JSON.stringify(announced[index]);
    const rule = `{ match: { fd: ${fd} }, action: keep }`;
    warnings.push(
      `descriptor ${fd} (${name} of LISTEN_FDS) is not passed on; the rule ${rule} would keep it`,
    );
  }
  return warnings;
}
