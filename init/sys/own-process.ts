// What fdinit does to its own process besides supervising: told by a signal of its parent's death, away from
// the working directory it was started in. Only the drop-ins for other inits ask for it.

import { PR_GET_CHILD_SUBREAPER, PR_SET_PDEATHSIG } from "./constants.ts";
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
