// Keeps the record of the processes that end, for `reaping.log` and `report`: how the service ended, which processes fdinit
// killed and which ones another did. report-line.ts words it, oom-kills.ts counts.

import type { Supervision } from "../plan/plan.ts";
import type { ChangedProcess, ChildEnd, ProcessFacts } from "../sys/kernel.ts";
import { SIGKILL } from "../sys/libc/constants.ts";
import { ENXIO, pathErrorText } from "../sys/libc/errno.ts";
import { visible } from "../sys/text/visible.ts";
import { oomKills, oomKillsInWords } from "./oom-kills.ts";
import { reapedLine, reportLine } from "./report-line.ts";
import type { Surroundings } from "./surroundings.ts";
import { codeInWords, durationInWords } from "./words.ts";

interface Context extends Pick<Surroundings, "kernel" | "say"> {
  readonly supervision: Pick<Supervision, "service" | "reaping" | "report">;
}

/** The most processes remembered as killed by others; a reader learns nothing more from a longer list. */
const MOST_REMEMBERED = 100;

export class Observer {
  private readonly context: Context;
  private readonly killedHere: ProcessFacts[] = [];
  private killedUnlisted = 0;
  /** Every process of the namespace got a SIGKILL of fdinit's. */
  private hasKilledAll = false;
  /** Ended by SIGKILL that fdinit did not send. */
  private readonly killedByOthers: Pick<ChangedProcess, "pid" | "command">[] = [];
  private readonly oomKillsBefore: number | undefined;
  private end = (): string => `${this.context.supervision.service} did not run`;

  constructor(context: Context) {
    this.context = context;
    this.oomKillsBefore = oomKills(context.kernel);
  }

  /** A child was reaped; `seen` is what /proc said of it before. */
  ended(end: ChildEnd, seen: ChangedProcess | undefined, isService: boolean): void {
    const { say, supervision } = this.context;
    const { log } = supervision.reaping;
    const { pid, status } = end;
    const isOurs = this.hasKilledAll || this.killedHere.some((killed) => killed.pid === pid);
    if ((status & 0x7f) === SIGKILL && !isOurs && this.killedByOthers.length < MOST_REMEMBERED)
      this.killedByOthers.push({ pid, command: seen?.command ?? "unknown" });
    if (log === "none" || (log === "unexpected" && (isService || status === 0))) return;
    say("warn", reapedLine(end, seen, isService));
  }

  serviceEnded(status: number, startedAt: number, now: number): void {
    const { service } = this.context.supervision;
    // Worded only when the report is written, which most runs do not ask for.
    this.end = () => `${service} ${codeInWords(status)} after ${durationInWords(now - startedAt)}`;
  }

  /** The end in words, where it is not that of one service: a start that did not come about. */
  endedOtherwise(words: string): void {
    this.end = () => words;
  }

  /** The processes that got SIGKILL because they did not end by themselves; `unlisted` is the number of those that were not looked at one by one. */
  killed(processes: readonly ProcessFacts[], unlisted: number, all: boolean): void {
    for (const process of processes)
      if (!this.killedHere.some(({ pid }) => pid === process.pid)) this.killedHere.push(process);
    this.killedUnlisted = Math.max(this.killedUnlisted, unlisted);
    this.hasKilledAll ||= all;
  }

  /** Says that the kernel killed for memory; then the last line, where the policy wants it. */
  report(code: number, isRunning: boolean): void {
    const { kernel, say, supervision } = this.context;
    const { report } = supervision;
    const before = this.oomKillsBefore;
    const kills = before === undefined ? 0 : (oomKills(kernel) ?? before) - before;
    if (kills > 0) say("warn", oomKillsInWords(kills));
    if (report === undefined) return;
    const failed = kernel.writeFile(report, `${visible(this.line(code, isRunning, kills))}\n`);
    // open(2): a FIFO opened for writing that no process reads
    const why = failed === -ENXIO ? " (nobody reads it?)" : "";
    if (failed < 0)
      say("warn", `cannot write the report ${JSON.stringify(report)}: ${pathErrorText(-failed)}${why}`);
  }

  private line(code: number, isRunning: boolean, kills: number): string {
    const { supervision } = this.context;
    const { killedByOthers, killedHere, killedUnlisted } = this;
    const end = isRunning ? `${supervision.service} could not be ended` : this.end();
    return reportLine({ end, oomKills: kills, killedByOthers, killedHere, killedUnlisted }, code);
  }
}
