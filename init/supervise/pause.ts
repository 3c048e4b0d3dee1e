// A pod's pause process: runs no program, holds the namespaces, and reaps the orphans that become its children, until a
// signal ends it. Keeps no descriptor open and no directory busy.

import type { Kernel } from "../sys/kernel.ts";

const FIRST_BEYOND_STANDARD = 3;
const LAST_FD = 0x7fffffff;

/** Waits until one of `ends` comes; answers the exit code, 0. */
export function pause(kernel: Kernel, signalFd: number, ends: readonly number[]): number {
  if (kernel.pid !== 1) kernel.setSubreaper();
  kernel.changeDirectory("/");
  if (signalFd > FIRST_BEYOND_STANDARD) kernel.closeRange(FIRST_BEYOND_STANDARD, signalFd - 1, 0);
  kernel.closeRange(signalFd + 1, LAST_FD, 0);
  for (;;) {
    for (const { signal } of kernel.takeSignals(signalFd)) if (ends.includes(signal)) return 0;
    if (reapSome(kernel)) kernel.waitReadable([signalFd]);
  }
}

/** A stream of orphans must not hold up the signal that ends it. */
const MOST_REAPED = 64;

/** False when there may be more. */
function reapSome(kernel: Kernel): boolean {
  for (let taken = 0; taken < MOST_REAPED; taken++) if (typeof kernel.reap() !== "object") return true;
  return false;
}
