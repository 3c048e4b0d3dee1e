// Whether this process has a second thread, which the kernel could hand a signal that the wait
// loop is to read.
//
// The masks of other threads prove nothing: pthread_create starts a thread with everything blocked
// and lets it take its creator's mask a moment later, so a look may come too early. A thread made
// after fdinit blocked its signals inherits that; one made before has to be got rid of.

import { CLONE_THREAD } from "../../libc/constants.ts";
import { EINVAL } from "../../libc/errno.ts";
import { SYS, syscall } from "../../libc/libc.ts";
import { statusOfPath } from "../../paths/status.ts";
import { bytesOf } from "../../text/bytes.ts";

/** Of a directory of procfs: itself, its parent's entry, and one for each thread. */
const LINKS_OF_ONE_THREAD = 3;

/**
 * True when there is no other thread: unshare(2) of CLONE_THREAD does nothing then, and fails with EINVAL in a
 * process that has more. Where seccomp forbids it, as in Docker, the links of /proc/self/task tell (a stat instead of a
 * listing: every start asks). Without that too the answer is yes: with the bytecode build no second thread exists this early.
 */
export function isOnlyThread(): boolean {
  const unshared = syscall(SYS.unshare, CLONE_THREAD);
  if (unshared === 0 || unshared === -EINVAL) return unshared === 0;
  const tasks = statusOfPath(bytesOf("/proc/self/task"));
  return tasks === undefined || tasks.links === LINKS_OF_ONE_THREAD;
}
