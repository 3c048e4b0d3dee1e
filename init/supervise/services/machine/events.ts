// The types of supervising several services: what can happen (ServiceEvent), and what is known of one service
// (ServiceState). Types only; next() of state.ts leads from one to the other. Times are milliseconds of one monotonic
// clock. docs/services.md has the table of states and events.

import type { ServicesSupervision } from "../../../plan/plan.ts";
import type { ReceivedSignal } from "../../../sys/kernel.ts";
import type { Action, Budget, Ending } from "../../events.ts";

/**
 * waiting: its dependencies have not come far enough. starting: it runs and is not ready. ready: it runs and is ready.
 * stopping: it was asked to end. leaving: its main process has ended, and others of it are left. backoff: it is started
 * again after a pause. completed: a oneshot has ended with code 0. failed: it has ended for good and was not to. stopped:
 * it has ended for good as it was asked to, or as its restart policy has it.
 */
export type Phase =
  | "waiting"
  | "starting"
  | "ready"
  | "stopping"
  | "leaving"
  | "backoff"
  | "completed"
  | "failed"
  | "stopped";

/** Why fdinit asked a service to end; `rest`: its main process has ended by itself, and others of it are asked to. */
export type StopReason = "shutdown" | "request" | "restart" | "notReady" | "watchdog" | "rest";

export interface ServiceState {
  readonly phase: Phase;
  /** Of the main process, while it runs. */
  readonly pid?: number | undefined;
  readonly startedAt?: number;
  readonly readyAt?: number | undefined;
  /** Until then it has to be ready, or it is stopped. */
  readonly readyBy?: number | undefined;
  /** Until then a WATCHDOG=1 has to come. */
  readonly watchdogAt?: number | undefined;
  /** How often it has to come, where WATCHDOG_USEC has changed what the policy says. */
  readonly watchdogMs?: number;
  readonly stop?: Stop | undefined;
  readonly restartAt?: number | undefined;
  readonly backoffMs: number;
  /** When the service was started again by itself, within the limit's time. */
  readonly times: readonly number[];
  /** How often it was started. */
  readonly starts: number;
  /** The exit code of its last end. */
  readonly code?: number | undefined;
  /** wait(2)'s status of its last end, and the moment; absent where no process was made. */
  readonly lastStatus?: number | undefined;
  readonly lastEndAt?: number;
  /** A process of it hangs in the kernel, SIGKILL or not. */
  readonly isStuck?: boolean;
  /** A request stopped it: only a request starts it again. */
  readonly isDown?: boolean;
}

/** A service that fdinit has asked to end, or whose rest it ends. */
export interface Stop {
  readonly why: StopReason;
  /** The step of the service's stop that was last taken. */
  readonly step: number;
  /** The moment of that step. */
  readonly since?: number;
  /** When the next one is due; undefined: the last step waits for as long as it takes. */
  readonly nextAt?: number | undefined;
  /** SIGKILL was sent to all of it. */
  readonly isKilled?: boolean;
}

export interface ServicesState {
  /** fdinit's own pid. */
  readonly self: number;
  readonly supervision: ServicesSupervision;
  readonly services: ReadonlyMap<string, ServiceState>;
  /** Signals that wait for their delay; without a service, one that begins the shutdown. */
  readonly delayed: readonly DelayedServiceSignal[];
  readonly shutdown?: {
    /** The signal that began it; undefined: the end of a service did. */
    readonly signal?: number;
    readonly budget?: Budget;
  };
  /** The exit code, from the moment that it is decided. */
  readonly code?: number;
  /** The first code of a service that failed and was not essential: the code where no essential one ends. */
  readonly failure?: number;
  readonly ending?: Ending;
  /** That all services are ready has been told. */
  readonly isReady: boolean;
}

export interface DelayedServiceSignal {
  readonly at: number;
  readonly since: number;
  readonly signal: number;
  readonly value: bigint | undefined;
  readonly service?: string;
}

/** A request that the control socket may make of one service. */
export type ServiceRequest = "start" | "stop" | "restart" | "reload";

export type ServiceEvent = { readonly now: number } & (
  | { readonly type: "signal"; readonly received: ReceivedSignal }
  | { readonly type: "started"; readonly service: string; readonly pid: number }
  /** A start failed; `code` is the exit code for its reason, 127 for a program that was not found. */
  | {
      readonly type: "startFailed";
      readonly service: string;
      readonly code: number;
      readonly message: string;
    }
  /** Its main process has ended; `leftBehind`: other processes of the service are alive. */
  | {
      readonly type: "ended";
      readonly service: string;
      readonly status: number;
      readonly leftBehind: boolean;
    }
  /** The last process of a service whose main process had ended is gone. */
  | { readonly type: "treeGone"; readonly service: string }
  /** By its check, its notification descriptor or READY=1. */
  | { readonly type: "ready"; readonly service: string }
  /** STOPPING=1 of sd_notify(3): it ends by itself. */
  | { readonly type: "stopping"; readonly service: string }
  /** RELOADING=1 of sd_notify(3): not ready until the next READY=1. */
  | { readonly type: "reloading"; readonly service: string }
  /** WATCHDOG=1, or WATCHDOG=trigger when `isFailure`. */
  | { readonly type: "watchdog"; readonly service: string; readonly isFailure: boolean }
  /** WATCHDOG_USEC: a WATCHDOG=1 has to come within so long from now on, and from each one. */
  | { readonly type: "watchdogPeriod"; readonly service: string; readonly ms: number }
  /** EXTEND_TIMEOUT_USEC: what runs (readiness, a stop) has at least so long from now. */
  | { readonly type: "extend"; readonly service: string; readonly ms: number }
  /** MAINPID, checked to be a process of the service. */
  | { readonly type: "mainPid"; readonly service: string; readonly pid: number }
  | { readonly type: "request"; readonly service: string; readonly request: ServiceRequest }
  /** No change of a child is waiting to be taken. `childrenLeft`: children still exist. */
  | { readonly type: "settled"; readonly childrenLeft: boolean }
  /** The moment of `deadline(state)` has come. */
  | { readonly type: "time" }
);

/** To whom a signal of one service goes: its main process, that one's process group, or every process of the service. */
export type ServiceTarget = "process" | "group" | "all";

export type ServiceAction =
  | Extract<Action, { readonly do: "kill" | "send" | "say" | "exit" | "findHolders" }>
  | { readonly do: "start"; readonly service: string }
  /** A warning that ends with the processes of the service that are left. */
  | { readonly do: "sayLeft"; readonly service: string; readonly message: string }
  | {
      readonly do: "signal";
      readonly service: string;
      readonly to: ServiceTarget;
      readonly signal: number;
      readonly value?: bigint;
    }
  /** Begin or end the service's readiness check. */
  | { readonly do: "beginCheck" | "endCheck"; readonly service: string }
  /** It has ended, and its next start is a new one: what belonged to the start is given up. */
  | { readonly do: "forgetStart"; readonly service: string }
  /** It has ended for good: what PID 1 keeps for it alone is given up. */
  | { readonly do: "giveUp"; readonly service: string }
  /** All services are ready, or the container is stopping: sd_notify(3) to fdinit's own supervisor. */
  | { readonly do: "tellSupervisor"; readonly what: "READY=1" | "STOPPING=1" };

export interface ServicesNext {
  readonly state: ServicesState;
  readonly actions: readonly ServiceAction[];
}
