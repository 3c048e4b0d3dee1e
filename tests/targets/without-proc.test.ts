// Without /proc: what fdinit does there all the same, and what the intent says about the rest.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { portableTarget } from "../../scripts/portable.ts";
import { BareRoots, put } from "../harness/bare.ts";
import { fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeUnless } from "../harness/needs.ts";
import { children, descriptors, extra, status, until, untilWaiting } from "../harness/processes.ts";
import { run, start } from "../harness/run.ts";
import { missingFor } from "../harness/targets.ts";

leaveNothingBehind();

const SIGTERM = 15;
/** Makes an engine's thread before fdinit's first line, so that it starts a second time. */
const EARLY_THREAD = { BUN_JSC_warmUpMarkedBlockStartAfterBlocks: "30" };

describeUnless(missingFor(portableTarget()), "without /proc fdinit", () => {
  let roots: BareRoots;
  let root: string;
  beforeAll(() => {
    roots = new BareRoots();
    root = roots.make("root");
    for (const name of ["hold", "recorder", "orphans"] as const) put(root, fixture(name), `/bin/${name}`);
    put(root, Bun.which("busybox") ?? "", "/bin/sh");
  }, 120_000);
  afterAll(() => roots.remove());

  const shell = (script: string) => ["/bin/sh", "-c", script];
  const policy = (text: string) => {
    writeFileSync(join(root, "policy.yaml"), `version: 1\n${text}\n`);
    return ["--policy", "/policy.yaml"];
  };
  const inside = (
    words: readonly string[],
    launch: readonly string[] = [],
    options: readonly string[] = [],
  ) => roots.start(root, { proc: false, run: words, launch, options });

  test("gives the program's code, 128 + n, 126 and 127", async () => {
    expect(await run(inside(shell("echo $PPID; exit 42")))).toEqual({ code: 42, stdout: "1\n", stderr: "" });
    expect((await run(inside(shell("kill -9 $$")))).code).toBe(137);
    expect((await run(inside(["/bin"]))).code).toBe(126);
    expect((await run(inside(["nonexistent"]))).code).toBe(127);
  });

  test("forwards signals and reaps orphans", async () => {
    const running = await start(inside(["/bin/recorder"])).ready();
    const pid = await running.pid();
    await untilWaiting(pid);
    process.kill(pid, SIGTERM);
    expect(await running.line()).toBe("15 0 0");
    expect((await running.finished()).stdout).toBe("end\n");
    const adopting = start(inside(["/bin/orphans", "200"]));
    expect(await adopting.line()).toBe("adopted by 1");
    await adopting.ready();
    const init = await adopting.pid();
    await until("no zombie is left", () =>
      children(init).every((child) => !status(child, "State").startsWith("Z")),
    );
    expect((await adopting.finished()).code).toBe(7);
  });

  const LEFT_OPEN = ["fd=5:listen", "fd=6:listen", "fd=7:listen"];
  /** The descriptors of the program and of PID 1 beyond 0 to 2, seen from outside. */
  async function held(launch: readonly string[], options: readonly string[]) {
    const running = await start(inside(["/bin/hold"], launch, options)).ready();
    const program = descriptors(await running.payload());
    const pid = await running.pid();
    await untilWaiting(pid);
    const init = Object.entries(descriptors(pid));
    const { code, stderr } = await running.finished();
    return {
      code,
      stderr,
      program: extra(program),
      sockets: init.filter(([fd, to]) => Number(fd) > 2 && to.startsWith("socket")),
    };
  }

  test("applies rules by number, and closes the rest in the program and in PID 1", async () => {
    const rules = "rules: [{ match: { fd: 6 }, action: keep }, { match: { fd: 7 }, action: keep, as: 3 }]";
    const options = policy(`fds: { inherited: { ${rules} } }`);
    expect(await held(LEFT_OPEN, options)).toEqual({ code: 0, stderr: "", program: [3, 6], sockets: [] });
    expect(await held(LEFT_OPEN, [])).toEqual({ code: 0, stderr: "", program: [], sockets: [] });
  });

  test("applies rules about sockets, which need no /proc", async () => {
    const rule = "{ match: { listening: true, family: inet, fd: 5-6 }, action: keep }";
    const options = policy(`fds: { inherited: { rules: [${rule}] } }`);
    expect((await held(LEFT_OPEN, options)).program).toEqual([5, 6]);
  });

  test("refuses a directory outside the root, which needs no /proc", async () => {
    // Opened by a launcher outside the chroot.
    const { run: words, ...rest } = inside(shell("true"));
    const { code, stderr } = await run({ ...rest, run: words, launch: ["fd=9:dir:/etc"] });
    expect(code).toBe(77);
    expect(stderr).toMatch(
      /^fdinit: descriptor 9 \(directory .*outside the root\) was inherited and intent security/,
    );
  });

  const UNDETERMINED = "what a rule asks about it cannot be determined";
  const CASES = [
    {
      intent: "security",
      code: 77,
      says: [/^fdinit: descriptor 9 .*cannot be determined \(mount \/proc, or .*\) \[descriptor\]$/],
    },
    {
      intent: "performance",
      code: 3,
      says: [/^fdinit: descriptor 9 .*cannot be determined and is passed over/],
    },
    { intent: "simplicity", code: 3, says: [] },
  ];
  for (const { intent, code, says } of CASES) {
    test(`${code === 77 ? "refuses" : "passes over"} a rule by path under intent ${intent}, in ${says.length} line`, async () => {
      const rule = "{ match: { kind: eventfd }, action: close }";
      const options = policy(`intent: ${intent}\nfds: { inherited: { default: close, rules: [${rule}] } }`);
      const ended = await run(inside(shell("exit 3"), ["fd=9:eventfd"], options));
      const lines = ended.stderr.split("\n").filter(Boolean);
      expect({ code: ended.code, lines: lines.length }).toEqual({ code, lines: says.length });
      says.forEach((expected, index) => {
        expect(lines[index]).toMatch(expected);
      });
      expect(ended.stderr.includes(UNDETERMINED)).toBe(says.length > 0);
    });
  }

  test("keeps what it sees where everything is kept, and says what it did not look at", async () => {
    // Every number below the hard limit can be looked at within the bound, unless the bound is lower.
    const { stderr, program } = await held(LEFT_OPEN, ["--intent", "simplicity"]);
    expect({ stderr, program }).toEqual({ stderr: "", program: [5, 6, 7] });
    const bounded = await held(LEFT_OPEN, policy("intent: simplicity\nfds: { scanLimit: 7 }"));
    // A descriptor that fdinit did not look at is as good as kept.
    expect(bounded.program).toEqual([5, 6, 7]);
    expect(bounded.stderr).toMatch(
      /^fdinit: .*:\d+:\d+: descriptors from 7 up were not looked at: .* \(fds\.scanLimit\)\n$/,
    );
  });

  test("starts a second time where a thread came too early, with all that is kept", async () => {
    const options = policy("fds: { inherited: { rules: [{ match: { fd: 6 }, action: keep }] } }");
    const plan = roots.start(root, {
      proc: false,
      run: ["/bin/hold"],
      launch: LEFT_OPEN,
      options,
      env: EARLY_THREAD,
    });
    const running = await start(plan).ready();
    expect(extra(descriptors(await running.payload()))).toEqual([6]);
    expect((await running.finished()).code).toBe(0);
  });

  test("says in one line that there are no processes to audit", async () => {
    const { run: words, ...rest } = inside([]);
    const audit = [...words.slice(0, -1), "audit"];
    const { code, stdout, stderr } = await run({ ...rest, run: audit });
    expect({ code, stdout }).toEqual({ code: 70, stdout: "" });
    expect(stderr).toMatch(/^fdinit: .*: \/proc is not mounted\n$/);
  });
});
