// Facts of /proc about a process, read from outside.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { childrenOf } from "./leftovers.ts";
import { LONG } from "./needs.ts";

const DEADLINE_MS = LONG ? 60_000 : 15_000;

/** Looks again until there is an answer; fails at the deadline. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const end = performance.now() + DEADLINE_MS;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > end) throw new Error(`waited ${DEADLINE_MS} ms until ${what}`);
    await Bun.sleep(1);
  }
}

export function children(pid: number): number[] {
  return childrenOf(pid);
}

/** Everything below a process. */
export function descendants(pid: number): number[] {
  return children(pid).flatMap((child) => [child, ...descendants(child)]);
}

/** A command that prints how many zombies a container has. */
export const COUNT_ZOMBIES = ["sh", "-c", "grep -l '^State:.Z' /proc/[0-9]*/status | wc -l"] as const;

/** A field of /proc/PID/status; "" when the process is gone. */
export function status(pid: number, field: string): string {
  return new RegExp(`^${field}:\\s*(.*)$`, "m").exec(statusText(pid))?.[1] ?? "";
}

/** All of it, as it was at one moment. */
export function statusText(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "latin1");
  } catch {
    return "";
  }
}

/** Gone, or a zombie that its parent has yet to reap. */
export function hasEnded(pid: number): boolean {
  return !/^[^ZX]/.test(status(pid, "State"));
}

/** The target of each open descriptor, by number. */
export function descriptors(pid: number): Record<number, string> {
  const found: Record<number, string> = {};
  for (const name of readdirSync(`/proc/${pid}/fd`)) {
    try {
      found[Number(name)] = readlinkSync(`/proc/${pid}/fd/${name}`);
    } catch {
      // Closed since it was listed.
    }
  }
  return found;
}

/** The numbers from 3 up. */
export function extra(found: Record<number, string>): number[] {
  return Object.keys(found)
    .map(Number)
    .filter((fd) => fd > 2);
}

const [PPOLL, RT_SIGTIMEDWAIT] = process.arch === "x64" ? ["271", "128"] : ["73", "137"];

/** Whether fdinit waits: "forever" in sigtimedwait(2), "perhaps not" in ppoll(2); undefined while it does not. */
export function waiting(pid: number): "forever" | "perhaps not" | undefined {
  try {
    const [call] = readFileSync(`/proc/${pid}/syscall`, "latin1").split(" ");
    return call === RT_SIGTIMEDWAIT ? "forever" : call === PPOLL ? "perhaps not" : undefined;
  } catch {
    return status(pid, "State").startsWith("S") ? "perhaps not" : undefined;
  }
}

/** Until fdinit has done all it does at its start and waits. */
export async function untilWaiting(pid: number): Promise<void> {
  await until("fdinit waits", () => waiting(pid));
}

/** The kernel function that a process waits in; empty when it runs, or is gone. */
export function wchan(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/wchan`, "utf8");
  } catch {
    return "";
  }
}
