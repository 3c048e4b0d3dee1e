// PID 1 where its system calls fail: a sample of the faults behind docs/reliability.md, which `bun run faults` tries whole.

import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Driver, SCENARIOS, WRONG } from "../faults/faults.ts";
import { FDINIT, IS_QUICKJS, ROOT } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeUnless, missing } from "../harness/needs.ts";

leaveNothingBehind();

/** Every fifth fault. */
const SAMPLE = 5;

const reason =
  missing("gcc", "unshare", "root") ??
  (process.arch === "x64" ? undefined : "tests/fixtures/fault.c knows x86-64 alone") ??
  (IS_QUICKJS ? undefined : "Bun makes calls of its own before fdinit's first: test:static runs it");

describeUnless(reason, "a system call that fails", () => {
  const driver = new Driver(FDINIT);
  afterAll(() => driver.remove());

  for (const scenario of SCENARIOS) {
    test(`in ${scenario.about} is said, made up for or refused`, async () => {
      const outcomes = await driver.outcomes(scenario, 2, SAMPLE);
      expect(outcomes.length).toBeGreaterThan(10);
      expect(outcomes.filter(({ did }) => WRONG.test(did))).toEqual([]);
    }, 180_000);
  }

  test("has its row in docs/reliability.md", () => {
    const page = readFileSync(join(ROOT, "docs/reliability.md"), "utf8");
    for (const { name } of SCENARIOS) expect(page).toContain(`| ${name} | \`openat`);
  });
});
