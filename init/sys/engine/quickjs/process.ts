// How the static executable comes to have every signal blocked: it has one thread, handles nothing, ignores nothing,
// and the environment is the one it was started with.

import { probeCloseRange } from "../../descriptors/descriptors.ts";
import { SIG_DFL, SIGCHLD } from "../../libc/constants.ts";
import { probeOpenat2 } from "../../paths/paths.ts";
import { environmentStrings } from "../../self/command-line.ts";
import type { SignalSet } from "../../signals/kernel.ts";
import { everySignal, setDisposition, setMask } from "../../signals/signals.ts";
import type { ProgramDispositions } from "../image.ts";
import type {} from "./host.ts";

/** Answers the mask that fdinit was started with. */
export function blockSignals(): SignalSet {
  host.answerTraps(true);
  probeCloseRange();
  probeOpenat2();
  host.answerTraps(false);
  const before = setMask(everySignal.bytes);
  // While SIGCHLD is ignored the kernel reaps by itself and no exit status can be had.
  setDisposition(SIGCHLD, SIG_DFL);
  return before;
}

const UNCHANGED: ProgramDispositions = { defaulted: [], ignored: [] };

export function programDispositions(): ProgramDispositions {
  return UNCHANGED;
}

export function environmentIsChanged(): boolean {
  return false;
}

export function programEnvironment(): readonly number[] {
  return environmentStrings();
}
