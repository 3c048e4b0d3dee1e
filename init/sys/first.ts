// The first module evaluated: blocks every signal before any other code runs, then makes
// sure that no other thread can take one away. What arrives before this point meets the kernel's defaults: docs/signals.md.
// Nothing but sys/ may be imported from here, or its top level would run first.

import { SIG_DFL, SIGCHLD } from "./constants.ts";
import { probeCloseRange } from "./descriptors.ts";
import type { SignalSet } from "./kernel.ts";
import { probeOpenat2 } from "./paths.ts";
import { maskBeforeReexec, reexec } from "./reexec.ts";
import { takeOverRuntimeSignals } from "./runtime-signals.ts";
import { everySignal, setDisposition, setMask } from "./signals.ts";
import { isOnlyThread } from "./threads.ts";

/** The signal mask fdinit was started with, to be given to the programs it starts. */
export const originalMask: SignalSet = blockSignals();

function blockSignals(): SignalSet {
  // First, because a blocked SIGSYS would end the process where a seccomp filter traps close_range.
  takeOverRuntimeSignals();
  probeCloseRange();
  probeOpenat2();
  const before = setMask(everySignal.bytes);
  const restarted = maskBeforeReexec();
  // While SIGCHLD is ignored the kernel reaps by itself and no exit status can be had.
  setDisposition(SIGCHLD, SIG_DFL);
  // In a second start every thread has inherited the mask.
  if (!restarted && !isOnlyThread()) reexec(before);
  return restarted ?? before;
}
