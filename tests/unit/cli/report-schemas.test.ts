import { describe, expect, test } from "bun:test";
import { expectValid, type Report, schemaOf } from "../../harness/report-schemas.ts";

const REPORTS: readonly Report[] = ["plan", "audit", "status"];

describe.each(REPORTS)("the schema of %s --json", (report) => {
  test("gives every key a title and a description", () => {
    const bare: string[] = [];
    const visit = (node: unknown, path: string): void => {
      if (typeof node !== "object" || node === null) return;
      for (const [key, child] of Object.entries((node as { properties?: object }).properties ?? {})) {
        const { title, description, $ref } = child as Record<string, unknown>;
        if (!$ref && (typeof title !== "string" || typeof description !== "string"))
          bare.push(`${path}.${key}`);
      }
      for (const [key, child] of Object.entries(node)) visit(child, `${path}.${key}`);
    };
    visit(schemaOf(report), "");
    expect(bare).toEqual([]);
  });

  test("refuses what it does not know", () => {
    expect(() => expectValid(report, { version: 1 })).toThrow();
    expect(() => expectValid(report, { version: 2 })).toThrow();
  });
});

test("a descriptor, a socket and a decision are the same in both", () => {
  const [plan, audit] = [schemaOf("plan").$defs, schemaOf("audit").$defs];
  for (const name of ["descriptor", "socket", "decision"]) expect(audit[name]).toEqual(plan[name]);
});
