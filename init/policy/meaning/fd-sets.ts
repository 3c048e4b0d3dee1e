// Sets of descriptor numbers as policies write them: `7`, `"3-9"`, `"7-"`, or a list of those.

import { type FdRange, type FdSet, LAST_FD } from "../types.ts";

export type ParsedFdSet =
  | { readonly ok: true; readonly set: FdSet }
  | { readonly ok: false; readonly message: string; readonly index?: number };

/** Both ends belong to a range; the result is ascending, and what touches is joined. */
export function parseFdSet(written: unknown): ParsedFdSet {
  const ranges: FdRange[] = [];
  for (const [index, item] of (Array.isArray(written) ? written : [written]).entries()) {
    const range = parseRange(item);
    if (typeof range === "string")
      return { ok: false, message: range, ...(Array.isArray(written) && { index }) };
    ranges.push(range);
  }
  return { ok: true, set: joined(ranges) };
}

/** A range, or what is wrong with it. */
function parseRange(item: unknown): FdRange | string {
  const [, first, dash, last] = /^(\d+)(-?)(\d*)$/.exec(String(item)) ?? [];
  if (first === undefined) return `${JSON.stringify(item)} is no descriptor number or range`;
  const from = Number(first);
  const to = dash === "" ? from : last === "" ? LAST_FD : Number(last);
  if (from > LAST_FD || to > LAST_FD) return `descriptor numbers end at ${LAST_FD}`;
  if (to < from) return `the range ${from}-${to} ends before it starts`;
  return { from, to };
}

function joined(ranges: readonly FdRange[]): FdSet {
  const set: FdRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = set.at(-1);
    if (last && range.from <= last.to + 1)
      set[set.length - 1] = { from: last.from, to: Math.max(last.to, range.to) };
    else set.push(range);
  }
  return set;
}

export function fdSetHas(set: FdSet, fd: number): boolean {
  return set.some(({ from, to }) => fd >= from && fd <= to);
}
