// Holds the documents of `plan --json`, `audit --json` and `status --json` to their published schemas.

import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { ROOT } from "./fixtures.ts";

export type Report = "plan" | "audit" | "status";

export interface Schema {
  readonly $defs: Readonly<Record<string, object>>;
}

export function schemaOf(report: Report): Schema {
  return JSON.parse(readFileSync(join(ROOT, "schema", `${report}.schema.json`), "utf8"));
}

const validators = new Map<Report, ValidateFunction>();

/** Fails with what the schema does not allow, or misses. */
export function expectValid(report: Report, document: unknown): void {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
  const validate = validators.get(report) ?? ajv.compile(schemaOf(report));
  validators.set(report, validate);
  validate(document);
  expect(validate.errors ?? []).toEqual([]);
}
