import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { warningsAbout } from "../../../init/cli/check/warnings.ts";
import { loadPolicy } from "../../../init/policy/load.ts";
import { loadPlainPolicy } from "../../../init/policy/load-plain.ts";
import { stopSteps } from "../../../init/policy/types.ts";
import { renderIssues } from "../../../init/policy/wording/render.ts";

const FOLDER = join(import.meta.dir, "../../../policies");

describe("each policy that fdinit brings along", () => {
  for (const name of readdirSync(FOLDER)) {
    test(`${name} loads without a complaint and names its program`, () => {
      const result = loadPolicy({ name, bytes: readFileSync(join(FOLDER, name)) }, () => undefined);
      if (!result.ok) throw new Error(renderIssues(name, result.text, result.issues));
      expect(result.policy.services[0].command?.length).toBeGreaterThan(0);
      expect(result.policy.fds.inherited.default).toBe("close");
      expect(result.policy.shutdown.budgetMs).toBeUndefined();
    });

    test(`${name} is read the quick way, to the same policy`, () => {
      const source = { name, bytes: readFileSync(join(FOLDER, name)) };
      const result = loadPolicy(source, () => undefined);
      const plain = loadPlainPolicy(source, () => undefined);
      expect(plain).toBeDefined();
      expect(plain).toEqual(result.ok ? result.policy : undefined);
    });

    test(`${name} is warned of nothing by check, and its stop at its longest ends inside docker stop's ten seconds`, () => {
      const source = { name, bytes: readFileSync(join(FOLDER, name)) };
      const result = loadPolicy(source, (variable) => (variable === "STOP_BUDGET" ? "9s" : undefined));
      if (!result.ok) throw new Error(renderIssues(name, result.text, result.issues));
      const { policy } = result;
      expect(warningsAbout(policy, source)).toEqual([]);
      const steps = stopSteps(policy.services[0], policy.shutdown) ?? [];
      const stepsMs = steps.reduce((sum, { waitMs = 0 }) => sum + waitMs, 0);
      const orphansMs = policy.reaping.orphans === "terminate" ? policy.reaping.waitMs : 0;
      expect(stepsMs + orphansMs).toBeLessThanOrEqual(policy.shutdown.budgetMs ?? 0);
    });

    test(`${name} has the budget that STOP_BUDGET says, and complains about what is none`, () => {
      const load = (budget: string) =>
        loadPolicy({ name, bytes: readFileSync(join(FOLDER, name)) }, (variable) =>
          variable === "STOP_BUDGET" ? budget : undefined,
        );
      for (const [budget, budgetMs] of [
        ["500ms", 500],
        ["9s", 9000],
        ["10m", 600_000],
      ] as const) {
        const result = load(budget);
        if (!result.ok) throw new Error(renderIssues(name, result.text, result.issues));
        expect(result.policy.shutdown.budgetMs).toBe(budgetMs);
      }
      const refused = load("soon");
      expect(refused.ok ? [] : refused.issues.map(({ pointer }) => pointer)).toContain("/shutdown/budget");
    });
  }
});
