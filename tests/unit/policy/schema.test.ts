import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { type Schema, staleFiles, withoutReferences } from "../../../scripts/generate.ts";

const PATH = join(import.meta.dir, "../../../schema/policy.schema.json");
const schema = withoutReferences(JSON.parse(readFileSync(PATH, "utf8")) as Schema);
const ajv = new Ajv2020({ strict: true, strictRequired: false });
ajv.addVocabulary(["errorMessage"]);

/** Every key's schema, those of names, values and entries included. */
function keysOf(node: Schema, path = ""): [string, Schema][] {
  const below: [string, Schema][] = [];
  const visit = (child: unknown, name: string) => {
    if (typeof child === "object" && child !== null)
      below.push(...keysOf(child as Schema, path === "" ? name : `${path}.${name}`));
  };
  for (const [key, child] of Object.entries((node["properties"] ?? {}) as Record<string, Schema>))
    visit(child, key);
  visit(node["additionalProperties"], "*");
  visit(node["propertyNames"], "(name)");
  visit(node["items"], "[]");
  for (const branch of (node["anyOf"] ?? []) as Schema[]) visit(branch["items"], "[]");
  return [[path, node], ...below];
}

describe("in the schema", () => {
  const keys = keysOf(schema);
  test("there are more than a hundred keys", () => expect(keys.length).toBeGreaterThan(100));

  test("every key has a title, a description and examples", () => {
    const bare = keys.filter(([, { title, description, examples }]) => {
      return (
        typeof title !== "string" ||
        typeof description !== "string" ||
        !Array.isArray(examples) ||
        examples.length === 0
      );
    });
    expect(bare.map(([path]) => path)).toEqual([]);
  });

  test("every key that may be left out of a service or of the policy has a default, or says what holds then", () => {
    const silent = keys.filter(([path, { default: value, description }]) => {
      const isOneOfSeveral =
        /rules\.\[\]|fds\.open\.\*|ready\.|\.steps\.\[\]|\(name\)|\*$|\[\]$/.test(path) || path === "";
      return value === undefined && !isOneOfSeveral && !String(description).includes("Default:");
    });
    expect(silent.map(([path]) => path)).toEqual([]);
  });

  test("every example and default is valid", () => {
    const wrong: string[] = [];
    for (const [path, node] of keys) {
      const { $id: _id, $schema: _schema, ...rest } = node;
      const validate = ajv.compile(rest);
      const values = [
        ...(node["examples"] as unknown[]),
        ...("default" in node && path !== "services" ? [node["default"]] : []),
      ];
      for (const value of values) if (!validate(value)) wrong.push(`${path}: ${JSON.stringify(value)}`);
    }
    expect(wrong).toEqual([]);
  });

  test("no mapping takes keys that it does not name", () => {
    const open = keys.filter(
      ([, node]) => node["type"] === "object" && node["additionalProperties"] === undefined,
    );
    expect(open.map(([path]) => path)).toEqual([]);
  });

  test("every rule about form comes with words for it", () => {
    const wordless = keys.filter(
      ([, node]) =>
        (node["pattern"] !== undefined || node["anyOf"] !== undefined) &&
        typeof node["errorMessage"] !== "string",
    );
    expect(wordless.map(([path]) => path)).toEqual([]);
  });
});

test("the files derived from the schema are current", async () => {
  expect(await staleFiles()).toEqual([]);
});
