// Blocks every signal in a process of Bun's: takes over Bun's handlers, sets the mask, and starts fdinit a second time
// when another thread could take a signal away.

import { probeCloseRange } from "../../descriptors/descriptors.ts";
import { SIG_DFL, SIGCHLD } from "../../libc/constants.ts";
import { probeOpenat2 } from "../../paths/paths.ts";
import type { SignalSet } from "../../signals/kernel.ts";
import { everySignal, setDisposition, setMask } from "../../signals/signals.ts";
import { maskBeforeReexec, reexec } from "./reexec.ts";
import { takeOverRuntimeSignals } from "./runtime-signals.ts";
import { isOnlyThread } from "./threads.ts";

export { environmentIsChanged, programEnvironment } from "./reexec.ts";
export { programDispositions } from "./runtime-signals.ts";

/** Answers the mask that fdinit was started with. */
export function blockSignals(): SignalSet {
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
