// Durations as policies write them: `500ms`, `10s`, `2m`, `1h`. One unit, whole numbers.

const MS_PER_UNIT = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** Milliseconds, or undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = /^(0|[1-9]\d{0,8})(ms|s|m|h)$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * MS_PER_UNIT[unit as keyof typeof MS_PER_UNIT];
}
