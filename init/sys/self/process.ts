// fdinit's own process, as every start asks about it: its pid, the clock, the subreaper flag, its terminal, and the last call of all.

import { CLOCK_MONOTONIC, PR_SET_CHILD_SUBREAPER, TIOCGPGRP } from "../libc/constants.ts";
import { Block, SYS, syscall } from "../libc/libc.ts";

const clock = new Block(16);

export function now(): number {
  syscall(SYS.clock_gettime, CLOCK_MONOTONIC, clock.address);
  const seconds = clock.view.getUint32(0, true) + clock.view.getUint32(4, true) * 2 ** 32;
  return seconds * 1000 + clock.view.getUint32(8, true) / 1_000_000;
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

/** exit_group(2): ends the process at once, without Bun's own clean-up, which needs its event loop. */
export function exitNow(code: number): never {
  for (;;) syscall(SYS.exit_group, code);
}
