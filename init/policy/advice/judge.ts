// Whether a suggestion is right: puts it in its place and reads the policy again. A complaint suggests nothing that has not
// passed here, so that a policy changed as a hint says is not refused for that change.

import type { SchemaError } from "../generated/validate.js";
import { isRecord, type KeyPath, pathOfPointer, pointerOf, valueAt } from "../key-path.ts";
import { resolvePolicy, type WrittenPolicy } from "../meaning/resolve.ts";
import { shapeErrors } from "../shape/shape-errors.ts";
import { keyKnower } from "../shape/validate.ts";

/** Rounds of leaving out what else is wrong. */
const MOST_ROUNDS = 5;

/** Whether the value is accepted at that place of the policy, whatever else is wrong there. */
export function isAccepted(policy: unknown, at: KeyPath, value: unknown): boolean {
  const copy = structureOf(policy);
  if (!place(copy, at, value)) return false;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const errors = shapeErrors(copy);
    if (!errors) return isUsable(copy, at);
    let isStuck = true;
    for (const { instancePath, keyword, params } of errors) {
      const inside = pathOfPointer(instancePath, copy);
      const wrong =
        keyword === "additionalProperties" ? [...inside, String(params["additionalProperty"])] : inside;
      if (isWithin(wrong, at)) return false;
      // Above it something is missing: nothing against the value itself.
      if (isWithin(at, wrong)) continue;
      isStuck = !remove(copy, wrong) && isStuck;
    }
    if (isStuck) return true;
  }
  return true;
}

/** Whether the schema has the key at a place, whatever its value. */
export function isKnownKey(at: KeyPath): boolean {
  return keyKnower()(at);
}

/** Whether the name may be a key there, whatever its value. */
export function isAcceptedName(policy: unknown, at: KeyPath, value: unknown): boolean {
  const copy = structureOf(policy);
  if (!place(copy, at, value)) return false;
  const parent = pointerOf(at.slice(0, -1));
  const isAboutIt = ({ instancePath, keyword, params }: SchemaError) =>
    keyword === "propertyNames" && instancePath === parent && params["propertyName"] === at.at(-1);
  return !(shapeErrors(copy) ?? []).some(isAboutIt);
}

function isUsable(policy: unknown, at: KeyPath): boolean {
  const resolved = resolvePolicy(policy as WrittenPolicy, "", undefined);
  return resolved.ok || !resolved.findings.some((finding) => isWithin(finding.at, at));
}

function isWithin(path: KeyPath, at: KeyPath): boolean {
  const pointer = pointerOf(path);
  return pointer === pointerOf(at) || pointer.startsWith(`${pointerOf(at)}/`);
}

/** A copy whose lists and mappings may be changed. */
function structureOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structureOf);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, structureOf(child)]));
}

/** Mappings on the way are made. */
function place(policy: unknown, at: KeyPath, value: unknown): boolean {
  let parent = policy;
  for (const step of at.slice(0, -1)) {
    if (typeof parent !== "object" || parent === null) return false;
    const record = parent as Record<string | number, unknown>;
    if (valueAt(parent, [step]) === undefined && isRecord(parent)) record[step] = {};
    parent = record[step];
  }
  const last = at.at(-1);
  if (typeof parent !== "object" || parent === null || last === undefined) return false;
  (parent as Record<string | number, unknown>)[last] = value;
  return true;
}

function remove(policy: unknown, at: KeyPath): boolean {
  const parent = valueAt(policy, at.slice(0, -1));
  const last = at.at(-1);
  if (last === undefined || typeof parent !== "object" || parent === null) return false;
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete (parent as Record<string, unknown>)[last];
  return true;
}
