// Text in columns: no colour, nothing in a cell that could drive a terminal.

import { printable } from "../../policy/wording/render.ts";
import { columnsOf } from "../../policy/wording/width.ts";

/** Rows of cells, aligned, each row indented by two spaces; the last column is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  const clean = rows.map((row) => row.map(printable));
  for (const row of clean) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, columnsOf(cell));
    });
  }
  let text = "";
  for (const row of clean) {
    const cells = row.map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - columnsOf(cell)));
    text += `  ${cells.join("  ").trimEnd()}\n`;
  }
  return text;
}

/** The narrowest last column that is still read in columns. */
const LEAST_WORDS = 20;

/** Rows as `table` has them; the words of the last cell go on below themselves where the line would be wider. */
export function wordTable(rows: readonly (readonly string[])[], width: number | undefined): string {
  if (width === undefined) return table(rows);
  const before = rows.map((row) => row.slice(0, -1).map(printable));
  const widths = (before[0] ?? []).map((_, column) =>
    Math.max(...before.map((cells) => columnsOf(cells[column] ?? ""))),
  );
  const start = 2 + widths.reduce((sum, each) => sum + each + 2, 0);
  const isNarrow = width - start < LEAST_WORDS;
  const lines = rows.flatMap((row, index) => {
    const cells = before[index]?.map((cell, at) => cell + " ".repeat((widths[at] ?? 0) - columnsOf(cell)));
    const head = `  ${cells?.map((cell) => `${cell}  `).join("") ?? ""}`;
    const words = wrapped(printable(row.at(-1) ?? ""), " ".repeat(isNarrow ? 6 : start), width);
    return isNarrow
      ? [...wrapped(before[index]?.join(" ") ?? "", "  ", width), ...words]
      : [head + (words[0] ?? "").trimStart(), ...words.slice(1)];
  });
  return lines
    .map((line) => line.trimEnd())
    .filter((line) => line !== "")
    .map((line) => `${line}\n`)
    .join("");
}

/** Lines of fewer than `width` columns, each behind `before`. */
export function wrapped(text: string, before: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && before.length + columnsOf(line) + columnsOf(word) >= width) {
      lines.push(before + line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, before + line];
}

/** A heading with a table below it, or a word for none. */
export function section(title: string, rows: readonly (readonly string[])[], none = "none"): string {
  return `${printable(title)}\n${rows.length === 0 ? `  ${none}\n` : table(rows)}`;
}
