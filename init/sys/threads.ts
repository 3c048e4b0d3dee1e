// Whether this process has a second thread, which the kernel could hand a signal that the wait
// loop is to read.
//
// The masks of other threads prove nothing: pthread_create starts a thread with everything blocked
// and lets it take its creator's mask a moment later, so a look may come too early. A thread made
// after fdinit blocked its signals inherits that; one made before has to be got rid of.

import { CLONE_THREAD, PROC_SUPER_MAGIC } from "./constants.ts";
import { EINVAL } from "./errno.ts";
import { listNumbers } from "./files.ts";
import { cString, SYS, syscall } from "./libc.ts";

const PROC_SELF_TASK = cString("/proc/self/task");

/**
 * True when there is no other thread. Without /proc, unshare(2) of CLONE_THREAD tells: it does
 * nothing in a single-threaded process and fails with EINVAL in any other. Where seccomp forbids
 * that too, the answer is yes: with the bytecode build no second thread exists this early.
 */
export function isOnlyThread(): boolean {
  const threads = listNumbers(PROC_SELF_TASK, PROC_SUPER_MAGIC, false);
  return threads ? threads.length === 1 : syscall(SYS.unshare, CLONE_THREAD) !== -EINVAL;
}
