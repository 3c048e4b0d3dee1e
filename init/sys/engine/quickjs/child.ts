// Starts a child in the static executable, always by the host's list of system calls. The executable has one thread and
// handles no signal, so the list for a plain program only sets the signal mask.

import { SIG_SETMASK } from "../../libc/constants.ts";
import { Block, SYS, setInteger } from "../../libc/libc.ts";
import type { SignalSet } from "../../signals/kernel.ts";
import { SIGSET_SIZE } from "../../signals/signals.ts";
import type { Image } from "../image.ts";

// Three records of ../../child.ts, and behind them the status and the mask. The first record is optional.
const RECORD_SIZE = 64;
const MASKING = RECORD_SIZE;
const EXECUTING = 2 * RECORD_SIZE;
const STATUS = 3 * RECORD_SIZE;
const MASK = STATUS + 16;

/** Starts a program of which nothing but its mask and maybe a process group of its own is asked: its pid, or a negated errno. */
export function spawnPlain(image: Image, mask: SignalSet, hasOwnGroup: boolean): number {
  const { address, bytes, view } = new Block(MASK + SIGSET_SIZE);
  bytes.set(mask, MASK);
  // setpgid(0, 0)
  setInteger(view, 0, SYS.setpgid);
  setInteger(view, MASKING, SYS.rt_sigprocmask);
  setInteger(view, MASKING + 8, SIG_SETMASK);
  setInteger(view, MASKING + 16, address + MASK);
  setInteger(view, MASKING + 32, SIGSET_SIZE);
  setInteger(view, EXECUTING, SYS.execve);
  setInteger(view, EXECUTING + 8, image.path);
  setInteger(view, EXECUTING + 16, image.argv);
  setInteger(view, EXECUTING + 24, image.envp);
  const pid = host.carryOut(hasOwnGroup ? address : address + MASKING, address + STATUS);
  if (pid < 0) return pid;
  const failed = view.getInt32(STATUS, true);
  if (failed === 0) return pid;
  // The child has ended already, and its status adds nothing.
  host.syscall(SYS.wait4, pid, 0, 0, 0);
  return failed;
}

/** Carries the records out in a new child: clone(2)'s result. Two 64-bit integers at `status` say what failed. */
export const carryOut: (records: number, status: number) => number = host.carryOut;
