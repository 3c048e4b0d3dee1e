// Reports the processes that end: a line for each reaped one that `reaping.log` asks for, and one line at the end
// for `report`, from which a person sees which process ended, why, and which ones the kernel's OOM killer ended.

import type { ChangedProcess, ChildEnd, Kernel, ProcessFacts } from "../sys/kernel.ts";
import { SIGKILL } from "../sys/libc/constants.ts";
import { ENXIO, pathErrorText } from "../sys/libc/errno.ts";
import { textOf } from "../sys/text/bytes.ts";
import { visible } from "../sys/text/visible.ts";
import type { Surroundings } from "./surroundings.ts";
import { inWords, nameOf } from "./tree.ts";
import { codeInWords, durationInWords } from "./words.ts";

type Context = Pick<Surroundings, "kernel" | "say" | "supervision">;

export class Observer {
  private readonly context: Context;
  private readonly killedHere: ProcessFacts[] = [];
  private killedUnlisted = 0;
  /** Every process of the namespace got a SIGKILL of fdinit's. */
  private hasKilledAll = false;
  /** Ended by SIGKILL that fdinit did not send. */
  private readonly killedByOthers: Pick<ChangedProcess, "pid" | "command">[] = [];
  private readonly oomKillsBefore: number | undefined;
  private end = (): string => `${this.context.supervision.service} was not running`;

  constructor(context: Context) {
    this.context = context;
    this.oomKillsBefore = oomKills(context.kernel);
  }

  /** A child was reaped; `seen` is what /proc said of it before. */
  ended(end: ChildEnd, seen: ChangedProcess | undefined, isService: boolean): void {
    const { say, supervision } = this.context;
    const { log } = supervision.reaping;
    const { pid, status, cpuMs, maxRssKiB } = end;
    const command = seen?.command ?? "unknown";
    const isOurs = this.hasKilledAll || this.killedHere.some((killed) => killed.pid === pid);
    if ((status & 0x7f) === SIGKILL && !isOurs && this.killedByOthers.length < MOST_REMEMBERED)
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
    // Worded only when the report is written, which most runs do not ask for.
    this.end = () => `${service} ${codeInWords(status)} after ${durationInWords(now - startedAt)}`;
  }

  /** Another start did not come about. */
  startFailed(message: string): void {
    this.end = () => message;
  }

  /** The processes that got SIGKILL because they did not end by themselves; `unlisted` is the number of those that were not looked at one by one. */
  killed(processes: readonly ProcessFacts[], unlisted: number, all: boolean): void {
    for (const process of processes)
      if (!this.killedHere.some(({ pid }) => pid === process.pid)) this.killedHere.push(process);
    this.killedUnlisted = Math.max(this.killedUnlisted, unlisted);
    this.hasKilledAll ||= all;
  }

  /** The last line, where the policy wants it. */
  report(code: number, isRunning: boolean): void {
    const { kernel, say, supervision } = this.context;
    const { report } = supervision;
    if (report === undefined) return;
    const failed = kernel.writeFile(report, `${visible(this.line(code, isRunning))}\n`);
    // open(2): a FIFO opened for writing that no process reads
    const why = failed === -ENXIO ? " (nobody reads it?)" : "";
    if (failed < 0)
      say("warn", `cannot write the report ${JSON.stringify(report)}: ${pathErrorText(-failed)}${why}`);
  }

  private line(code: number, isRunning: boolean): string {
    const { kernel, supervision } = this.context;
    const { service } = supervision;
    const parts = [isRunning ? `${service} could not be ended` : this.end()];
    const before = this.oomKillsBefore;
    const kills = before === undefined ? 0 : (oomKills(kernel) ?? before) - before;
    if (kills > 0) {
      const count = kills === 1 ? "1 process" : `${kills} processes`;
      parts.push(`the kernel's OOM killer killed ${count} of this container`);
      // The kernel counts its OOM kills without naming them. So the line names the processes that ended by another's SIGKILL.
      const others = this.killedByOthers;
      if (others.length > 0)
        parts.push(`ended by a SIGKILL not of fdinit's: ${inWords(others, ({ command }) => command)}`);
    }
    if (this.killedHere.length > 0)
      parts.push(`had to be killed: ${inWords(this.killedHere, nameOf, this.killedUnlisted)}`);
    return `${parts.join("; ")}; exit code ${code}`;
  }
}

function memoryInWords(kib: number): string {
  return kib < 10_240 ? `${kib} KiB` : `${Math.round(kib / 1024)} MiB`;
}

/** The longest list that a line shows; a reader learns nothing more from a longer one. */
const MOST_REMEMBERED = 100;

/** How many processes of fdinit's own cgroup the kernel has killed for memory (Linux 4.13); undefined where nothing tells. */
function oomKills(kernel: Kernel): number | undefined {
  for (const path of counterPaths(kernel)) {
    const bytes = kernel.readFile(path, 4096);
    if (typeof bytes === "number") continue;
    const count = /^oom_kill (\d+)$/m.exec(textOf(bytes))?.[1];
    if (count !== undefined) return Number(count);
  }
  return undefined;
}

const LONGEST_CGROUPS = 8192;

/**
 * cgroups(7): the group's own folder where the whole tree is to be seen, else the top of what is mounted, which is the
 * container's. Of version 2, then of version 1.
 */
function counterPaths(kernel: Kernel): string[] {
  const bytes = kernel.readFile("/proc/self/cgroup", LONGEST_CGROUPS);
  const text = typeof bytes === "number" ? "" : textOf(bytes);
  const own = (controllers: string) => new RegExp(`^\\d+:${controllers}:(/.+)$`, "m").exec(text)?.[1];
  const paths = (root: string, group: string | undefined, file: string) => [
    ...(group === undefined ? [] : [`${root}${group}/${file}`]),
    `${root}/${file}`,
  ];
  return [
    ...paths("/sys/fs/cgroup", own(""), "memory.events"),
    ...paths("/sys/fs/cgroup/memory", own("(?:[^:]*,)?memory(?:,[^:]*)?"), "memory.oom_control"),
  ];
}
