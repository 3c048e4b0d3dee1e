// The requests of the rooms above about signals: to wait for them, to take them and to send them; and the
// plain data that passes between them. No code that runs.

import type { ProcessFacts } from "../processes/kernel.ts";

/** A 64-bit kernel signal set, opaque: eight bytes, bit n-1 for signal n. */
export type SignalSet = Uint8Array;

/** One signal as signalfd(2) delivers it. */
export interface ReceivedSignal {
  readonly signal: number;
  /** `si_code`: SI_KERNEL when a terminal sent it, SI_QUEUE when sigqueue(3) did. */
  readonly code: number;
  /** The sender, 0 when it is outside the PID namespace or the kernel itself. */
  readonly pid: number;
  /** The `siginfo_t` to hand on when the sender gave a value with sigqueue(3), else undefined. */
  readonly value?: bigint;
}

/** The process that a signal is passed on to, and as which signal. */
export interface SignalRoute {
  readonly pid: number;
  readonly signal: number;
}

export interface SignalCalls {
  /**
   * Blocks until a signal comes and takes it. One that has a route, by its number, and that a process other than `self` sent by
   * kill(2), is passed on at once, and the wait goes on, for a bounded number of them. Undefined when so many
   * were passed on, or when the wait was interrupted.
   */
  waitForSignal(routes: readonly (SignalRoute | undefined)[], self: number): ReceivedSignal | undefined;
  /** Takes some of what waits on a signalfd, without blocking; there may be more. */
  takeSignals(signalFd: number): ReceivedSignal[];
  kill(pid: number, signal: number): number;
  /** rt_sigqueueinfo(2): the signal with the value its sender gave; without it where the kernel has no room for one. */
  queue(pid: number, signal: number, value: bigint): number;
  /** The signal to exactly the process that was seen, by a pidfd; -ESRCH when it is gone. */
  signalProcess(process: ProcessFacts, signal: number): number;
}
