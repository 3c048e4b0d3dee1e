// Words for the figures: the table that is printed, and the JSON that is kept.

import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, release } from "node:os";
import { join } from "node:path";
import { type Figure, type Goal, meetsGoal } from "./figures.ts";
import { INITS, NO_INIT, REFERENCE, STATIC } from "./inits.ts";
import { NOOP } from "./timing.ts";

/** Below this, in whatever unit, a median is noise and a ratio to it says nothing. */
const LEAST_COMPARED = 0.05;
const COLUMNS = [...INITS.map(({ name }) => name), NO_INIT.name, NOOP];

export function describeMachine(): string {
  return `${availableParallelism()} cores, Linux ${release().split("-")[0]}, ${process.arch}, Bun ${Bun.version}`;
}

/** Medians, and in brackets how many times the reference's: a table for each set of peers. */
export function printTables(figures: readonly Figure[]): void {
  const tables = Map.groupBy(figures, ({ peers }) => peers?.join());
  for (const of of tables.values()) printTable(of);
}

function printTable(figures: readonly Figure[]): void {
  const peers = figures[0]?.peers;
  const columns = peers ? ["fdinit", ...peers] : COLUMNS;
  const head = ["", ...columns, "goal for fdinit", "met", "for the static one", "met"];
  const rows = [head, ...figures.map((figure) => row(figure, columns))];
  const widths = head.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  console.log(line(head));
  console.log(line(widths.map((width) => "-".repeat(width))));
  for (const cells of rows.slice(1)) console.log(line(cells));
  console.log();
}

function row(figure: Figure, columns: readonly string[]): string[] {
  const { title, unit, goal, staticGoal } = figure;
  return [
    unit ? `${title}, ${unit}` : title,
    ...columns.map((column) => cell(figure, column)),
    ...judged(figure, unit, goal, "fdinit"),
    ...judged(figure, unit, staticGoal, STATIC),
  ];
}

/** A goal, and whether the column meets it. */
function judged(figure: Figure, unit: string, goal: Goal | undefined, column: string): string[] {
  if (!goal) return ["", ""];
  const met = meetsGoal(figure, goal, column);
  return [describeGoal(goal, unit), met === undefined ? "not measured" : met ? "yes" : "NO"];
}

function cell({ values, peers }: Figure, column: string): string {
  if (!peers && INITS.some(({ name, words }) => name === column && !words)) return "not installed";
  const value = values.get(column);
  if (!value) return "";
  const to = peers?.[0] ?? REFERENCE;
  const reference = values.get(to);
  const median = round(value.median);
  if (
    !reference?.median ||
    reference.median < LEAST_COMPARED ||
    value.median < LEAST_COMPARED ||
    column === to
  )
    return median;
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
      ...(figure.staticGoal ? { staticMet: meetsGoal(figure, figure.staticGoal, STATIC) ?? null } : {}),
    })),
  };
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`);
  return file;
}
