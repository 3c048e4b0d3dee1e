import { describe, expect, test } from "bun:test";
import type { PolicyIssue } from "../../../init/policy/issue.ts";
import { loadPolicy } from "../../../init/policy/load.ts";
import { renderIssue, renderIssues } from "../../../init/policy/wording/render.ts";

function rendered(text: string): string {
  const result = loadPolicy({ name: "/etc/fdinit/policy.yaml", bytes: Buffer.from(text) }, () => undefined);
  if (result.ok) throw new Error("no complaint");
  return renderIssues("/etc/fdinit/policy.yaml", result.text, result.issues);
}

const issue: PolicyIssue = {
  code: "bad-value",
  message: "wrong",
  pointer: "",
  path: "",
  line: 1,
  column: 1,
  length: 1,
};

describe("a complaint", () => {
  test("shows the place, the line, what was expected and what was meant", () => {
    expect(rendered("version: 1\n\nfds:\n  inherited:\n    defualt: close\n")).toBe(
      `/etc/fdinit/policy.yaml:5:5: unknown key "defualt" in fds.inherited [unknown-key]
    5 |     defualt: close
      |     ^~~~~~~
    expected one of: default, rules, expect
    did you mean "default"?`,
    );
  });
  test("follows another with its own prefix", () => {
    expect(rendered("version: 1\nlimits: { nofile: { soft: lots } }\nintent: fast\n")).toBe(
      `/etc/fdinit/policy.yaml:2:27: bad value for limits.nofile.soft: "lots" [not-one-of]
    2 | limits: { nofile: { soft: lots } }
      |                           ^~~~
    expected a number, "inherit" or "max"
fdinit: /etc/fdinit/policy.yaml:3:9: bad value for intent: "fast" [not-one-of]
    3 | intent: fast
      |         ^~~~
    expected one of: security, performance, simplicity`,
    );
  });
  test("without a place is one line", () => {
    expect(rendered("")).toBe(
      '/etc/fdinit/policy.yaml: the policy is empty [empty]\n    a policy starts with "version: 1"',
    );
  });
  test("underlines behind tabs and wide characters where they stand", () => {
    expect(renderIssue("p", "\tx: 日本 y\n", { ...issue, column: 8, length: 1 })).toBe(
      "p:1:8: wrong [bad-value]\n    1 |   x: 日本 y\n      |           ^",
    );
  });
  test("clips a wide line around the place", () => {
    const lines = renderIssue("p", `${"a".repeat(500)}X${"b".repeat(500)}`, { ...issue, column: 501 }).split(
      "\n",
    );
    expect(lines[1]?.length).toBeLessThan(120);
    expect(lines[1]?.[lines[2]?.indexOf("^") ?? 0]).toBe("X");
  });
  test("underlines no more than the line is wide", () => {
    const lines = renderIssue("p", "x".repeat(5000), { ...issue, length: 5000 }).split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(120);
  });
  test("lets no control or direction-changing character through, wherever it stands", () => {
    const evil = "\u001b[31m\r\u0000\u009b\u202e\u2028";
    const text = renderIssue(evil, `${evil}x${evil}\n`, {
      ...issue,
      message: evil,
      expected: evil,
      nearest: evil,
      hint: evil,
      column: 5,
    });
    expect(text).not.toMatch(/[^\P{C}\n]|\u2028/u);
    expect(text).toContain("\\x1b[31m");
  });
  test("has a place in a line that is not there", () => {
    expect(renderIssue("p", "a", { ...issue, line: 9 })).toBe("p:9:1: wrong [bad-value]");
    expect(renderIssue("p", undefined, issue)).toBe("p:1:1: wrong [bad-value]");
  });
  test("is one of twenty at most", () => {
    const many = renderIssues("p", undefined, Array(25).fill(issue)).split("\n");
    expect(many).toHaveLength(21);
    expect(many.at(-1)).toBe("fdinit: p: and 5 more");
  });
});
