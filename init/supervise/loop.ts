// The one wait loop: wait, decode, next(state, event), act. Blocks in ppoll(2) on the signalfd; no
// timer runs and nothing wakes up while nothing happens. Nothing here may throw: the program runs.

import { SI_KERNEL } from "../sys/constants.ts";
import type { Kernel, ReceivedSignal } from "../sys/kernel.ts";
import { type Action, type Event, next, type State } from "./state.ts";

/** Supervises until the essential service has ended, reaping every child; answers the exit code. */
export function supervise(kernel: Kernel, signalFd: number, essential: State["essential"]): number {
  const state: State = { self: kernel.pid, essential };
  for (;;) {
    // Signals first, so that one sent before the program ended still reaches it.
    for (const received of kernel.takeSignals(signalFd)) {
      handle(kernel, state, {
        type: "signal",
        received,
        sharesProcessGroup: sharesProcessGroup(kernel, state, received),
      });
    }
    const code = reapAll(kernel, state);
    if (code !== undefined) return code;
    kernel.waitReadable([signalFd]);
  }
}

/** Reaps every ended child, whether or not a SIGCHLD is left that says so (they merge); the exit code when that was the end. */
function reapAll(kernel: Kernel, state: State): number | undefined {
  let code: number | undefined;
  for (let ended = kernel.reap(); ended; ended = kernel.reap()) {
    code ??= handle(kernel, state, { type: "childEnded", ended });
  }
  return code;
}

/** Carries out what an event leads to; answers the exit code when that was the last. */
function handle(kernel: Kernel, state: State, event: Event): number | undefined {
  let code: number | undefined;
  for (const action of next(state, event)) code ??= act(kernel, action);
  return code;
}

/** Asked only of a signal that a terminal sent: those alone go to a whole process group. */
function sharesProcessGroup(kernel: Kernel, { essential }: State, { code }: ReceivedSignal): boolean {
  return code === SI_KERNEL && kernel.processGroup(essential.pid) === kernel.processGroup(0);
}

/** Carries out one action; answers the exit code when it was the last. */
function act(kernel: Kernel, action: Action): number | undefined {
  switch (action.do) {
    case "exit":
      return action.code;
    case "send":
      if (action.value === undefined) kernel.kill(action.pid, action.signal);
      else kernel.queue(action.pid, action.signal, action.value);
      return undefined;
  }
}
