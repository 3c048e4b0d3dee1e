// The budget of a shutdown: the moments at which only SIGKILL is left, and at which fdinit ends. Pure.

import type { Budget } from "./events.ts";

/** The part of a budget that is kept for the time that SIGKILL takes. */
const RESERVE_MS = 250;
const RESERVE_SHARE = 0.2;

export function budgetFrom(since: number, now: number, ms: number | undefined): { budget?: Budget } {
  if (ms === undefined) return {};
  const endAt = Math.max(since + ms, now);
  return { budget: { killAt: endAt - Math.min(RESERVE_MS, ms * RESERVE_SHARE), endAt, isUsedUp: false } };
}
