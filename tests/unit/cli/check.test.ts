import { describe, expect, test } from "bun:test";
import { check } from "../../../init/cli/check/check.ts";
import { policies } from "../../../init/cli/reports/policies.ts";
import { schema } from "../../../init/cli/reports/schema.ts";
import { findShadowed } from "../../../init/plan/shadowed.ts";
import { checkPolicy, disagreement } from "../../../init/policy/check.ts";
import type { InheritedMatch } from "../../../init/policy/types.ts";
import { ENOENT } from "../../../init/sys/libc/errno.ts";
import { bytesOf } from "../../../init/sys/text/bytes.ts";
import { fakeKernel } from "../fake-kernel.ts";

/** Runs `fdinit check` over files in memory. */
function run(
  files: Record<string, string>,
  operands: readonly string[] = Object.keys(files),
  policy?: string,
) {
  const out: string[] = [];
  const err: string[] = [];
  const kernel = fakeKernel([], {
    readFile: (path) =>
      Object.hasOwn(files, path as string) ? bytesOf(files[path as string] ?? "") : -ENOENT,
    write: (fd, text) => {
      (fd === 1 ? out : err).push(text);
      return 0;
    },
  });
  const options = policy === undefined ? {} : { policy };
  const { code } = check(kernel, { do: "check", options, operands });
  return { code, out: out.join(""), err: err.join("") };
}

const GOOD = "version: 1\n";

describe("fdinit check", () => {
  test("names every file that is right and ends with 0", () => {
    expect(run({ "a.yaml": GOOD, "b.yaml": GOOD })).toEqual({
      code: 0,
      out: "ok: a.yaml\nok: b.yaml\n",
      err: "",
    });
  });

  test("says all that is wrong with all files, with place, caret and hint, and ends with 78", () => {
    const { code, out, err } = run({
      "a.yaml": "version: 1\nfds: { inherited: { defualt: close } }\nintnet: security\n",
      "b.yaml": GOOD,
      "c.yaml": "version: 2\n",
    });
    expect([code, out]).toEqual([78, "ok: b.yaml\n"]);
    expect(err.match(/^fdinit: \S+:\d+:\d+: /gm)).toEqual([
      "fdinit: a.yaml:2:21: ",
      "fdinit: a.yaml:3:1: ",
      "fdinit: c.yaml:1:10: ",
    ]);
    expect(err).toContain('did you mean "default"?');
    expect(err).toMatch(/\| +\^~+\n/);
  });

  test("warns of a standard stream that is a pipe's wrong end, and of no descriptor that is a standard stream", () => {
    const opened =
      "fds: { open: { line: { pipe: write }, trail: { file: /t, access: append }, errors: { file: /e, access: write } } }";
    const policy = (reader: string, writer: string) =>
      `version: 1\n${opened}\nservices:\n  a: { command: [a], stdout: ${writer}, stderr: errors }\n  b: { command: [b], stdin: ${reader}, stdout: trail }\n`;
    expect(run({ "right.yaml": policy("linePeer", "line") })).toEqual({
      code: 0,
      out: "ok: right.yaml\n",
      err: "",
    });
    const { code, err } = run({
      "wrong.yaml": policy("line", "linePeer"),
      "file.yaml": policy("trail", "line"),
    });
    expect(code).toBe(0);
    expect(err.match(/^fdinit: \S+:\d+:\d+: warning: \S+ of \S+/gm)).toEqual([
      "fdinit: wrong.yaml:4:30: warning: stdout of a",
      "fdinit: wrong.yaml:5:29: warning: stdin of b",
      "fdinit: file.yaml:5:29: warning: stdin of b",
    ]);
    expect(err).toContain("write line, the pipe's other end");
    expect(err).toContain("write linePeer, the pipe's other end");
    expect(err).toContain("see access of fds.open.trail");
  });

  test("does not stop at twenty complaints", () => {
    const keys = Array.from({ length: 30 }, (_, index) => `unknown${index}: 1\n`).join("");
    expect(run({ "a.yaml": `version: 1\n${keys}` }).err.match(/^fdinit: /gm)?.length).toBe(30);
  });

  test("goes on after a file that cannot be read", () => {
    expect(run({ "a.yaml": GOOD }, ["nope.yaml", "a.yaml"])).toMatchObject({ code: 78, out: "ok: a.yaml\n" });
  });

  test("takes the embedded ones by name, and without a name the policy that a start would find", () => {
    expect(run({}, ["nginx"])).toMatchObject({ code: 0, out: "ok: nginx\n" });
    expect(run({ "p.yaml": GOOD }, [], "p.yaml").out).toBe("ok: p.yaml\n");
    expect(run({ "/etc/fdinit/policy.yaml": GOOD }, []).out).toBe("ok: /etc/fdinit/policy.yaml\n");
    expect(run({}, [])).toMatchObject({ code: 0, out: "ok: the built-in policy of intent security\n" });
  });

  test("warns of a rule that can never match, where it stands, and is content all the same", () => {
    const text = [
      "version: 1",
      "fds:",
      "  inherited:",
      "    rules:",
      "      - { match: { fd: 3-9 }, action: keep }",
      "      - { match: { fd: 7, kind: file }, action: close }",
      "",
    ].join("\n");
    const { code, out, err } = run({ "a.yaml": text });
    expect([code, out]).toEqual([0, "ok: a.yaml\n"]);
    expect(err).toStartWith("fdinit: a.yaml:6:18: warning: rule 1 of fds.inherited.rules can never match");
  });

  test("shows control characters of a file's name instead of sending them to a terminal", () => {
    const { out, err } = run({ "a\x1b[31m": GOOD, "b\x1b": "versio: 1\n" });
    expect(`${out}${err}`).not.toContain("\x1b");
  });
});

