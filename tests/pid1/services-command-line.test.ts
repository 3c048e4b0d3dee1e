// A command on the command line, and what of the policy applies to it: all of it for a service that names no command, less
// for one whose command it takes the place of. And what the report says of services that did not come up.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FDINIT } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { policy, start } from "../harness/run.ts";
import { client, running, type Services, sh, up } from "../harness/services.ts";

leaveNothingBehind();

function started(run: readonly string[], more: Record<string, unknown>, services?: Services) {
  return start({
    run: [...run],
    options: policy(JSON.stringify({ version: 1, ...more, ...(services ? { services } : {}) })),
  });
}

describeWith(["gcc", "unshare"], "a command on the command line", () => {
  test("of a service that names none has its lines, its control socket and its readiness", async () => {
    const directory = temporaryDirectory();
    const socket = join(directory, "control");
    const more = { log: { services: "prefix" }, control: { socket } };
    const fdinit = started(running("ran"), more);
    await fdinit.printed("main | ran\n");
    const pid = await fdinit.pid();
    expect((await client(pid, ["status", "--control", socket])).stdout).toMatch(/main +ready/);
    process.kill(pid, "SIGTERM");
    expect((await fdinit.ended()).code).toBe(143);
    const late = started(sh("exec sleep 10000"), {}, { app: { ready: { notify: 4, timeout: "50ms" } } });
    expect((await late.ended()).code).toBe(124);
  });

  test("in the place of the policy's own is one program, with its lines as they are", async () => {
    const app = { command: ["false"], ready: { notify: 4, timeout: "1ms" } };
    const { code, stdout } = await started(
      sh("echo bare; exit 3"),
      { log: { services: "prefix" } },
      { app },
    ).ended();
    expect([code, stdout]).toEqual([3, "bare\n"]);
    const text = JSON.stringify({ version: 1, log: { services: "json" }, services: { app } });
    const plan = Bun.spawnSync([FDINIT, "plan", ...policy(text), "--", "id"]);
    expect(plan.stdout.toString()).toContain("is not started again, and goes without ready, log.services\n");
  });
});

describeWith(["gcc", "unshare"], "the report of several services", () => {
  test("names the service that could not be started, or was not ready in time", async () => {
    const report = join(temporaryDirectory(), "report");
    const other = { command: running("other") };
    const ends = async (services: Services) => {
      await up({ ...services, other }, { report }).ended();
      return readFileSync(report, "utf8");
    };
    expect(await ends({ app: { command: ["no-such-program"] } })).toMatch(
      /^app could not be started: .*no-such-program.*; exit code 127\n$/,
    );
    const late = { command: ["sleep", "10000"], ready: { notify: 4, timeout: "20ms" } };
    expect(await ends({ late })).toMatch(/^late was not ready in time after \d+ ms; exit code 124\n$/);
  });
});
