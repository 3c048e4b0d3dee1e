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

/** A heading with a table below it, or a word for none. */
export function section(title: string, rows: readonly (readonly string[])[], none = "none"): string {
  return `${printable(title)}\n${rows.length === 0 ? `  ${none}\n` : table(rows)}`;
}
