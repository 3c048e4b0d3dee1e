// How a child comes to be in the static executable: always by the host's list of system calls. It has one thread and
// handles no signal, so that a plain program wants nothing but its mask set.

import { SIG_SETMASK } from "../../constants.ts";
import type { SignalSet } from "../../kernel.ts";
import { Block, SYS, setInteger } from "../../libc.ts";
import { SIGSET_SIZE } from "../../signals.ts";
import type { Image } from "../image.ts";

// Two records of ../../child.ts, and behind them the status and the mask.
const RECORD_SIZE = 64;
const STATUS = 2 * RECORD_SIZE;
const MASK = STATUS + 16;

/** Starts a program of which nothing but its mask is asked: its pid, or a negated errno. */
export function spawnPlain(image: Image, mask: SignalSet): number {
  const { address, bytes, view } = new Block(MASK + SIGSET_SIZE);
  bytes.set(mask, MASK);
  setInteger(view, 0, SYS.rt_sigprocmask);
  setInteger(view, 8, SIG_SETMASK);
  setInteger(view, 16, address + MASK);
  setInteger(view, 32, SIGSET_SIZE);
  setInteger(view, RECORD_SIZE, SYS.execve);
  setInteger(view, RECORD_SIZE + 8, image.path);
  setInteger(view, RECORD_SIZE + 16, image.argv);
  setInteger(view, RECORD_SIZE + 24, image.envp);
  const pid = host.carryOut(address, address + STATUS);
  if (pid < 0) return pid;
  const failed = view.getInt32(STATUS, true);
  if (failed === 0) return pid;
  // It has ended already, and its status says nothing more.
  host.syscall(SYS.wait4, pid, 0, 0, 0);
  return failed;
}

/** Carries the records out in a new child: clone(2)'s result. Two 64-bit integers at `status` say what failed. */
export const carryOut: (records: number, status: number) => number = host.carryOut;
