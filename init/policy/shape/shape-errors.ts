// Holds a value against the schema. A text that is one variable and nothing else may stand for a number, true or false: it
// becomes one where the schema wants one. Words nothing (validate.ts does).

import { type SchemaError, validate } from "../generated/validate.js";
import { type KeyPath, pointerOf, valueAt } from "../key-path.ts";
import { scalarOf } from "../reading/variables.ts";

/** Undefined when the value has the schema's shape. `whole`: where in `value`, which may change, such a text stands. */
export function shapeErrors(
  value: unknown,
  whole: readonly KeyPath[] = [],
): readonly SchemaError[] | undefined {
  const errors = errorsOf(value);
  if (!errors || whole.length === 0) return errors;
  const before = standForScalars(value, whole, errorPlaces(errors));
  const left = errorsOf(value);
  if (!left) return undefined;
  restore(value, before, errorPlaces(left));
  return errorsOf(value);
}

function errorsOf(value: unknown): readonly SchemaError[] | undefined {
  return validate(value) ? undefined : (validate.errors ?? []);
}

function errorPlaces(errors: readonly SchemaError[]): ReadonlySet<string> {
  return new Set(errors.map(({ instancePath }) => instancePath));
}

/** A text that is one variable stands for a number, true or false where the schema has no place for the text. */
function standForScalars(
  value: unknown,
  whole: readonly KeyPath[],
  wrong: ReadonlySet<string>,
): Map<KeyPath, unknown> {
  const before = new Map<KeyPath, unknown>();
  for (const path of whole) {
    const text = valueAt(value, path);
    const scalar = scalarOf(text);
    if (scalar === undefined || !wrong.has(pointerOf(path))) continue;
    before.set(path, text);
    put(value, path, scalar);
  }
  return before;
}

/** The text again where the number is no better, so that the complaint shows what the variable holds. */
function restore(value: unknown, before: ReadonlyMap<KeyPath, unknown>, wrong: ReadonlySet<string>): void {
  for (const [path, text] of before) if (wrong.has(pointerOf(path))) put(value, path, text);
}

function put(value: unknown, path: KeyPath, child: unknown): void {
  (valueAt(value, path.slice(0, -1)) as Record<string | number, unknown>)[path.at(-1) ?? ""] = child;
}
