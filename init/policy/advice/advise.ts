// Adds to a complaint what would have been right: the known key or the value that was probably meant. Nothing is said that
// judge.ts has not tried in its place. Runs only when something is wrong.

import { isRecord, type KeyPath, readablePath, valueAt } from "../key-path.ts";
import { KnownKeys } from "../shape/known-keys.ts";
import type { Finding } from "../wording/finding.ts";
import { flow } from "../wording/flow.ts";
import { foreignKey } from "./foreign-keys.ts";
import { isAccepted, isAcceptedName, isKnownKey } from "./judge.ts";
import { holdsInvisible, scalarForms } from "./scalars.ts";
import { type Candidate, nearestKey, shapeForms, withoutName } from "./shapes.ts";

export interface Advice extends Pick<Finding, "nearest" | "hint"> {
  /** The accepted value or key, as a policy writes it. */
  readonly suggestion?: { readonly at: KeyPath; readonly text: string; readonly on: "key" | "value" };
}

/** `raw` is the text of what is complained about. */
export function adviceFor(finding: Finding, policy: unknown, raw: string): Advice {
  if (finding.hint !== undefined) return {};
  const known = new KnownKeys();
  if (finding.code === "unknown-key") return keyAdvice(finding, policy, known);
  if (finding.on === "key") return finding.code === "bad-pattern" ? nameAdvice(finding, policy, known) : {};
  return valueAdvice(finding, policy, raw, known);
}

function keyAdvice({ at }: Finding, policy: unknown, known: KnownKeys): Advice {
  const parent = at.slice(0, -1);
  const key = String(at.at(-1));
  const value = valueAt(policy, at);
  const siblings = valueAt(policy, parent);
  const hint = holdsInvisible(key)
    ? {
        hint: "the key holds a character that looks like a space or like nothing (such as U+00A0): type it again",
      }
    : {};
  const near = nearestKey(key, known.keys(parent));
  const isFree = near !== undefined && !(isRecord(siblings) && Object.hasOwn(siblings, near));
  if (near !== undefined && isFree && isKnownKey([...parent, near]))
    return { nearest: near, suggestion: { at, text: flow(near), on: "key" }, ...hint };
  if (readablePath(parent) === "exit" && /^\d+$/.test(key)) return { nearest: "exit.map", ...hint };
  const foreign = foreignKey(key);
  if (foreign && foreign.length > 0) return { nearest: readablePath(placed(foreign, parent)), ...hint };
  for (const place of known.placesOf(key, parent))
    if (isAccepted(withoutKey(policy, at), placed(place, parent), value))
      return { nearest: readablePath(place), ...hint };
  return hint;
}

/** NAME stands for the service the key was found in. */
function placed(path: KeyPath, inside: KeyPath): KeyPath {
  const name = inside[0] === "services" && typeof inside[1] === "string" ? inside[1] : "NAME";
  return path.map((step) => (step === "NAME" ? name : step));
}

function withoutKey(policy: unknown, at: KeyPath): unknown {
  if (!isRecord(policy)) return policy;
  const [first, ...rest] = at;
  return Object.fromEntries(
    Object.entries(policy).flatMap(([key, child]) => {
      if (key !== first) return [[key, child]];
      return rest.length === 0 ? [] : [[key, withoutKey(child, rest)]];
    }),
  );
}

/** The key of a mapping whose keys are signals, names or codes. */
function nameAdvice({ at }: Finding, policy: unknown, known: KnownKeys): Advice {
  const parent = at.slice(0, -1);
  const key = String(at.at(-1));
  const siblings = valueAt(policy, parent);
  const phrase = known.phrase([...parent, "*name"]);
  for (const form of scalarForms({ value: key, raw: key }, phrase, "")) {
    const other = String(form);
    if (other === key || (isRecord(siblings) && Object.hasOwn(siblings, other))) continue;
    if (!isAcceptedName(withoutKey(policy, at), [...parent, other], valueAt(policy, at))) continue;
    return { nearest: other, suggestion: { at, text: flow(other), on: "key" } };
  }
  return {};
}

function valueAdvice(finding: Finding, policy: unknown, raw: string, known: KnownKeys): Advice {
  const { at } = finding;
  const phrase = known.phrase(at);
  const key = String(at.at(-1));
  const value = valueAt(policy, at);
  const forms = scalarForms({ value, raw }, phrase, /^\d+$/.test(key) ? String(at.at(-2)) : key);
  const candidates: Candidate[] = [
    ...(at[0] === "services" && at.length <= 2
      ? withoutName(valueAt(policy, ["services"]), known.keys(["services", "NAME"]))
      : []),
    ...forms.map((form) => ({ at, value: form })),
    ...shapeForms(at, { value, raw }, phrase),
  ];
  for (const candidate of candidates) {
    if (candidate.at.length === at.length && Object.is(candidate.value, value)) continue;
    if (!isAccepted(policy, candidate.at, candidate.value)) continue;
    const text = written(candidate);
    const suggestion = { at: candidate.at, text, on: "value" } as const;
    const isWord =
      typeof value === "string" && /^[A-Za-z-]+$/.test(value) && typeof candidate.value === "string";
    if (isWord) return { nearest: candidate.value as string, suggestion };
    return { hint: wording(candidate, value, text), suggestion };
  }
  return typeof value === "string" && holdsInvisible(value)
    ? { hint: "it holds a character that looks like a space or like nothing (such as U+00A0)" }
    : {};
}

/** A command's words are all quoted, as in every example of one. */
function written({ at, value }: Candidate): string {
  const isCommand = Array.isArray(value) && /^(command|exec)$/.test(String(at.at(-1)));
  return isCommand ? `[${value.map((word) => JSON.stringify(word)).join(", ")}]` : flow(value);
}

function wording({ at, value }: Candidate, given: unknown, text: string): string {
  const isQuoted = typeof value === "string" && (typeof given === "number" || typeof given === "boolean");
  if (isQuoted && text === JSON.stringify(String(given))) return `put it in quotes: ${text}`;
  const key = at.at(-1);
  return typeof value === "object" && typeof key === "string" ? `write ${key}: ${text}` : `write ${text}`;
}
