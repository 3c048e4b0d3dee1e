// The types of supervising several services: what can happen (ServiceEvent), and what is known of one service
// (ServiceState). Types only; next() of state.ts leads from one to the other. Times are milliseconds of one monotonic
// clock. docs/services.md has the table of states and events.

import type { ReceivedSignal } from "../../sys/kernel.ts";

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

/** Why fdinit asked a service to end. */
export type StopReason = "shutdown" | "request" | "restart" | "notReady" | "watchdog";

export interface ServiceState {
  readonly phase: Phase;
  /** Of the main process, while it runs. */
  readonly pid?: number;
  readonly startedAt?: number;
  readonly readyAt?: number;
  /** Until then it has to be ready, or it is stopped. */
  readonly readyBy?: number;
  /** Until then a WATCHDOG=1 has to come. */
  readonly watchdogAt?: number;
  readonly stop?: {
    readonly why: StopReason;
    /** The step of the service's stop that was last taken. */
    readonly step: number;
    /** When the next one is due; undefined: the last step waits for as long as it takes. */
    readonly nextAt?: number;
  };
  readonly restartAt?: number;
  readonly backoffMs: number;
  /** When the service was started again by itself, within the limit's time. */
  readonly times: readonly number[];
  /** How often it was started, the first time included. */
  readonly starts: number;
  /** The exit code of its last end. */
  readonly code?: number;
  /** A request of the control socket stopped it: it is started again only by a request. */
  readonly isDown?: boolean;
  readonly isStopped?: boolean;
}

/** What the control socket may ask of one service. */
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
