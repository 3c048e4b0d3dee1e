// Processes: reaping, limits, groups, the subreaper flag, and the last call of all.

import { PR_SET_CHILD_SUBREAPER, RLIMIT_NOFILE, WNOHANG } from "./constants.ts";
import type { ChildEnd, ResourceLimit } from "./kernel.ts";
import { Block, SYS, setInteger, syscall } from "./libc.ts";

const status = new Block(4);

export function reap(): ChildEnd | undefined {
  const pid = syscall(SYS.wait4, -1, status.address, WNOHANG, 0);
  return pid > 0 ? { pid, status: status.view.getInt32(0, true) } : undefined;
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