describe("two parsers", () => {
  test("agree about what is valid", () => {
    const source = { name: "p", bytes: bytesOf("version: 1\nservices: { app: { command: [a, 'b'] } }\n") };
    expect(checkPolicy(source, () => undefined).ok).toBe(true);
  });

  test.each([
    [{ a: 1 }, { a: "1" }, ["a"]],
    [{ a: [1, 2] }, { a: [1] }, ["a", 1]],
    [{ a: {} }, { a: [] }, ["a"]],
    [{ a: undefined }, {}, ["a"]],
    [{ a: { b: null } }, { a: { b: {} } }, ["a", "b"]],
    [1, 2, []],
  ] as const)("that read %j and %j are refused", (a, b, at) => {
    expect(disagreement(a, b)).toMatchObject({ code: "parsers-disagree", at });
  });

  test("that read the same are not", () => {
    expect(disagreement({ a: [1, { b: null }] }, { a: [1, { b: null }] })).toBeUndefined();
  });
});

describe("a rule that can never match", () => {
  const shadowed = (...matches: InheritedMatch[]) =>
    findShadowed(matches.map((match, index) => ({ match, action: "keep", index })));
  const fd = (first: number, last = first) => ({ fd: [{ first, last }] });

  test.each<[string, InheritedMatch[], { index: number; by: number[] }[]]>([
    ["numbers taken by one rule", [fd(3, 9), fd(4)], [{ index: 1, by: [0] }]],
    ["numbers taken by several", [fd(3, 5), fd(6, 9), fd(4, 8)], [{ index: 2, by: [0, 1] }]],
    ["the same conditions again", [{ kind: ["pipe"] }, { kind: ["pipe"] }], [{ index: 1, by: [0] }]],
    [
      "narrower conditions",
      [{ kind: ["pipe", "file"] }, { kind: ["file"], deleted: true }],
      [{ index: 1, by: [0] }],
    ],
    [
      "conditions and numbers together",
      [fd(3), { kind: ["pipe"] }, { ...fd(3, 4), kind: ["pipe"] }],
      [{ index: 2, by: [0, 1] }],
    ],
  ])("%s", (_, matches, found) => expect(shadowed(...matches)).toEqual(found));

  test.each<[string, InheritedMatch[]]>([
    ["a number is left", [fd(3, 5), fd(4, 6)]],
    ["conditions are wider", [{ kind: ["file"] }, { kind: ["file", "pipe"] }]],
    ["flags differ", [{ deleted: true }, { deleted: false }]],
    ["0 to 2 are not taken by a rule without numbers", [{ kind: ["tty"] }, { ...fd(0, 2), kind: ["tty"] }]],
    ["an earlier rule asks for more", [{ ...fd(3), kind: ["file"] }, fd(3)]],
  ])("is not seen where %s", (_, matches) => expect(shadowed(...matches)).toEqual([]));
});

describe("fdinit schema and fdinit policies", () => {
  const output = (act: (kernel: ReturnType<typeof fakeKernel>) => { code: number }) => {
    let text = "";
    const { code } = act(
      fakeKernel([], {
        write: (_fd, part) => {
          text += part;
          return 0;
        },
      }),
    );
    return { code, text };
  };

  test("print the schema, the list and a policy", () => {
    expect(JSON.parse(output(schema).text)).toMatchObject({ $id: "urn:fdinit:policy:1:editor" });
    const list = output((kernel) => policies(kernel, { do: "policies", options: {}, operands: [] }));
    expect(list.text).toMatch(/^ {2}nginx +nginx in the foreground$/m);
    const nginx = output((kernel) => policies(kernel, { do: "policies", options: {}, operands: ["nginx"] }));
    expect(nginx.text).toContain("version: 1");
    const none = output((kernel) => policies(kernel, { do: "policies", options: {}, operands: ["nope"] }));
    expect(none).toEqual({ code: 64, text: "" });
  });
});
