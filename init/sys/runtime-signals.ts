// The signals that Bun's helper threads leave unblocked, whatever the mask they inherit: faults and
// SIGPWR, which the JavaScript engine handles itself. Sent to the process, one of these may be given
// to such a thread, and Bun's own handler would crash on it. In its place stands a handler that hands
// the signal on to the main thread, where it is blocked and waits for the signalfd.
//
// The handler is machine code because nothing of JavaScript can run in a signal handler or in another
// thread. Where no executable page can be had, Bun's handlers stay: docs/signals.md.

import { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGPWR, SIGSEGV, SIGSYS, SIGTRAP } from "./constants.ts";
import { Block, libc, passToMainThread, SYS, setInteger, syscall } from "./libc.ts";
import { executablePage } from "./machine-code.ts";

export const LEFT_UNBLOCKED = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGPWR, SIGSYS];

/** The exit code when a thread of fdinit itself runs into a fault: "fdinit itself failed". */
const EXIT_SOFTWARE = 70;

// <signal.h>: the same struct sigaction in glibc and musl, on both architectures:
// { void *handler; sigset_t mask (128 bytes); int flags; void (*restorer)(void); }
const SA_SIGINFO = 4;
const SA_ONSTACK = 0x08000000;
const SA_RESTART = 0x10000000;
const SIGACTION_SIZE = 152;
const FLAGS_OFFSET = 136;

/** Replaces Bun's handlers. False when the kernel or a security module grants no executable page. */
export function takeOverRuntimeSignals(): boolean {
  const page = executablePage(passToMainThread(syscall(SYS.getpid), EXIT_SOFTWARE));
  if (page === undefined) return false;
  const action = new Block(SIGACTION_SIZE);
  setInteger(action.view, 0, page);
  action.view.setInt32(FLAGS_OFFSET, SA_SIGINFO | SA_ONSTACK | SA_RESTART, true);
  for (const signal of LEFT_UNBLOCKED) libc.sigaction(signal, action.address, 0);
  return true;
}
