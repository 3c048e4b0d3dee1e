// The one place that reads /proc for processes: which there are, what they run, which of them hold a pipe, and
// sending a signal to one of them. Only read when something is reported or a tree has to be found; nothing here
// runs at a start. A /proc of another PID namespace counts as none: its pids are those of other processes.

import { CLOCK_BOOTTIME, PROC_SUPER_MAGIC, WEXITED, WNOHANG, WNOWAIT, WSTOPPED } from "../libc/constants.ts";
import { ECHILD, ENOSYS, EPERM, ESRCH } from "../libc/errno.ts";
import { Block, cString, SYS, syscall } from "../libc/libc.ts";
import { listNumbers, readFile, readLink } from "../paths/files.ts";
import { ownPid } from "../self/process.ts";
import { kill } from "../signals/signals.ts";
import { textOf } from "../text/bytes.ts";
import type { ChangedProcess, PipeHolder, PipeHolders, ProcessFacts, ProcessList } from "./kernel.ts";
import { changedChild, waitId } from "./processes.ts";

const LONGEST_FILE = 1 << 22;
const LONGEST_COMMAND = 200;

export function textFile(path: string): string | undefined {
  const bytes = readFile(path, LONGEST_FILE);
  return typeof bytes === "number" ? undefined : textOf(bytes);
}

let isOurs: boolean | undefined;

/** /proc is there and of this PID namespace: what it calls "self" has the number this process knows itself by. */
export function procIsOurs(): boolean {
  if (isOurs === undefined) {
    const self = readLink("/proc/self");
    isOurs = self !== undefined && textOf(self) === String(ownPid());
  }
  return isOurs;
}

/** The process's command line, words separated by spaces; the name in brackets when there is none. */
export function commandOf(pid: number): string {
  const words = textFile(`/proc/${pid}/cmdline`)?.replace(/\0$/, "").replaceAll("\0", " ");
  return words || `[${textFile(`/proc/${pid}/comm`)?.trim() ?? "unknown"}]`;
}

/** The same, cut at a length that fits a line. A process that is gone has none. */
export function shortCommandOf(pid: number): string {
  const command = commandOf(pid);
  return command.length > LONGEST_COMMAND ? `${command.slice(0, LONGEST_COMMAND)}…` : command;
}

/** proc_pid_environ(5). */
export function variableOf(pid: number, name: string): string | undefined {
  const text = textFile(`/proc/${pid}/environ`);
  const found = text?.split("\0").find((entry) => entry.startsWith(`${name}=`));
  return found?.slice(name.length + 1);
}

function pids(): number[] | undefined {
  return procIsOurs() ? listNumbers(cString("/proc"), PROC_SUPER_MAGIC, false) : undefined;
}

interface Stat {
  /** The name in parentheses, which may hold anything. */
  readonly name: string;
  /** The fields behind the name, from the state on. */
  readonly fields: readonly string[];
}

