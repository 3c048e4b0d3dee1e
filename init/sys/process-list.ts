// Other processes as /proc shows them: which there are, what they run, which of them hold a pipe. Only
// read when something is reported or a tree has to be found; nothing here runs at a start.

import { textOf } from "./bytes.ts";
import { PROC_SUPER_MAGIC, WNOHANG } from "./constants.ts";
import { ECHILD } from "./errno.ts";
import { listNumbers, readFile, readLink } from "./files.ts";
import type { ChangedProcess, PipeHolder, PipeHolders, ProcessFacts } from "./kernel.ts";
import { Block, cString, SYS, syscall } from "./libc.ts";
import { ownPid } from "./processes.ts";

const LONGEST_FILE = 1 << 22;
const LONGEST_COMMAND = 200;

export function textFile(path: string): string | undefined {
  const bytes = readFile(path, LONGEST_FILE);
  return typeof bytes === "number" ? undefined : textOf(bytes);
}

/** Its command line, words separated by spaces; its name in brackets when it has none. */
export function commandOf(pid: number): string {
  const words = textFile(`/proc/${pid}/cmdline`)?.replace(/\0$/, "").replaceAll("\0", " ");
  return words || `[${textFile(`/proc/${pid}/comm`)?.trim() ?? "unknown"}]`;
}

function shortCommandOf(pid: number): string {
  const command = commandOf(pid);
  return command.length > LONGEST_COMMAND ? `${command.slice(0, LONGEST_COMMAND)}…` : command;
}

function pids(): number[] | undefined {
  return listNumbers(cString("/proc"), PROC_SUPER_MAGIC, false);
}

/** /proc/N/stat behind the command in parentheses, which may hold anything: from the state on. */
function statFields(pid: number): string[] | undefined {
  const text = textFile(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

// proc_pid_stat(5), counted from the state
const STATE = 0;
const PARENT = 1;
const FLAGS = 6;
const START_TIME = 19;
/** <linux/sched.h>: set before a process that ends closes its descriptors. */
const PF_EXITING = 0x4;
/** USER_HZ, the same on every architecture Linux runs on today. */
const TICKS_PER_SECOND = 100;

export function processes(): readonly ProcessFacts[] | undefined {
  const own = ownPid();
  const found: ProcessFacts[] = [];
  const listed = pids();
  if (!listed) return undefined;
  for (const pid of listed) {
    const fields = pid === own ? undefined : statFields(pid);
    if (!fields) continue;
    found.push({
      pid,
      parent: Number(fields[PARENT]),
      command: shortCommandOf(pid),
      hasEnded: fields[STATE] === "Z" || fields[STATE] === "X" || (Number(fields[FLAGS]) & PF_EXITING) !== 0,
    });
  }
  return found;
}

// <linux/wait.h>, and siginfo_t's si_pid
const P_ALL = 0;
const WSTOPPED = 2;
const WEXITED = 4;
const WNOWAIT = 0x01000000;
const SI_PID = 16;

export function nextChanged(): ChangedProcess | "none" | undefined {
  const info = new Block(128);
  const flags = WEXITED | WSTOPPED | WNOHANG | WNOWAIT;
  const failed = syscall(SYS.waitid, P_ALL, 0, info.address, flags, 0);
  if (failed === -ECHILD) return "none";
  const pid = info.view.getInt32(SI_PID, true);
  if (failed < 0 || pid === 0) return undefined;
  const started = Number(statFields(pid)?.[START_TIME]) / TICKS_PER_SECOND;
  const uptime = Number.parseFloat(textFile("/proc/uptime") ?? "");
  const ranMs = Math.max(0, Math.round((uptime - started) * 1000));
  return { pid, command: shortCommandOf(pid), ...(Number.isNaN(ranMs) ? {} : { ranMs }) };
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
