// Children: reaping them, with what each has used, and whether there is one left; and the group of a process.

import {
  CLD_DUMPED,
  CLD_EXITED,
  CLD_STOPPED,
  CLD_TRAPPED,
  P_ALL,
  P_PID,
  WEXITED,
  WNOHANG,
  WNOWAIT,
  WSTOPPED,
  WUNTRACED,
} from "../libc/constants.ts";
import { ECHILD, EINTR } from "../libc/errno.ts";
import { Block, SYS, syscall } from "../libc/libc.ts";
import type { ChildEnd } from "./kernel.ts";

// int status, and struct rusage behind it: { timeval ru_utime, ru_stime; long ru_maxrss; … }, 144 bytes
const ended = new Block(8 + 144);
const USER_TIME = 8;
const SYSTEM_TIME = 24;
const MAX_RSS = 40;

/** A negated errno when neither wait4(2) nor waitid(2) can be had. */
export function reap(which = -1): ChildEnd | "none" | undefined | number {
  let pid = -EINTR;
  // Interrupted is not "nothing": nobody would look again before the next SIGCHLD.
  for (let attempt = 0; pid === -EINTR && attempt < MOST_ATTEMPTS; attempt++)
    pid = syscall(SYS.wait4, which, ended.address, WNOHANG | WUNTRACED, ended.address + USER_TIME);
  if (pid < 0 && pid !== -ECHILD) pid = reapByWaitid(which);
  if (pid === -ECHILD) return "none";
  if (pid < 0) return pid;
  if (pid <= 0) return undefined;
  return {
    pid,
    status: ended.view.getInt32(0, true),
    cpuMs: milliseconds(USER_TIME) + milliseconds(SYSTEM_TIME),
    maxRssKiB: ended.view.getUint32(MAX_RSS, true),
  };
}

/** Of a call that is interrupted again and again. */
const MOST_ATTEMPTS = 16;

/** waitid(2) where wait4(2) is forbidden or fails: the same answer, in the same place. */
function reapByWaitid(which: number): number {
  const flags = WEXITED | WSTOPPED | WNOHANG;
  const failed = waitId(which, flags, ended.address + USER_TIME);
  if (failed < 0) return failed;
  const { pid, code, status } = changedChild;
  ended.view.setInt32(0, statusOf(code, status), true);
  return pid;
}

// siginfo_t of SIGCHLD: si_code 8, si_pid 16, si_status 24
const info = new Block(128);

/** The answer of waitId(); the pid is 0 when no child has changed. */
export const changedChild = { pid: 0, code: 0, status: 0 };

/** waitid(2) for any child or for one, with the fifth argument of the system call: where the rusage goes. */
export function waitId(which: number, flags: number, usage = 0): number {
  info.view.setInt32(16, 0, true);
  const failed = syscall(
    SYS.waitid,
    which < 0 ? P_ALL : P_PID,
    Math.max(0, which),
    info.address,
    flags,
    usage,
  );
  changedChild.code = info.view.getInt32(8, true);
  changedChild.pid = info.view.getInt32(16, true);
  changedChild.status = info.view.getInt32(24, true);
  return failed;
}

/** wait(2)'s status from waitid's two numbers. */
function statusOf(code: number, status: number): number {
  if (code === CLD_EXITED) return (status & 0xff) << 8;
  if (code === CLD_TRAPPED || code === CLD_STOPPED) return ((status & 0xff) << 8) | 0x7f;
  return status | (code === CLD_DUMPED ? 0x80 : 0);
}

/** True while there is a child, ended or not; also true where the kernel cannot tell. */
export function hasChildren(): boolean {
  return waitId(-1, WEXITED | WNOHANG | WNOWAIT) !== -ECHILD;
}

/** A struct timeval: seconds and microseconds. */
function milliseconds(offset: number): number {
  return ended.view.getUint32(offset, true) * 1000 + ended.view.getUint32(offset + 8, true) / 1000;
}

export function processGroup(pid: number): number {
  return syscall(SYS.getpgid, pid);
}
