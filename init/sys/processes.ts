// Processes: reaping, limits, groups, the clock, the subreaper flag, and the last call of all.

import {
  CLD_DUMPED,
  CLD_EXITED,
  CLD_STOPPED,
  CLD_TRAPPED,
  CLOCK_MONOTONIC,
  P_ALL,
  P_PID,
  PR_SET_CHILD_SUBREAPER,
  RLIMIT_NOFILE,
  TIOCGPGRP,
  WEXITED,
  WNOHANG,
  WNOWAIT,
  WSTOPPED,
  WUNTRACED,
} from "./constants.ts";
import { ECHILD, EINTR } from "./errno.ts";
import type { ChildEnd, ResourceLimit } from "./kernel.ts";
import { Block, SYS, setInteger, syscall } from "./libc.ts";

// int status, and struct rusage behind it: { timeval ru_utime, ru_stime; long ru_maxrss; … }, 144 bytes
const ended = new Block(8 + 144);
const USER_TIME = 8;
const SYSTEM_TIME = 24;
const MAX_RSS = 40;

/** A negated errno when neither wait4(2) nor waitid(2) can be had. */
export function reap(which = -1): ChildEnd | "none" | undefined | number {
  let pid = syscall(SYS.wait4, which, ended.address, WNOHANG | WUNTRACED, ended.address + USER_TIME);
  if (pid < 0 && pid !== -ECHILD && pid !== -EINTR) pid = reapByWaitid(which);
  if (pid === -ECHILD) return "none";
  if (pid < 0 && pid !== -EINTR) return pid;
  if (pid <= 0) return undefined;
  return {
    pid,
    status: ended.view.getInt32(0, true),
    cpuMs: milliseconds(USER_TIME) + milliseconds(SYSTEM_TIME),
    maxRssKiB: ended.view.getUint32(MAX_RSS, true),
  };
}

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

const clock = new Block(16);

export function now(): number {
  syscall(SYS.clock_gettime, CLOCK_MONOTONIC, clock.address);
  const seconds = clock.view.getUint32(0, true) + clock.view.getUint32(4, true) * 2 ** 32;
  return seconds * 1000 + clock.view.getUint32(8, true) / 1_000_000;
}

// RLIM_INFINITY (2^64-1) never stands here: the kernel bounds RLIMIT_NOFILE by fs.nr_open, which is
// below 2^31.
const limits = new Block(32);

export function nofile(): ResourceLimit {
  syscall(SYS.prlimit64, 0, RLIMIT_NOFILE, 0, limits.address);
  return { soft: limitAt(0), hard: limitAt(8) };
}

function limitAt(offset: number): number {
  return limits.view.getUint32(offset, true) + limits.view.getUint32(offset + 4, true) * 2 ** 32;
}

export function setNofile(limit: ResourceLimit): number {
  setInteger(limits.view, 16, limit.soft);
  setInteger(limits.view, 24, limit.hard);
  return syscall(SYS.prlimit64, 0, RLIMIT_NOFILE, limits.address + 16, 0);
}

export function setSubreaper(): number {
  return syscall(SYS.prctl, PR_SET_CHILD_SUBREAPER, 1);
}

/** fdinit's own pid, 1 in a container. */
export function ownPid(): number {
  return syscall(SYS.getpid);
}

/** True of the terminal that controls this process. */
export function isOwnTerminal(fd: number): boolean {
  return syscall(SYS.ioctl, fd, TIOCGPGRP, clock.address) >= 0;
}

export function processGroup(pid: number): number {
  return syscall(SYS.getpgid, pid);
}

/** exit_group(2): ends the process at once, without Bun's own clean-up, which needs its event loop. */
export function exitNow(code: number): never {
  for (;;) syscall(SYS.exit_group, code);
}
