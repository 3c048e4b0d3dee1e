// Text from outside as it is shown: nothing in it makes a line, drives a terminal or turns the writing round.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { visible, visibleJson } from "../../init/sys/text/visible.ts";
import { Random } from "./random.ts";

/** The code points that a terminal, a log reader or an eye does not take for a character. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

describe("visible", () => {
  test.each([
    ["a\nfdinit: ok\x1b[3m", "a\\x0afdinit: ok\\x1b[3m"],
    ["\t\r\0\x7f\x80\x9b", "\\x09\\x0d\\x00\\x7f\\x80\\x9b"],
    ["\u202etxt.exe\u2066\u200b\ufeff", "\\u202etxt.exe\\u2066\\u200b\\ufeff"],
    ["\u2028\u2029", "\\u2028\\u2029"],
    ["\ud800 \udc00", "\\ud800 \\udc00"],
    ["\u{e0041}", "\\u{e0041}"],
    ["grüße 日本 🙂 \\x1b", "grüße 日本 🙂 \\x1b"],
  ])("shows %j as %s", (text, seen) => {
    expect(visible(text)).toBe(seen);
  });

  test("leaves nothing unseen in any text, and changes nothing else", () => {
    const random = new Random(11);
    for (let round = 0; round < 2000; round++) {
      let text = "";
      for (let length = random.below(12); length > 0; length--)
        text += String.fromCharCode(random.below(random.once(2) ? 0x100 : 0x10000));
      expect(visible(text)).not.toMatch(UNSEEN);
      const seen = [...text].filter((character) => !UNSEEN.test(character)).join("");
      expect(visible(seen)).toBe(seen);
      const document = visibleJson({ text });
      expect(document).not.toMatch(UNSEEN);
      expect(JSON.parse(document)).toEqual({ text });
    }
  });
});

test("messages and the report go through it", () => {
  for (const file of ["cli/output/say.ts", "policy/wording/render.ts", "supervise/observer.ts"])
    expect(readFileSync(join(import.meta.dir, "../../init", file), "utf8")).toContain('sys/text/visible.ts"');
});
