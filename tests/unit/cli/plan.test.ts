import { describe, expect, test } from "bun:test";
import { plan } from "../../../init/cli/reports/plan.ts";
import type { Descriptor } from "../../../init/sys/descriptors/kinds.ts";
import type { Kernel } from "../../../init/sys/kernel.ts";
import { ENOENT } from "../../../init/sys/libc/errno.ts";
import { bytesOf } from "../../../init/sys/text/bytes.ts";
import { expectValid } from "../../harness/report-schemas.ts";
import { fakeKernel } from "../fake-kernel.ts";

/** The descriptors from 3 up; Bun's pair is at 3 and 4, fdinit's signalfd at 5. */
type Open = Record<number, Partial<Descriptor>>;

function kernelWith(open: Open, policy: string | undefined, overrides: Partial<Kernel> = {}) {
  const words = ["fdinit", "plan", "--", "app", "-x"];
  return fakeKernel([0, 1, 2, 3, 4, 5, ...Object.keys(open).map(Number)], {
    readFile: (path) => (path === "p.yaml" && policy !== undefined ? bytesOf(policy) : -ENOENT),
    classify: (fd) => ({
      fd,
      kinds: ["file"],
      access: "read",
      deleted: false,
      outsideRoot: false,
      evidence: `/file${fd}, regular file`,
      ...open[fd],
    }),
    commandLineArgument: (index) => bytesOf(words[index] ?? ""),
    ...overrides,
  });
}

function run(open: Open, policy?: string, json = true, overrides: Partial<Kernel> = {}, program = true) {
  let text = "";
  const kernel = kernelWith(open, policy, {
    ...overrides,
    write: (_fd, part) => {
      text += part;
      return 0;
    },
  });
  const options = policy === undefined ? {} : { policy: "p.yaml" };
  const command = program ? { operands: ["app", "-x"], programAt: 3 } : { operands: [] };
  const outcome = plan(kernel, { do: "plan", options, ...command, ...(json ? { json } : {}) }, [5]);
  return { ...outcome, text, calls: kernel.calls };
}

function documentOf(...given: Parameters<typeof run>) {
  const { code, text } = run(...given);
  const document = JSON.parse(text);
  expectValid("plan", document);
  expect(document.exitCode).toBe(code);
  return document;
}

const brief = (document: { inherited: Record<string, unknown>[] }) =>
  document.inherited.map(({ fd, decision, inPid1, inProgram }) => [fd, decision, inPid1, inProgram]);

describe("fdinit plan", () => {
  test("shows each inherited descriptor, who decided, and where it ends up", () => {
    const rules = "[{ match: { fd: 7 }, action: keep, as: 3 }, { match: { kind: pipe }, action: devnull }]";
    const document = documentOf(
      { 7: {}, 8: { kinds: ["pipe"], outsideRoot: false }, 9: {} },
      `version: 1\nfds:\n  inherited:\n    rules: ${rules}\n`,
    );
    const by = (action: string, by: string, more = {}) => expect.objectContaining({ action, by, ...more });
    expect(brief(document)).toEqual([
      [0, by("keep", "standard"), "open", [0]],
      [1, by("keep", "standard"), "open", [1]],
      [2, by("keep", "standard"), "open", [2]],
      [7, by("keep", "rule", { rule: 0 }), "given up", [3]],
      [8, by("devnull", "rule", { rule: 1 }), "/dev/null, given up", [8]],
      [9, by("close", "default"), "closed", []],
    ]);
    expect(document.own.map(({ fd, owner }: Record<string, unknown>) => [fd, owner])).toEqual([
      [3, "runtime"],
      [4, "runtime"],
      [5, "fdinit"],
    ]);
    expect(document.starts).toBe(true);
    expect(document.steps.map(({ do: what }: Record<string, unknown>) => what)).toContain("spawn");
  });

  test("ends as the start would: 77 with what is refused, 64 without a program, 78 with a bad policy", () => {
    const outside = documentOf({ 6: { kinds: ["directory"], outsideRoot: true } });
    expect([outside.exitCode, outside.starts, outside.steps]).toEqual([77, false, []]);
    expect(outside.refusals).toHaveLength(1);
    expect(brief(outside).at(-1)?.[1]).toMatchObject({ action: "refuse", by: "intent" });
    expect(documentOf({}, "version: 1\n", true, {}, false).exitCode).toBe(64);
    expect(run({}, "version: 2\n")).toMatchObject({ code: 78, text: "" });
  });

  test("tells what cannot be determined from what a rule refuses", () => {
    const document = documentOf({ 6: { kinds: ["undetermined"], outsideRoot: undefined as never } });
    expect(brief(document).at(-1)?.[1]).toMatchObject({ action: "refuse", by: "undetermined" });
  });

  test("classifies everything, though the policy alone would not need it, and decides as the run", () => {
    const policy =
      "version: 1\nintent: simplicity\nfds: { inherited: { rules: [{ match: { fd: 6 }, action: close }] } }\n";
    const document = documentOf({ 6: { kinds: ["socket"] }, 7: {} }, policy);
    expect(document.inherited.every(({ descriptor }: { descriptor: unknown }) => descriptor !== null)).toBe(
      true,
    );
    expect(brief(document).slice(3)).toMatchObject([
      [6, { action: "close", by: "rule" }, "closed", []],
      [7, { action: "keep", by: "default" }, "given up", [7]],
    ]);
  });

  test("changes nothing", () => {
    expect(run({ 7: {} }).calls).toEqual([]);
  });

  test("names every key with who set it", () => {
    const { policy } = documentOf({}, "version: 1\nlimits: { nofile: { hard: 100 } }\n");
    const keys = Object.fromEntries(
      policy.keys.map(({ key, value, origin }: Record<string, unknown>) => [key, [value, origin]]),
    );
    expect(keys).toMatchObject({
      "fds.inherited.default": ["close", "intent"],
      "limits.nofile.soft": [{ atMost: 65536 }, "intent"],
      "limits.nofile.hard": [100, "policy"],
      "services.main.stdin": ["inherit", "default"],
    });
  });

  test("warns of what LISTEN_FDS announced and nobody keeps", () => {
    const variables: Record<string, string> = {
      LISTEN_FDS: "5",
      LISTEN_PID: "1",
      LISTEN_FDNAMES: "a:b:c:d:e",
    };
    const environmentVariable = (name: string) =>
      variables[name] === undefined ? undefined : bytesOf(variables[name]);
    const document = documentOf({ 7: {} }, "version: 1\n", true, { environmentVariable });
    expect(document.warnings.join()).toContain('descriptor 7 ("e" of LISTEN_FDS)');
  });

  test("says the same as text, in columns, and sends no control character to a terminal", () => {
    const { code, text } = run({ 7: { evidence: "/\x1b[31m\n, regular file" } }, "version: 1\n", false);
    expect(code).toBe(0);
    expect(text).not.toContain("\x1b");
    expect(text).toMatch(
      /^ {2}7 +file +read +close +fds\.inherited\.default \(intent security\) +closed +- +\/\\x1b/m,
    );
    expect(text).toContain("start main: app -x");
    expect(text).toMatch(/^ {2}limits\.nofile\.soft +intent security +at most 65536$/m);
  });
});
