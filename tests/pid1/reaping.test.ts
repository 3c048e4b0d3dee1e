import { expect, test } from "bun:test";
import { fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeWith, LONG } from "../harness/needs.ts";
import { children, until } from "../harness/processes.ts";
import { type Start, start } from "../harness/run.ts";

leaveNothingBehind();

const ORPHANS = LONG ? 20_000 : 1000;

/** Has orphans made, sees them adopted by fdinit and gone, and the program's own code at the end. */
async function reaped(count: number, how: Partial<Start>): Promise<void> {
  const running = start({ run: [fixture("orphans"), String(count)], ...how });
  const adopted = await running.line();
  const pid = await running.pid();
  expect(adopted).toBe(`adopted by ${how.as === "child" ? pid : 1}`);
  const payload = await running.payload();
  await until("no child but the program is left, living or zombie", () => {
    const left = children(pid);
    return left.length === 1 && left[0] === payload;
  });
  expect((await running.finished()).code).toBe(7);
}

describeWith(["gcc", "unshare"], "orphans", () => {
  test(`come to PID 1 and are reaped, all ${ORPHANS}`, () => reaped(ORPHANS, {}), 120_000);
  test(
    `come to fdinit as subreaper and are reaped, all ${ORPHANS}`,
    () => reaped(ORPHANS, { as: "child" }),
    120_000,
  );
  test("are reaped when the launcher ignored SIGCHLD", () => reaped(100, { launch: ["ignore=17"] }));
  test("are reaped when the launcher blocked SIGCHLD", () => reaped(100, { launch: ["block=17"] }));
  test("are reaped with a limit of 16 open files", () => reaped(100, { launch: ["rlimit=7:16:16"] }));
});
