// The types of supervision: what can happen (Event), what is to be done (Action), and what is known in between
// (State). Types only; next() of state.ts leads from one to the other. Times are milliseconds of one monotonic clock.

import type { Supervision } from "../plan/plan.ts";
import type { ReceivedSignal } from "../sys/kernel.ts";

export interface State {
  /** fdinit's own pid, by which it knows signals that it sent itself. */
  readonly self: number;
  readonly supervision: Supervision;
  /** Undefined between two starts, and after the last. */
  readonly service: RunningService | undefined;
  /** Signals that wait for their delay. */
  readonly delayed: readonly DelayedSignal[];
  readonly restart: {
    /** When the next start is due. */
    readonly at?: number;
    readonly backoffMs: number;
    /** When the service was started again, within the limit's time. */
    readonly times: readonly number[];
    /** The exit code of the service's last end: the container's, if the service is not started again. */
    readonly code: number;
  };
  readonly shutdown?: Shutdown;
  readonly ending?: Ending;
  /** fdinit stopped itself behind a signal of `suspendOn`, and no SIGCONT has come since. */
  readonly isSuspended?: boolean;
}

export interface RunningService {
  readonly pid: number;
  readonly startedAt: number;
  /** The service was seen to stop (SIGSTOP or a terminal). A stopped process handles SIGTERM only after a SIGCONT. */
  readonly isStopped?: true;
}

export interface DelayedSignal {
  readonly at: number;
  /** When the signal came: the shutdown's budget counts from here. */
  readonly since: number;
  readonly signal: number;
  readonly value: bigint | undefined;
}

export interface Ending {
  readonly code: number;
  /** `begun`: fdinit has not asked the kernel yet whether any child is left. */
  readonly phase: "begun" | "waiting" | "terminating" | "killing";
  /** When the next phase begins; in the last phase, when fdinit ends even if processes are left. */
  readonly nextAt?: number;
}

export interface Shutdown {
  /** The step that was last taken. */
  readonly step: number;
  /** When the next one is due; undefined: the last step waits for as long as it takes. */
  readonly nextAt?: number;
  /** Undefined: no bound but the engine's. */
  readonly budget?: Budget;
}

export interface Budget {
  /** From here on only SIGKILL is left. */
  readonly killAt: number;
  /** fdinit ends at this moment at the latest, even if processes are left. */
  readonly endAt: number;
  readonly isUsedUp: boolean;
}

export type Event = { readonly now: number } & (
  | { readonly type: "signal"; readonly received: ReceivedSignal; readonly sharesProcessGroup: boolean }
  | { readonly type: "started"; readonly pid: number }
  /** A start failed; `code` is the exit code for its reason, 127 for a program that was not found. */
  | { readonly type: "startFailed"; readonly code: number; readonly message: string }
  | { readonly type: "serviceEnded"; readonly status: number }
  | { readonly type: "serviceStopped"; readonly signal: number }
  /** No change of a child is waiting to be taken. `childrenLeft`: children still exist. */
  | { readonly type: "settled"; readonly childrenLeft: boolean }
  /** The moment of `deadline(state)` has come. */
  | { readonly type: "time" }
);

export type Target = { readonly process: number } | { readonly group: number } | "all";

export type Action =
  | { readonly do: "send"; readonly to: Target; readonly signal: number; readonly value?: bigint }
  /** A warning that ends with the processes that are left: those that a step of the shutdown has waited for in vain. */
  | { readonly do: "sayLeft"; readonly message: string }
  /** SIGKILL to everything that is left, and a warning that names each. */
  | { readonly do: "kill" }
  | { readonly do: "start" }
  /** Look for who still has the ended service's pipes open: all of them, or only those it was given by the policy. */
  | { readonly do: "findHolders"; readonly only?: "given" }
  /** Give the terminal back and stop, as a shell's job does. */
  | { readonly do: "stopSelf" }
  /** The service gets the terminal again. */
  | { readonly do: "foreground" }
  /** The service stopped because it is not in the terminal's foreground: fdinit lends it the terminal, or stops too. */
  | { readonly do: "lendTerminal" }
  | { readonly do: "say"; readonly level: "warn" | "info"; readonly message: string }
  | { readonly do: "exit"; readonly code: number };

export interface Next<S = State> {
  readonly state: S;
  readonly actions: readonly Action[];
}

/** The part of a state that the end of the container is about: of one service, and of several. */
export interface EndingState {
  readonly self: number;
  readonly supervision: Pick<Supervision, "reaping" | "exitMap">;
  readonly shutdown?: { readonly budget?: Budget };
  readonly ending?: Ending;
  /** The code that is decided before the end begins. */
  readonly code?: number;
}
