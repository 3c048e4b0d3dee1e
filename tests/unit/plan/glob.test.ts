// Patterns of paths and addresses: what they fit, compared with a matcher that is right at first sight, and
// how long they may take.

import { expect, test } from "bun:test";
import { globMatches } from "../../../init/plan/glob.ts";
import { Random } from "../random.ts";

/** As the documentation says it, word by word; takes for ever where a pattern has many stars. */
function fits(pattern: string, text: string): boolean {
  if (pattern === "") return text === "";
  if (pattern.startsWith("**"))
    return fits(pattern.slice(2), text) || (text !== "" && fits(pattern, text.slice(1)));
  const isSlash = text[0] === "/";
  if (pattern[0] === "*")
    return fits(pattern.slice(1), text) || (text !== "" && !isSlash && fits(pattern, text.slice(1)));
  if (text === "" || (pattern[0] === "?" ? isSlash : pattern[0] !== text[0])) return false;
  return fits(pattern.slice(1), text.slice(1));
}

test("fits what the plain words of the documentation fit, in 40,000 pairs", () => {
  const random = new Random(4);
  const word = (letters: string, most: number) => {
    let text = "";
    for (let length = random.below(most + 1); length > 0; length--) text += random.pick([...letters]);
    return text;
  };
  let fitting = 0;
  for (let round = 0; round < 40_000; round++) {
    const pattern = word("ab/?***", 7);
    const text = word("ab/", 8);
    const expected = fits(pattern, text);
    if (globMatches(pattern, text) !== expected) throw new Error(`${pattern} and ${text}: not ${expected}`);
    if (expected) fitting++;
  }
  expect(fitting).toBeGreaterThan(4000);
});

test.each([
  ["a line end", "/**b", "/a\nb", true],
  ["letters of a regular expression", "/a.(b)+[c]\\d", "/a.(b)+[c]\\d", true],
  ["letters of a regular expression, otherwise", "/a.b", "/axb", false],
  ["three stars", "/***", "/a/b", true],
  ["nothing", "", "", true],
  ["a backslash before a star", "\\*", "\\abc", true],
])("takes %s for what it is", (_what, pattern, text, expected) => {
  expect(globMatches(pattern, text)).toBe(expected);
});

test.each([
  ["five", "/**a**a**a**a**b", "a"],
  ["nine", "/**a**a**a**a**a**a**a**a**b", "a"],
  ["nine single", "/*a*a*a*a*a*a*a*a*b", "a"],
  ["sixty of both kinds of", `/${"**/*a".repeat(60)}b`, "a/"],
  ["200 single", `/${"*?".repeat(200)}b`, "a"],
])(
  "a pattern with %s stars is through with 4,000 characters in a twentieth of a second",
  (_, pattern, piece) => {
    const text = `/${piece.repeat(4000 / piece.length)}`;
    let least = Number.POSITIVE_INFINITY;
    // Of the processor, which a busy machine gives to others: the least of a few.
    for (let round = 0; round < 5; round++) {
      const before = process.cpuUsage();
      expect(globMatches(pattern, text)).toBe(false);
      const { user, system } = process.cpuUsage(before);
      least = Math.min(least, (user + system) / 1000);
    }
    expect(least).toBeLessThan(50);
  },
);
