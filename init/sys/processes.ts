// Processes: reaping, limits, groups, the subreaper flag, and the last call of all.

import { PR_SET_CHILD_SUBREAPER, RLIMIT_NOFILE, WNOHANG } from "./constants.ts";
import type { ChildEnd, ResourceLimit } from "./kernel.ts";
import { Block, SYS, syscall } from "./libc.ts";

const status = new Block(4);

export function reap(): ChildEnd | undefined {
  const pid = syscall(SYS.wait4, -1, status.address, WNOHANG, 0);
  return pid > 0 ? { pid, status: status.view.getInt32(0, true) } : undefined;
}

// RLIM_INFINITY is 2^64-1; the kernel bounds RLIMIT_NOFILE by fs.nr_open (at most 2^31-64), so the
// value can be met only where somebody raised neither. 2^53-1 stands for it in numbers.
const limits = new Block(32);

export function nofile(): ResourceLimit {
  syscall(SYS.prlimit64, 0, RLIMIT_NOFILE, 0, limits.address);
  return { soft: limitAt(0), hard: limitAt(8) };
}

function limitAt(offset: number): number {
  return Math.min(Number(limits.view.getBigUint64(offset, true)), Number.MAX_SAFE_INTEGER);
}

export function setNofile(limit: ResourceLimit): number {
  limits.view.setBigUint64(16, BigInt(limit.soft), true);
  limits.view.setBigUint64(24, BigInt(limit.hard), true);
  return syscall(SYS.prlimit64, 0, RLIMIT_NOFILE, limits.address + 16, 0);
}

export function setSubreaper(): number {
  return syscall(SYS.prctl, PR_SET_CHILD_SUBREAPER, 1);
}

export function processGroup(pid: number): number {
  return syscall(SYS.getpgid, pid);
}

/** exit_group(2): ends the process at once, without Bun's own clean-up, which needs its event loop. */
export function exitNow(code: number): never {
  for (;;) syscall(SYS.exit_group, code);
}
