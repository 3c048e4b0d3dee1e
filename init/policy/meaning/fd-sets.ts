// Sets of descriptor numbers as policies write them: `7`, `"3-9"`, `"7-"`, or a list of those.

import type { FdRange } from "../../sys/facts.ts";
import { type FdSet, LAST_FD } from "../types.ts";

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
  const [, start, dash, end] = /^(\d+)(-?)(\d*)$/.exec(String(item)) ?? [];
  if (start === undefined) return `${JSON.stringify(item)} is no descriptor number or range`;
  const first = Number(start);
  const last = dash === "" ? first : end === "" ? LAST_FD : Number(end);
  if (first > LAST_FD || last > LAST_FD) return `descriptor numbers end at ${LAST_FD}`;
  if (last < first) return `the range ${first}-${last} ends before it starts`;
  return { first, last };
}

function joined(ranges: readonly FdRange[]): FdSet {
  const set: FdRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = set.at(-1);
    if (before && range.first <= before.last + 1)
      set[set.length - 1] = { first: before.first, last: Math.max(before.last, range.last) };
    else set.push(range);
  }
  return set;
}

export function fdSetHas(set: FdSet, fd: number): boolean {
  return set.some(({ first, last }) => fd >= first && fd <= last);
}
