// The loop of several services waits on watchers besides signals: each names descriptors and a time, and is called when
// one of them is due. Types only.

import type { Watched } from "../../sys/kernel.ts";

/** Readiness checks, the notification socket, log pipes, the control socket, keep-alive tokens. None of them ever waits by itself. */
export interface Watcher {
  /** The descriptors that ppoll(2) waits for. Asked before each wait. */
  watched(): readonly Watched[];
  /** A descriptor of watched() is ready or hung up. Takes a bounded amount: the loop comes back for more. */
  ready(fd: number, now: number): void;
  /** The moment (of Kernel.now) at which time() is due; undefined: never. */
  deadline(): number | undefined;
  time(now: number): void;
}
