import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { FDINIT } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { policy, run } from "../harness/run.ts";

leaveNothingBehind();

test("a refusal of a start names file, line and column of the rule", async () => {
  const options = policy(
    "version: 1\nfds:\n  inherited:\n    rules:\n      - { match: { fd: 0 }, action: refuse }\n",
  );
  const { code, stderr } = await run({ as: "child", options, run: ["true"] });
  expect(code).toBe(77);
  expect(stderr).toMatch(
    /^fdinit: \S+policy\.yaml:5:9: descriptor 0 \(.*\) was inherited and fds\.inherited\.rules\[0\]/,
  );
});

test("log.level info names the program with its pid, debug every step, and warn nothing", async () => {
  const told = async (level: string) =>
    await run({
      as: "child",
      options: policy(`version: 1\nlog: { level: ${level} }\n`),
      run: ["sh", "-c", "echo $$"],
    });
  const info = await told("info");
  expect(info.stderr).toContain(`start main: sh; it is pid ${info.stdout.trim()}`);
  expect(info.stderr).not.toContain("become the subreaper");
  expect((await told("debug")).stderr).toContain("become the subreaper");
  expect((await told("warn")).stderr).toBe("");
});

test("an audit of a running fdinit goes by the policy that it was started with", async () => {
  const folder = temporaryDirectory();
  const file = join(folder, "own.yaml");
  writeFileSync(file, "version: 1\nfds: { inherited: { default: keep } }\n");
  const asks = ["sh", "-c", `${FDINIT} audit --pid $PPID`];
  for (const start of [
    { options: ["--policy", file], run: asks },
    { env: { FDINIT_POLICY: file }, run: ["env", "-u", "FDINIT_POLICY", ...asks] },
  ]) {
    const { stdout } = await run({ as: "child", ...start });
    expect(stdout).toContain(`policy   ${file}, intent security`);
  }
});
