// Many services with the executable as PID 1: fifty in a deep graph, and two hundred that are idle.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import {
  descendants,
  descriptors,
  extra,
  hasEnded,
  status,
  until,
  untilWaiting,
} from "../harness/processes.ts";
import { lines, type Services, servicesOf, sh, up } from "../harness/services.ts";

leaveNothingBehind();

/** Two services a level: each needs both of the level before. */
const LEVELS = 25;
const IDLE = 200;
const FEW = 20;
/** PID 1's memory for a further service. */
const MOST_KB = 60;

describeWith(["gcc", "unshare"], "many services", () => {
  test("fifty in a deep graph start in order, and stop in the reverse order within the budget with the true code", async () => {
    const file = join(temporaryDirectory(), "history");
    const services: Record<string, Services[string]> = {};
    for (let level = 0; level < LEVELS; level++) {
      const needed = level === 0 ? [] : ["a", "b"].map((side) => [`${side}${level - 1}`, "ready"]);
      for (const side of ["a", "b"]) {
        // The first to end decides the code: those of the deepest level.
        const code = level === LEVELS - 1 ? 7 : 0;
        const end = `kill $! 2>/dev/null; echo -${level} >> ${file}; exit ${code}`;
        services[`${side}${level}`] = {
          command: sh(`sleep 10000 & trap '${end}' TERM; echo +${level} >> ${file}; echo >&3; wait`),
          ready: { notify: 3 },
          dependsOn: Object.fromEntries(needed),
        };
      }
    }
    const fdinit = up(services, { shutdown: { budget: "8s" } });
    const pid = await fdinit.pid();
    await until("all have started", () => lines(file).length === 2 * LEVELS);
    const all = descendants(pid);
    const upwards = Array.from({ length: 2 * LEVELS }, (_, index) => Math.floor(index / 2));
    expect(lines(file)).toEqual(upwards.map((level) => `+${level}`));
    const began = performance.now();
    process.kill(pid, "SIGTERM");
    const { code, stderr } = await fdinit.ended();
    expect({ code, stderr, isInTime: performance.now() - began < 8_000 }).toEqual({
      code: 7,
      stderr: "",
      isInTime: true,
    });
    expect(lines(file).slice(2 * LEVELS)).toEqual(upwards.toReversed().map((level) => `-${level}`));
    expect(all.filter((one) => !hasEnded(one))).toEqual([]);
  });

  test("two hundred idle ones cost PID 1 no wake-up, no descriptor, and little memory each", async () => {
    const few = await idle(FEW);
    const many = await idle(IDLE);
    expect(many.descriptors).toEqual(few.descriptors);
    expect((many.kb - few.kb) / (IDLE - FEW)).toBeLessThan(MOST_KB);
  });
});

/** Runs so many services that sleep, until they have been stopped: what PID 1 has meanwhile. */
async function idle(
  count: number,
): Promise<{ readonly kb: number; readonly descriptors: readonly number[] }> {
  const names = Array.from({ length: count }, (_, index) => `s${index}`);
  const fdinit = up(Object.fromEntries(names.map((name) => [name, { command: ["sleep", "10000"] }])));
  const pid = await fdinit.pid();
  await until("all run", () => servicesOf(pid).size === count);
  await untilWaiting(pid);
  const switches = () =>
    `${status(pid, "voluntary_ctxt_switches")} ${status(pid, "nonvoluntary_ctxt_switches")}`;
  let before = "";
  await until("it is at rest", async () => {
    const seen = switches();
    const isSame = seen === before;
    before = seen;
    await Bun.sleep(100);
    return isSame;
  });
  await Bun.sleep(500);
  expect(switches()).toBe(before);
  const found = {
    kb: Number.parseInt(status(pid, "RssAnon"), 10),
    descriptors: extra(descriptors(pid)),
  };
  const all = descendants(pid);
  expect(all.length).toBe(count);
  process.kill(pid, "SIGTERM");
  expect((await fdinit.ended()).code).toBe(143);
  expect(all.filter((one) => !hasEnded(one))).toEqual([]);
  return found;
}
