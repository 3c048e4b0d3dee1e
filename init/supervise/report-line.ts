// Words what the observer has recorded: the line of `reaping.log` for one ended process, and the line of `report`. Pure.

import type { ChangedProcess, ChildEnd, ProcessFacts } from "../sys/kernel.ts";
import { oomKillsInWords } from "./oom-kills.ts";
import { inWords, nameOf } from "./tree.ts";
import { codeInWords, durationInWords } from "./words.ts";

/** The observer's record of the processes that ended, when fdinit ends. */
export interface EndRecord {
  /** How the service ended, or why it did not run, in words. */
  readonly end: string;
  /** Processes that the kernel's OOM killer ended while fdinit ran. */
  readonly oomKills: number;
  /** Processes that ended by a SIGKILL which fdinit did not send. */
  readonly killedByOthers: readonly Pick<ChangedProcess, "pid" | "command">[];
  /** Processes that fdinit had to kill. */
  readonly killedHere: readonly ProcessFacts[];
  /** The number of processes that fdinit had to kill and did not look at one by one. */
  readonly killedUnlisted: number;
}

export function reportLine(record: EndRecord, code: number): string {
  const { end, oomKills, killedByOthers, killedHere, killedUnlisted } = record;
  const parts = [end];
  if (oomKills > 0) {
    parts.push(oomKillsInWords(oomKills));
    // The kernel counts its OOM kills without naming them. So the line names the processes that ended by another's SIGKILL.
    if (killedByOthers.length > 0)
      parts.push(`ended by a SIGKILL not of fdinit's: ${inWords(killedByOthers, ({ command }) => command)}`);
  }
  if (killedHere.length > 0) parts.push(`had to be killed: ${inWords(killedHere, nameOf, killedUnlisted)}`);
  return `${parts.join("; ")}; exit code ${code}`;
}

/** `seen` is what /proc said of the process before it was taken. */
export function reapedLine(end: ChildEnd, seen: ChangedProcess | undefined, isService: boolean): string {
  const { pid, status, cpuMs, maxRssKiB } = end;
  const ran = seen?.ranMs === undefined ? "" : ` after ${durationInWords(seen.ranMs)}`;
  // Of fdinit's own children the kernel counts fdinit's memory too: they were a vfork of it.
  const memory = isService ? "" : ` and ${memoryInWords(maxRssKiB)}`;
  const used = `${durationInWords(cpuMs)} of CPU time${memory} used`;
  const what = isService ? "process" : "orphan";
  return `reaped ${what} ${pid} (${seen?.command ?? "unknown"}): ${codeInWords(status)}${ran}, ${used}`;
}

function memoryInWords(kib: number): string {
  return kib < 10_240 ? `${kib} KiB` : `${Math.round(kib / 1024)} MiB`;
}
