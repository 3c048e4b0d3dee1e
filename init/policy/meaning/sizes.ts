// Sizes as policies write them: `512`, `64Ki`, `10Mi`, `1Gi`. Powers of 1024, whole numbers.

const BYTES_PER_UNIT = { "": 1, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 } as const;

/** Bytes, or undefined for anything else. */
export function parseSize(text: string): number | undefined {
  const [, count, unit = ""] = /^(0|[1-9]\d{0,8})(Ki|Mi|Gi)?$/.exec(text) ?? [];
  return count === undefined
    ? undefined
    : Number(count) * BYTES_PER_UNIT[unit as keyof typeof BYTES_PER_UNIT];
}
