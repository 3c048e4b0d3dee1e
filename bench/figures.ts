// The result of a measurement: one figure, with a value for every init it was measured of.

/** A median and where the middle 80 % of the samples lie. */
export interface Value {
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
  readonly samples: number;
}

export interface Figure {
  readonly title: string;
  readonly unit: "ms" | "µs" | "kB" | "";
  /** By the name of the init. */
  readonly values: ReadonlyMap<string, Value>;
  readonly goal?: Goal;
  /** The bound for the static executable's value. */
  readonly staticGoal?: Goal;
  /** Other columns than the inits; ratios are to the first. */
  readonly peers?: readonly string[];
}

/** The bound for fdinit's value: a number, or so many times another column's value. */
export interface Goal {
  readonly atMost: number;
  readonly times?: string;
}

export function summarize(samples: readonly number[]): Value {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    p10: quantile(sorted, 0.1),
    p90: quantile(sorted, 0.9),
    samples: sorted.length,
  };
}

function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)];
  const above = sorted[Math.ceil(at)];
  if (below === undefined || above === undefined) throw new Error("a measurement without samples");
  return below + (above - below) * (at - Math.floor(at));
}

/** Whether the value of `column` meets the goal; undefined when it, or the column it is compared with, is missing. */
export function meetsGoal(
  { values }: Figure,
  { atMost, times }: Goal,
  column = "fdinit",
): boolean | undefined {
  const measured = values.get(column)?.median;
  const unit = times === undefined ? 1 : values.get(times)?.median;
  return measured === undefined || unit === undefined ? undefined : measured <= atMost * unit;
}
