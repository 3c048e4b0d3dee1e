// The calls of fdinit about its own process besides supervision: told by a signal of its parent's
// death, away from the working directory it was started in. Few runs ask for any of it.

import { PR_GET_CHILD_SUBREAPER, PR_SET_PDEATHSIG } from "../libc/constants.ts";
import { Block, cString, SYS, syscall } from "../libc/libc.ts";

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

/** fdinit's process group has nobody in the session above it who could continue it once it is stopped. */
export function isOrphaned(): boolean {
  const parent = syscall(SYS.getppid);
  return parent === 0 || syscall(SYS.getsid, parent) !== syscall(SYS.getsid, 0);
}
