// The answers of the control socket about the services: the types of its JSON documents, which `fdinit status --json` prints. Types
// only. A field is added without a new version; one that is there keeps its meaning.

import type { Phase } from "../machine/events.ts";

/** Of requests and replies. */
export type ControlVersion = 1;

export interface LastExit {
  /** 128 + n for signal n. */
  readonly code: number;
  readonly signal?: number;
  /** RFC 3339. */
  readonly at: string;
}

/** A descriptor that the service was given: its number, or the variable that holds the number. */
export interface GivenDescriptor {
  readonly name: string;
  readonly as: number | string;
}

export interface ServiceReport {
  readonly name: string;
  readonly type: "service" | "oneshot";
  readonly essential: boolean;
  readonly state: Phase;
  /** Of the main process, while it runs. */
  readonly pid?: number;
  /** Since the last start, while it runs. */
  readonly uptimeMs?: number;
  /** How often it was started again, by itself or by a request. */
  readonly restarts: number;
  /** Absent: nothing tells when it is ready; it counts as ready when it has started. */
  readonly ready?: boolean;
  /** STATUS of sd_notify(3), at most 1,024 characters. */
  readonly statusText?: string;
  readonly descriptors: readonly GivenDescriptor[];
  readonly lastExit?: LastExit;
}

export interface StatusReport {
  readonly version: ControlVersion;
  /** Since fdinit started. */
  readonly uptimeMs: number;
  readonly healthy: boolean;
  /** Why it is not healthy; empty when it is. */
  readonly why: readonly string[];
  /** Absent: no shutdown has begun. `since` is RFC 3339. */
  readonly shutdown?: { readonly since: string };
  /** In the policy's order. */
  readonly services: readonly ServiceReport[];
}

export interface Health {
  readonly healthy: boolean;
  readonly why: readonly string[];
}
