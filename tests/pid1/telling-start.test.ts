import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { FDINIT, fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { children } from "../harness/processes.ts";
import { policy, run, start } from "../harness/run.ts";

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

test("log.level info says what becomes of each inherited descriptor, text and JSON", async () => {
  const rules = "[{ match: { fd: 7 }, action: keep, as: 4 }, { match: { fd: 8 }, action: cloexec }]";
  const told = async (format: string) =>
    await run({
      as: "child",
      options: policy(
        `version: 1\nlog: { level: info, format: ${format} }\nfds: { inherited: { rules: ${rules} } }\n`,
      ),
      launch: ["fd=7:eventfd", "fd=8:eventfd", "fd=9:eventfd"],
      run: ["true"],
    });
  const lines = (await told("text")).stderr.split("\n");
  const about = (fd: number) => lines.find((line) => line.includes(`descriptor ${fd} (`));
  expect(about(7)).toMatch(/: given up, 4 in the program \(fds\.inherited\.rules\[0\]/);
  expect(about(8)).toMatch(/: open, close-on-exec, not given to the program \(fds\.inherited\.rules\[1\]/);
  expect(about(9)).toMatch(/: closed \(fds\.inherited\.default/);
  expect(about(0)).toBeUndefined();
  const json = (await told("json")).stderr.trim().split("\n");
  const messages = json.map((line) => JSON.parse(line) as { level: string; message: string });
  expect(messages.filter(({ message }) => message.includes("descriptor 9 ("))).toMatchObject([
    { level: "info" },
  ]);
});

test("log.level info says each step of a shutdown, to whom and what follows", async () => {
  const steps = "[{ signal: USR1, wait: 50ms }, { signal: TERM, wait: 10s }]";
  const running = await start({
    as: "child",
    options: policy(`version: 1\nlog: { level: info }\nshutdown: { steps: ${steps} }\n`),
    run: [fixture("recorder")],
  }).ready();
  const pid = await running.pid();
  process.kill(pid, "SIGTERM");
  expect(await running.line()).toBe("10 0 0");
  expect(await running.line()).toBe("18 0 0");
  expect(await running.line()).toBe("15 0 0");
  const [program] = children(pid);
  process.kill(program as number, "SIGKILL");
  const { stderr } = await running.ended();
  expect(stderr).toContain(`shutdown step 1 of 2: SIGUSR1 to process ${program}; the next step in 50 ms\n`);
  expect(stderr).toContain(`shutdown step 2 of 2: SIGTERM to process ${program}; no further step follows\n`);
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
