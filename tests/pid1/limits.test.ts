import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { untilWaiting } from "../harness/processes.ts";
import { policy, start } from "../harness/run.ts";

leaveNothingBehind();

/** The program's limit of open files, [soft, hard], when fdinit was started with another. */
async function nofile(from: string, options: readonly string[] = []): Promise<(number | undefined)[]> {
  const running = await start({ launch: [`rlimit=7:${from}`], options, run: [fixture("hold")] }).ready();
  await untilWaiting(await running.pid());
  const limits = readFileSync(`/proc/${await running.payload()}/limits`, "latin1");
  expect((await running.finished()).code).toBe(0);
  const [, soft, hard] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(limits) ?? [];
  return [Number(soft), Number(hard)];
}

const limit = (soft: string | number, hard: string | number = "inherit", intent = "security") =>
  policy(`version: 1\nintent: ${intent}\nlimits: { nofile: { soft: ${soft}, hard: ${hard} } }\n`);

describeWith(["gcc", "unshare"], "RLIMIT_NOFILE of the program", () => {
  test("is what fdinit was started with", async () => {
    expect(await nofile("777:5000")).toEqual([777, 5000]);
    expect(await nofile("1024:20000")).toEqual([1024, 20000]);
    expect(await nofile("64:64")).toEqual([64, 64]);
  });
  test("is what the policy says", async () => {
    expect(await nofile("777:5000", limit(2000))).toEqual([2000, 5000]);
    expect(await nofile("777:5000", limit("max"))).toEqual([5000, 5000]);
    expect(await nofile("777:5000", limit("inherit"))).toEqual([777, 5000]);
    expect(await nofile("777:5000", limit(100, 300))).toEqual([100, 300]);
    expect(await nofile("777:5000", limit("max", 300))).toEqual([300, 300]);
    expect(await nofile("777:5000", limit("inherit", 300))).toEqual([300, 300]);
  });
  test("never asks for more than the hard limit", async () => {
    expect(await nofile("777:5000", limit(6000))).toEqual([5000, 5000]);
  });
});

describeWith(["gcc", "unshare", "raise limits"], "a very high limit of open files", () => {
  test("is lowered to 65,536 unless the policy or simplicity says otherwise", async () => {
    expect(await nofile("500000:600000")).toEqual([65536, 600000]);
    expect(await nofile("500000:600000", ["--intent", "performance"])).toEqual([65536, 600000]);
    expect(await nofile("500000:600000", ["--intent", "simplicity"])).toEqual([500000, 600000]);
    expect(await nofile("500000:600000", limit("inherit"))).toEqual([500000, 600000]);
    expect(await nofile("500000:600000", limit("max"))).toEqual([600000, 600000]);
  });
});