/** proc_pid_stat(5). Needs no lock of the process's memory, as its command line does: a process that hangs does not hold up its reader. */
function statOf(pid: number): Stat | undefined {
  const text = textFile(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const end = text.lastIndexOf(")");
  return { name: text.slice(text.indexOf("(") + 1, end), fields: text.slice(end + 2).split(" ") };
}

// Counted from the state.
const STATE = 0;
const PARENT = 1;
const SESSION = 3;
const FLAGS = 6;
const START_TIME = 19;
/** <linux/sched.h>: set before a process that ends closes its descriptors. */
const PF_EXITING = 0x4;
/** USER_HZ, the same on every architecture Linux runs on today. */
const TICKS_PER_SECOND = 100;

/** At most `most` are looked at. */
export function processes(most = Number.POSITIVE_INFINITY): ProcessList | undefined {
  const own = ownPid();
  const listed = pids()?.filter((pid) => pid !== own);
  if (!listed) return undefined;
  const found: ProcessFacts[] = [];
  for (let index = 0; index < Math.min(most, listed.length); index++) {
    const facts = factsOf(listed[index] as number);
    if (facts) found.push(facts);
  }
  return { found, more: Math.max(0, listed.length - most) };
}

function factsOf(pid: number): ProcessFacts | undefined {
  const stat = statOf(pid);
  if (!stat) return undefined;
  const { name, fields } = stat;
  const state = fields[STATE];
  return {
    pid,
    parent: Number(fields[PARENT]),
    session: Number(fields[SESSION]),
    name,
    hasEnded: state === "Z" || state === "X" || (Number(fields[FLAGS]) & PF_EXITING) !== 0,
    startedAt: Number(fields[START_TIME]),
  };
}

export function openProcess(pid: number): number {
  return syscall(SYS.pidfd_open, pid, 0);
}

/**
 * Sends a signal to that very process, by a pidfd (Linux 5.3): a process that gets the same pid later is not hit. The
 * pidfd's process is compared with the facts that were seen before. Answers -ESRCH when the process is gone.
 */
export function signalProcess({ pid, startedAt }: ProcessFacts, signal: number): number {
  const pidfd = openProcess(pid);
  if (pidfd === -ESRCH) return pidfd;
  const isStill = factsOf(pid)?.startedAt === startedAt;
  const sent = isStill && pidfd >= 0 ? syscall(SYS.pidfd_send_signal, pidfd, signal, 0, 0) : -ESRCH;
  if (pidfd >= 0) syscall(SYS.close, pidfd);
  // Without pidfds the moment between the look and the signal is the risk that is left.
  const hasNone = pidfd < 0 || sent === -ENOSYS || sent === -EPERM;
  return isStill && hasNone ? kill(pid, signal) : sent;
}

const boottime = new Block(16);

/** Since the system's start, which a process's start is counted from. */
function uptimeMs(): number {
  syscall(SYS.clock_gettime, CLOCK_BOOTTIME, boottime.address);
  return boottime.view.getUint32(0, true) * 1000 + boottime.view.getUint32(8, true) / 1_000_000;
}

/** A negated errno where waitid(2) cannot be had. */
export function nextChanged(): ChangedProcess | "none" | undefined | number {
  const failed = waitId(-1, WEXITED | WSTOPPED | WNOHANG | WNOWAIT);
  if (failed === -ECHILD) return "none";
  if (failed < 0) return failed;
  const { pid } = changedChild;
  if (pid === 0) return undefined;
  // The command line of an ended process has gone with its memory.
  const stat = procIsOurs() ? statOf(pid) : undefined;
  if (!stat) return { pid, command: "unknown" };
  const ranMs = uptimeMs() - (Number(stat.fields[START_TIME]) * 1000) / TICKS_PER_SECOND;
  return { pid, command: `[${stat.name}]`, ranMs: Math.max(0, Math.round(ranMs)) };
}

/** Looks through the descriptors of every process, then for sockets with descriptors in flight. */
export function pipeHolders(pipe: string): PipeHolders | undefined {
  const listed = pids();
  if (!listed) return undefined;
  const own = ownPid();
  const holders: PipeHolder[] = [];
  let unseen = 0;
  for (const pid of listed) {
    if (pid === own) continue;
    const numbers = listNumbers(cString(`/proc/${pid}/fd`), PROC_SUPER_MAGIC, false);
    const links = numbers?.map((fd) => readLink(`/proc/${pid}/fd/${fd}`)) ?? [];
    if (!numbers || (links.length > 0 && links.every((link) => link === undefined))) {
      unseen++;
      continue;
    }
    const fds = numbers.filter((_, index) => links[index] && textOf(links[index]) === pipe);
    if (fds.length > 0) holders.push({ pid, command: shortCommandOf(pid), fds });
  }
  return { holders: holders.length > 0 ? holders : inFlight(listed), unseen };
}

/** Whose sockets hold descriptors that were sent and not received: `scm_fds:` of fdinfo, Linux 5.18. */
function inFlight(listed: readonly number[]): PipeHolder[] {
  const holders: PipeHolder[] = [];
  for (const pid of listed) {
    const numbers = listNumbers(cString(`/proc/${pid}/fdinfo`), PROC_SUPER_MAGIC, false) ?? [];
    const waiting = numbers.some((fd) =>
      /^scm_fds:\s*[1-9]/m.test(textFile(`/proc/${pid}/fdinfo/${fd}`) ?? ""),
    );
    if (waiting) holders.push({ pid, command: shortCommandOf(pid), fds: [] });
  }
  return holders;
}
