// The pure half of supervision: what happened in, what to do out. No kernel, no clock, no output.

import { SI_KERNEL, SIGCHLD, SIGPIPE, SIGXFSZ } from "../sys/constants.ts";
import type { ChildEnd, ReceivedSignal } from "../sys/kernel.ts";

export interface State {
  /** fdinit's own pid, to know its own signals by. */
  readonly self: number;
  /** The service whose end ends the container. */
  readonly essential: { readonly pid: number; readonly service: string };
}

export type Event =
  | { readonly type: "signal"; readonly received: ReceivedSignal; readonly sharesProcessGroup: boolean }
  | { readonly type: "childEnded"; readonly ended: ChildEnd };

export type Action =
  | { readonly do: "send"; readonly pid: number; readonly signal: number; readonly value?: bigint }
  | { readonly do: "exit"; readonly code: number };

/** What an event leads to. The state of one service never changes; that of several will. */
export function next(state: State, event: Event): Action[] {
  switch (event.type) {
    case "childEnded":
      return event.ended.pid === state.essential.pid
        ? [{ do: "exit", code: exitCode(event.ended.status) }]
        : [];
    case "signal":
      return forwards(state, event.received, event.sharesProcessGroup) ? [send(state, event.received)] : [];
  }
}

/** wait(2)'s status as a shell says it: the exit status, or 128 + n after signal n. */
export function exitCode(status: number): number {
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}

function forwards(state: State, { signal, code, pid }: ReceivedSignal, sharesProcessGroup: boolean): boolean {
  if (signal === SIGCHLD) return false;
  // Of fdinit's own making: a write to a broken standard error, or to a file at its size limit.
  if ((signal === SIGPIPE || signal === SIGXFSZ) && pid === state.self) return false;
  // A terminal's signal goes to the whole foreground process group: the program already has it.
  return !(code === SI_KERNEL && sharesProcessGroup);
}

function send(state: State, { signal, value }: ReceivedSignal): Action {
  const { pid } = state.essential;
  return value === undefined ? { do: "send", pid, signal } : { do: "send", pid, signal, value };
}
