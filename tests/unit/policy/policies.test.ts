import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadPolicy } from "../../../init/policy/load.ts";
import { renderIssues } from "../../../init/policy/render.ts";

const FOLDER = join(import.meta.dir, "../../../policies");

describe("each policy that fdinit brings along", () => {
  for (const name of readdirSync(FOLDER)) {
    test(`${name} loads without a complaint and names its program`, () => {
      const result = loadPolicy({ name, bytes: readFileSync(join(FOLDER, name)) }, () => undefined);
      if (!result.ok) throw new Error(renderIssues(name, result.text, result.issues));
      expect(result.policy.services[0].command?.length).toBeGreaterThan(0);
      expect(result.policy.fds.inherited.default).toBe("close");
    });
  }
});
