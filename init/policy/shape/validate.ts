// Turns the generated validator's errors into one finding a mistake.
// Says what would have been accepted; says nothing of what the keys mean.

import type { SchemaError } from "../generated/validate.js";
import type { PolicyIssueCode } from "../issue.ts";
import { pathOfPointer, readablePath, valueAt } from "../key-path.ts";
import type { Finding } from "../wording/finding.ts";
import { shown } from "../wording/wording.ts";
import { KnownKeys } from "./known-keys.ts";

/** The most complaints about one policy, so that a hostile policy does not take long. */
const MOST_ERRORS = 300;

export function shapeFindings(errors: readonly SchemaError[], policy: unknown): Finding[] {
  const known = new KnownKeys();
  return withoutBranches(errors.slice(0, MOST_ERRORS)).map((error) => findingOf(error, policy, known));
}

const CODES: Readonly<Record<string, PolicyIssueCode>> = {
  type: "wrong-type",
  enum: "not-one-of",
  const: "not-one-of",
  pattern: "bad-pattern",
  propertyNames: "bad-pattern",
  minimum: "out-of-range",
  maximum: "out-of-range",
  minItems: "too-few",
  minProperties: "too-few",
  required: "missing-key",
  additionalProperties: "unknown-key",
};

/** A union complains once for itself and once for each branch: keeps what is deepest, else the union's own. */
function withoutBranches(errors: readonly SchemaError[]): SchemaError[] {
  const place = ({ instancePath, schemaPath }: SchemaError) =>
    `${instancePath} ${schemaPath.replace(/\/[^/]*$/, "")}`;
  const ofType = new Set(errors.filter(({ keyword }) => keyword === "type").map(place));
  let kept: SchemaError[] = [];
  for (const error of errors) {
    if (error.keyword === "enum" && ofType.has(place(error))) continue; // of the wrong type is enough
    if (error.propertyName !== undefined) continue; // repeated by the "propertyNames" error that follows
    if (error.keyword !== "anyOf") {
      kept.push(error);
      continue;
    }
    const { instancePath, schemaPath } = error;
    const isBranch = (other: SchemaError) =>
      other.instancePath === instancePath && other.schemaPath.startsWith(`${schemaPath}/`);
    const isDeeper = (other: SchemaError) => other.instancePath.startsWith(`${instancePath}/`);
    const branch = kept.find((other) => isBranch(other) && other.keyword !== "type");
    const hasDeeper = kept.some(isDeeper);
    kept = kept.filter((other) => !isBranch(other));
    if (!hasDeeper) kept.push({ ...error, keyword: branch?.keyword ?? "type" });
  }
  return kept;
}

function findingOf(error: SchemaError, policy: unknown, known: KnownKeys): Finding {
  const at = pathOfPointer(error.instancePath, policy);
  const { keyword, params } = error;
  const code = CODES[keyword] ?? "bad-value";
  if (keyword === "additionalProperties")
    return unknownKey([...at, String(params["additionalProperty"])], known);
  if (keyword === "required") {
    const key = String(params["missingProperty"]);
    const where = at.length === 0 ? "the policy" : readablePath(at);
    const hint = at.length === 0 && key === "version" ? 'add "version: 1"' : undefined;
    return {
      code,
      message: `${where} has no key ${JSON.stringify(key)}`,
      at,
      on: "key",
      expected: `${key}: ${known.phrase([...at, key])}`,
      ...(hint !== undefined && { hint }),
    };
  }
  if (keyword === "propertyNames") {
    const name = String(params["propertyName"]);
    const message = `${JSON.stringify(name)} cannot be a key in ${readablePath(at)}`;
    return { code, message, at: [...at, name], on: "key", expected: known.phrase([...at, "*name"]) };
  }
  const value = valueAt(policy, at);
  if (keyword === "minItems" || keyword === "minProperties") {
    const keys = known.keys(at);
    const expected = keys.length > 0 ? `one or more of: ${keys.join(", ")}` : "at least one entry";
    return { code, message: `${readablePath(at)} is empty`, at, on: "value", expected };
  }
  if (at.length === 1 && at[0] === "version") {
    return {
      code: "unsupported-version",
      message: `the policy's version is ${shown(value)}`,
      at,
      on: "value",
      expected: "1",
    };
  }
  const expected = known.phrase(at);
  const message =
    at.length === 0 ? `the policy is ${shown(value)}` : `bad value for ${readablePath(at)}: ${shown(value)}`;
  return {
    code,
    message,
    at,
    on: "value",
    expected,
  };
}

function unknownKey(at: readonly (string | number)[], known: KnownKeys): Finding {
  const key = String(at.at(-1));
  const parent = at.slice(0, -1);
  const keys = known.keys(parent);
  const where = parent.length === 0 ? "at the top level" : `in ${readablePath(parent)}`;
  const hint = key === "<<" ? "merge keys are not part of YAML 1.2; write the keys out" : undefined;
  return {
    code: "unknown-key",
    message: `unknown key ${JSON.stringify(key)} ${where}`,
    at,
    on: "key",
    expected: `one of: ${keys.join(", ")}`,
    ...(hint !== undefined && { hint }),
  };
}

/** Whether the language has the key, wherever it stands. */
export function keyKnower(): (path: readonly (string | number)[]) => boolean {
  let known: KnownKeys | undefined;
  return (path) => {
    known ??= new KnownKeys();
    return known.has(path);
  };
}
