// Processes: reaping, limits, groups, the clock, the subreaper flag, and the last call of all.

import { CLOCK_MONOTONIC, PR_SET_CHILD_SUBREAPER, RLIMIT_NOFILE, WNOHANG, WUNTRACED } from "./constants.ts";
import { ECHILD } from "./errno.ts";
import type { ChildEnd, ResourceLimit } from "./kernel.ts";
import { Block, SYS, setInteger, syscall } from "./libc.ts";

// int status, and struct rusage behind it: { timeval ru_utime, ru_stime; long ru_maxrss; … }, 144 bytes
const ended = new Block(8 + 144);
const USER_TIME = 8;
const SYSTEM_TIME = 24;
const MAX_RSS = 40;

export function reap(which = -1): ChildEnd | "none" | undefined {
  const pid = syscall(SYS.wait4, which, ended.address, WNOHANG | WUNTRACED, ended.address + USER_TIME);
  if (pid === -ECHILD) return "none";
  if (pid <= 0) return undefined;
  return {
    pid,
    status: ended.view.getInt32(0, true),
    cpuMs: milliseconds(USER_TIME) + milliseconds(SYSTEM_TIME),
    maxRssKiB: ended.view.getUint32(MAX_RSS, true),
  };
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

export function processGroup(pid: number): number {
  return syscall(SYS.getpgid, pid);
}

/** exit_group(2): ends the process at once, without Bun's own clean-up, which needs its event loop. */
export function exitNow(code: number): never {
  for (;;) syscall(SYS.exit_group, code);
}
