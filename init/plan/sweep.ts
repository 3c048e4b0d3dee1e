// By which rung of the ladder ranges are closed and marked, and what a bound that ends a scan too early
// means. Pure: which rungs work was found out before, so that `fdinit plan` names the one that is used.

import type { Policy } from "../policy/types.ts";
import type { Facts, FdRange, Rung } from "../sys/facts.ts";
import { CLOSE_RANGE_CLOEXEC } from "../sys/libc/constants.ts";
import { errnoText } from "../sys/libc/errno.ts";
import type { PolicyKey, Remark, Sweep } from "./plan.ts";

/** Ranges to close and to mark; empty ones need no rung. */
export interface Wanted {
  readonly close: readonly FdRange[];
  readonly mark: readonly FdRange[];
}

export interface Swept {
  readonly close?: Sweep;
  readonly mark?: Sweep;
  /** Why it cannot be done as the policy says. */
  readonly refusals: readonly Remark[];
  readonly warnings: readonly Remark[];
}

const METHOD: PolicyKey = ["fds", "method"];
const SCAN_LIMIT: PolicyKey = ["fds", "scanLimit"];

export function sweep(policy: Policy, facts: Facts, wanted: Wanted): Swept {
  const { close, mark } = wanted;
  const refusals: Remark[] = [];
  const warnings: Remark[] = [];
  const noProcfs = procfsRefusal(policy, facts);
  if (noProcfs !== undefined) refusals.push({ message: noProcfs, at: METHOD });
  const one = (ranges: readonly FdRange[], refused: number, flags: number): Sweep => {
    const { method, scanLimit } = policy.fds;
    if (method === "closeRange" && refused !== 0)
      refusals.push({ message: noCloseRange(refused, flags), at: METHOD });
    const rungs = rungsOf(policy, facts, refused);
    const misses = rungs[0] === "scan" && reaches(ranges, scanLimit) && mayBeOpenFrom(facts, scanLimit);
    if (misses) {
      const why = method === "scan" ? "fds.method is scan" : withoutBoth(refused, flags);
      const words = `${unseenWords(scanLimit)}: ${why}`;
      const remark = (end: string): Remark => ({ message: `${words}; ${end}`, at: SCAN_LIMIT });
      if (policy.intent === "security") refusals.push(remark("raise fds.scanLimit, or mount /proc"));
      else warnings.push(remark("what is open there stays as it is"));
    }
    return { ranges, rungs, scanLimit, mayMiss: misses && policy.intent !== "security" };
  };
  return {
    ...(close.length > 0 ? { close: one(close, facts.rungs.closing ?? 0, 0) } : {}),
    ...(mark.length > 0 ? { mark: one(mark, facts.rungs.marking ?? 0, CLOSE_RANGE_CLOEXEC) } : {}),
    refusals,
    warnings,
  };
}

function rungsOf({ fds: { method } }: Policy, { rungs }: Facts, refused: number): Rung[] {
  if (method !== "auto") return [method];
  if (refused === 0) return ["closeRange", "procfs", "scan"];
  return rungs.procfs === false ? ["scan"] : ["procfs", "scan"];
}

/** Where the policy wants /proc/self/fd read and it cannot be, nothing else takes its place. */
function procfsRefusal({ fds }: Policy, { rungs }: Facts): string | undefined {
  return fds.method === "procfs" && rungs.procfs === false
    ? "fds.method is procfs, and /proc/self/fd cannot be read: mount /proc, or let fds.method be auto"
    : undefined;
}

function noCloseRange(errno: number, flags: number): string {
  return `fds.method is closeRange, and ${call(flags)} does not work: ${errnoText(errno)}; let fds.method be auto`;
}

function call(flags: number): string {
  return flags === 0 ? "close_range(2)" : "close_range(2) with CLOSE_RANGE_CLOEXEC";
}

function withoutBoth(errno: number, flags: number): string {
  return `${call(flags)} does not work (${errnoText(errno)}), and /proc/self/fd cannot be read`;
}

function reaches(ranges: readonly FdRange[], scanLimit: number): boolean {
  for (const { last } of ranges) if (last >= scanLimit) return true;
  return false;
}

/**
 * Whether a descriptor may stand at `limit` or above. The hard limit bounds what could be opened, unless it was
 * lowered afterwards: that is why a scan goes on to its own end, however low the hard limit is.
 */
export function mayBeOpenFrom({ nofile }: Pick<Facts, "nofile">, limit: number): boolean {
  return nofile.hard > limit;
}

export function unseenWords(from: number): string {
  return `descriptors from ${from} up were not looked at`;
}
