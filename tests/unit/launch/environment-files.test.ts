import { describe, expect, test } from "bun:test";
import { parseEnvironmentFile, readEnvironmentFiles } from "../../../init/launch/environment-files.ts";
import { ENOENT } from "../../../init/sys/libc/errno.ts";
import { fakeKernel } from "../fake-kernel.ts";

const variables = (text: string) => {
  const parsed = parseEnvironmentFile(text);
  return "variables" in parsed ? parsed.variables : parsed;
};

describe("a file of variables", () => {
  test.each([
    ["A=1\nB=two words\n", { A: "1", B: "two words" }],
    ["# a comment\n\n  A=1  \r\n", { A: "1" }],
    ["export A=1", { A: "1" }],
    ["A=a=b", { A: "a=b" }],
    ["A=", { A: "" }],
    ["A=1\nA=2", { A: "2" }],
    ["A='$x \"y\" \\n'", { A: '$x "y" \\n' }],
    ['A="a\\nb \\"c\\" \\\\ \\$d \\x"', { A: 'a\nb "c" \\ $d \\x' }],
    ["A=it's", { A: "it's" }],
    ["\uFEFFA=1", { A: "1" }],
  ])("%j gives %j", (text, expected) => expect(variables(text)).toEqual(expected));

  test.each([
    ["A=1\nB\n", { line: 2, problem: 'a line needs a "=": write NAME=value' }],
    ["1A=x", { line: 1, problem: '"1A" is no name of a variable' }],
    ["\n\nA='x", { line: 3, problem: "the quotes are not closed at the end of the line" }],
    ['A="x" y', { line: 1, problem: "the quotes are not closed at the end of the line" }],
    ["=x", { line: 1, problem: '"" is no name of a variable' }],
  ])("%j is wrong at a line", (text, expected) => expect(variables(text)).toEqual(expected));
});

test("a later file wins, and a file that is not there is named", () => {
  const files: Record<string, string> = { "/a": "A=1\nB=1", "/b": "B=2" };
  const kernel = fakeKernel([], {
    readFile: (path) =>
      files[String(path)] === undefined ? -ENOENT : Buffer.from(files[String(path)] as string),
  });
  expect(readEnvironmentFiles(kernel, ["/a", "/b"])).toEqual({ variables: { A: "1", B: "2" } });
  expect(readEnvironmentFiles(kernel, ["/a", "/c"])).toEqual({
    problem: 'cannot read envFile "/c": ENOENT: no such file or directory',
  });
  expect(readEnvironmentFiles(fakeKernel([], { readFile: () => Buffer.from("A=1\n?") }), ["/x"])).toEqual({
    problem: '/x:2: a line needs a "=": write NAME=value',
  });
});
