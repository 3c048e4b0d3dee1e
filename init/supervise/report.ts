// What is told of the processes that end: a line for each reaped one that `reaping.log` asks for, and one
// line at the end for `report`, from which a person sees what ended, why, and what the kernel's OOM killer did.

import { textOf } from "../sys/bytes.ts";
import { SIGKILL } from "../sys/constants.ts";
import { pathErrorText } from "../sys/errno.ts";
import type { ChangedProcess, ChildEnd, Kernel, ProcessFacts } from "../sys/kernel.ts";
import { visible } from "../sys/visible.ts";
import type { Surroundings } from "./loop.ts";
import { inWords } from "./tree.ts";
import { codeInWords, durationInWords } from "./words.ts";

/** Where a container finds its own cgroup's counters: version 2, and version 1. */
const OOM_COUNTERS = ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"];

type Context = Pick<Surroundings, "kernel" | "say" | "supervision">;

export class Observer {
  private readonly context: Context;
  private readonly killedHere: ProcessFacts[] = [];
  /** Ended by SIGKILL that fdinit did not send. */
  private readonly killedByOthers: Pick<ChangedProcess, "pid" | "command">[] = [];
  private readonly oomKillsBefore: number;
  private end = (): string => `${this.context.supervision.service} was not running`;

  constructor(context: Context) {
    this.context = context;
    this.oomKillsBefore = oomKills(context.kernel) ?? 0;
  }

  /** A child was reaped; `seen` is what /proc said of it before. */
  ended(end: ChildEnd, seen: ChangedProcess | undefined, isService: boolean): void {
    const { say, supervision } = this.context;
    const { log } = supervision.reaping;
    const { pid, status, cpuMs, maxRssKiB } = end;
    const command = seen?.command ?? "unknown";
    if ((status & 0x7f) === SIGKILL && !this.killedHere.some((killed) => killed.pid === pid))
      this.killedByOthers.push({ pid, command });
    if (log === "none" || (log === "unexpected" && (isService || status === 0))) return;
    const ran = seen?.ranMs === undefined ? "" : ` after ${durationInWords(seen.ranMs)}`;
    // Of fdinit's own children the kernel counts fdinit's memory too: they were a vfork of it.
    const memory = isService ? "" : ` and ${memoryInWords(maxRssKiB)}`;
    const used = `${durationInWords(cpuMs)} of CPU time${memory} used`;
    const what = isService ? "process" : "orphan";
    say("warn", `reaped ${what} ${pid} (${command}): ${codeInWords(status)}${ran}, ${used}`);
  }

  serviceEnded(status: number, startedAt: number, now: number): void {
    const { service } = this.context.supervision;
    // In words when it is asked for, as it mostly is not.
    this.end = () => `${service} ${codeInWords(status)} after ${durationInWords(now - startedAt)}`;
  }

  /** Another start did not come about. */
  startFailed(message: string): void {
    this.end = () => message;
  }

  /** About to get SIGKILL because they did not end by themselves. */
  killed(processes: readonly ProcessFacts[]): void {
    this.killedHere.push(...processes);
  }

  /** The last line, where the policy wants it. */
  report(code: number, isRunning: boolean): void {
    const { kernel, say, supervision } = this.context;
    const { report } = supervision;
    if (report === undefined) return;
    const failed = kernel.writeFile(report, `${visible(this.line(code, isRunning))}\n`);
    if (failed < 0)
      say("warn", `cannot write the report ${JSON.stringify(report)}: ${pathErrorText(-failed)}`);
  }

  private line(code: number, isRunning: boolean): string {
    const { kernel, supervision } = this.context;
    const { service } = supervision;
    const parts = [isRunning ? `${service} could not be ended` : this.end()];
    const kills = (oomKills(kernel) ?? 0) - this.oomKillsBefore;
    if (kills > 0) {
      const who = this.killedByOthers.length === 0 ? "" : `: ${inWords(this.killedByOthers)}`;
      const count = kills === 1 ? "1 process" : `${kills} processes`;
      parts.push(`the kernel's OOM killer killed ${count} of this container${who}`);
    }
    if (this.killedHere.length > 0) parts.push(`had to be killed: ${inWords(this.killedHere)}`);
    return `${parts.join("; ")}; exit code ${code}`;
  }
}

function memoryInWords(kib: number): string {
  return kib < 10_240 ? `${kib} KiB` : `${Math.round(kib / 1024)} MiB`;
}

/** How many processes of this cgroup the kernel has killed for memory (Linux 4.13); undefined where nothing tells. */
function oomKills(kernel: Kernel): number | undefined {
  for (const path of OOM_COUNTERS) {
    const bytes = kernel.readFile(path, 4096);
    if (typeof bytes === "number") continue;
    const count = /^oom_kill (\d+)$/m.exec(textOf(bytes))?.[1];
    if (count !== undefined) return Number(count);
  }
  return undefined;
}
