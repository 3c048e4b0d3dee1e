// Settings of fdinit's own process for which few runs ask: a signal when its parent dies (PR_SET_PDEATHSIG), leaving the working
// directory it was started in, letting go of a child that it traces, whether its process group is orphaned.

import { PR_GET_CHILD_SUBREAPER, PR_SET_PDEATHSIG, PTRACE_DETACH } from "./constants.ts";
import { Block, cString, SYS, syscall } from "./libc.ts";

export function isSubreaper(): boolean {
  const flag = new Block(4);
  return syscall(SYS.prctl, PR_GET_CHILD_SUBREAPER, flag.address) === 0 && flag.view.getInt32(0, true) === 1;
}

export function setParentDeathSignal(signal: number): number {
  return syscall(SYS.prctl, PR_SET_PDEATHSIG, signal);
}

export function changeDirectory(path: string): number {
  const name = cString(path);
  return syscall(SYS.chdir, name.address);
}

/** Lets a child go that only this process traces (PTRACE_TRACEME), with the signal it stopped at; false when it is not traced by us. */
export function detach(pid: number, signal: number): boolean {
  return syscall(SYS.ptrace, PTRACE_DETACH, pid, 0, signal) === 0;
}

/** fdinit's process group is orphaned: no parent of a member, in the same session and another group, could continue it. */
export function isOrphaned(): boolean {
  const parent = syscall(SYS.getppid);
  return parent === 0 || syscall(SYS.getsid, parent) !== syscall(SYS.getsid, 0);
}
