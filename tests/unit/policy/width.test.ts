// The columns of a text: what an underline below a complaint, and a table's columns, are laid out by.

import { expect, test } from "bun:test";
import { columnsOf } from "../../../init/policy/wording/width.ts";

test("counts ordinary letters once, wide ones twice, combining and invisible ones not at all", () => {
  const texts: [string, number][] = [
    ["", 0],
    ["defualt: close", 14],
    ["Größe", 5],
    ["Gro\u0308ße", 5],
    ["日本語", 6],
    ["한글", 4],
    ["ｆｕｌｌ", 8],
    ["a\u200bb", 2],
    ["🚀", 2],
    ["\u{20000}", 2],
    ["\t", 0],
  ];
  for (const [text, columns] of texts) expect([text, columnsOf(text)]).toEqual([text, columns]);
});

test("counts what a terminal of Bun's would, outside sequences of several pictures", () => {
  for (const text of ["policy.yaml:5:5", "ünïcödé", "漢字 and kana かな", "…“quoted”…", "Ω≈ç√∫", "e\u0301"])
    expect([text, columnsOf(text)]).toEqual([text, Bun.stringWidth(text)]);
});
