// The first module evaluated: blocks every signal before any other code runs, then makes
// sure that no other thread can take one away. Signals before this point meet the kernel's defaults: docs/signals.md.
// Nothing but sys/ may be imported from here, or its top level would run first.

import { blockSignals } from "./engine/process.ts";
import type { SignalSet } from "./signals/kernel.ts";

/** The signal mask fdinit was started with, to be given to the programs it starts. */
export const originalMask: SignalSet = blockSignals();
