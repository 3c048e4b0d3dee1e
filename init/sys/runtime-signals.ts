// The signals that Bun's helper threads leave unblocked, whatever the mask they inherit: faults and
// SIGPWR, which the JavaScript engine handles itself. Sent to the process, one of these may be given
// to such a thread, and Bun's own handler would crash on it. In its place stands a handler that hands
// the signal on to the main thread, where it is blocked and waits for the signalfd.
//
// musl's posix_spawn unblocks one more: it puts back the mask it found without the three signals musl
// has for itself, and the third of them, 34, is everybody's SIGRTMIN. The same remedy, and the mask is set
// again after each spawn (linux.ts).
//
// The handler is machine code because nothing of JavaScript can run in a signal handler or in another
// thread. Where no executable page can be had, Bun's handlers stay: docs/signals.md.

import {
  SIG_IGN,
  SIGABRT,
  SIGBUS,
  SIGFPE,
  SIGILL,
  SIGPIPE,
  SIGPWR,
  SIGSEGV,
  SIGSYS,
  SIGTRAP,
  SIGXFSZ,
} from "./constants.ts";
import { Block, blockAndPassOn, libc, passToMainThread, RESTORER, SYS, setInteger, syscall } from "./libc.ts";
import { executablePage } from "./machine-code.ts";
import { defaultedInPrograms, SIGSET_SIZE } from "./signals.ts";

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

/** What a program's dispositions are made of: the rest it inherits. */
export interface ProgramDispositions {
  readonly defaulted: readonly number[];
  /** fdinit handles these itself, and the launcher ignored them. */
  readonly ignored: readonly number[];
}

/** Where Bun has been at them (unhardened), nobody knows what they were. */
let dispositions: ProgramDispositions = {
  defaulted: [...defaultedInPrograms, SIGPIPE, SIGXFSZ, ...LEFT_UNBLOCKED],
  ignored: [],
};

export function programDispositions(): ProgramDispositions {
  return dispositions;
}

/** musl's SIGSYNCCALL, 34 in its threads and SIGRTMIN to everybody else. */
const UNBLOCKED_BY_MUSL = 34;
const SA_RESTORER = 0x04000000;
// The second handler's place in the page, and its restorer's.
const SECOND = 256;
const THIRD = 512;

/** Replaces Bun's handlers. False when the kernel or a security module grants no executable page. */
export function takeOverRuntimeSignals(): boolean {
  const pid = syscall(SYS.getpid);
  const page = executablePage([
    { at: 0, code: passToMainThread(pid, EXIT_SOFTWARE) },
    { at: SECOND, code: blockAndPassOn(pid, UNBLOCKED_BY_MUSL) },
    ...(RESTORER ? [{ at: THIRD, code: RESTORER }] : []),
  ]);
  if (page === undefined) return false;
  const action = new Block(SIGACTION_SIZE);
  setInteger(action.view, 0, page);
  action.view.setInt32(FLAGS_OFFSET, SA_SIGINFO | SA_ONSTACK | SA_RESTART, true);
  const before = new Block(SIGACTION_SIZE);
  const ignored: number[] = [];
  let isHandled = false;
  for (const signal of LEFT_UNBLOCKED) {
    libc.sigaction(signal, action.address, before.address);
    const handler = before.view.getUint32(0, true) + before.view.getUint32(4, true);
    if (handler === SIG_IGN) ignored.push(signal);
    else if (handler !== 0) isHandled = true;
  }
  // Somebody handles faults: an unhardened Bun, which ignores SIGPIPE and SIGXFSZ besides.
  if (!isHandled) dispositions = { defaulted: defaultedInPrograms, ignored };
  catchUnblockedByMusl(page + SECOND, page + THIRD);
  return true;
}

/** By the system call, because musl's sigaction refuses its own signals. Whoever ignores it goes on ignoring it. */
function catchUnblockedByMusl(handler: number, restorer: number): void {
  // The kernel's struct: { void *handler; unsigned long flags; [x86: void *restorer;] sigset_t mask; }
  const action = new Block(64);
  syscall(SYS.rt_sigaction, UNBLOCKED_BY_MUSL, 0, action.address, SIGSET_SIZE);
  if (action.view.getUint32(0, true) === SIG_IGN && action.view.getUint32(4, true) === 0) return;
  action.bytes.fill(0);
  setInteger(action.view, 0, handler);
  setInteger(action.view, 8, SA_SIGINFO | SA_RESTART | (RESTORER ? SA_RESTORER : 0));
  if (RESTORER) setInteger(action.view, 16, restorer);
  syscall(SYS.rt_sigaction, UNBLOCKED_BY_MUSL, action.address, 0, SIGSET_SIZE);
}
