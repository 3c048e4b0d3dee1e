// Words for the figures: the table that is printed, and the JSON that is kept.

import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, release } from "node:os";
import { join } from "node:path";
import { type Figure, type Goal, meetsGoal } from "./figures.ts";
import { INITS, NO_INIT, REFERENCE } from "./inits.ts";
import { NOOP } from "./timing.ts";

const COLUMNS = [...INITS.map(({ name }) => name), NO_INIT.name, NOOP];

export function describeMachine(): string {
  return `${availableParallelism()} cores, Linux ${release().split("-")[0]}, ${process.arch}, Bun ${Bun.version}`;
}

/** Medians, and in brackets how many times the reference's. */
export function printTable(figures: readonly Figure[]): void {
  const head = ["", ...COLUMNS, "goal for fdinit", "met"];
  const rows = [head, ...figures.map(row)];
  const widths = head.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  console.log(line(head));
  console.log(line(widths.map((width) => "-".repeat(width))));
  for (const cells of rows.slice(1)) console.log(line(cells));
}

function row(figure: Figure): string[] {
  const { title, unit, goal } = figure;
  const met = goal && meetsGoal(figure, goal);
  return [
    unit ? `${title}, ${unit}` : title,
    ...COLUMNS.map((column) => cell(figure, column)),
    goal ? describeGoal(goal, unit) : "",
    goal ? (met === undefined ? "not measured" : met ? "yes" : "NO") : "",
  ];
}

function cell({ values }: Figure, column: string): string {
  if (INITS.some(({ name, words }) => name === column && !words)) return "not installed";
  const value = values.get(column);
  if (!value) return "";
  const reference = values.get(REFERENCE);
  const median = round(value.median);
  if (!reference?.median || column === REFERENCE) return median;
  return `${median} (${(value.median / reference.median).toFixed(2)}×)`;
}

function describeGoal({ atMost, times }: Goal, unit: string): string {
  if (times !== undefined) return `≤ ${atMost} × ${times}`;
  return `≤ ${atMost}${unit && ` ${unit}`}`;
}

function round(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(value < 10 ? 2 : value < 1_000 ? 1 : 0);
}

/** Answers the file's name. */
export function keepResults(figures: readonly Figure[], started: Date): string {
  const directory = join(import.meta.dir, "results");
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${started.toISOString().replaceAll(":", "-")}.json`);
  const results = {
    started: started.toISOString(),
    machine: describeMachine(),
    loadAverage: loadavg(),
    figures: figures.map((figure) => ({
      ...figure,
      values: Object.fromEntries(figure.values),
      ...(figure.goal ? { met: meetsGoal(figure, figure.goal) ?? null } : {}),
    })),
  };
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`);
  return file;
}
