// The signals that Bun's helper threads leave unblocked, whatever the mask they inherit: faults and
// SIGPWR, which the JavaScript engine handles itself. Sent to the process, one of these may be given
// to such a thread, and Bun's own handler would crash on it. In its place stands a handler that hands
// the signal on to the main thread, where it is blocked and waits for the signalfd.
//
// musl's posix_spawn unblocks one more: it puts back the mask it found without the three signals musl
// has for itself, and the third of them, 34, is everybody's SIGRTMIN. The same remedy, and the mask is set
// again after each spawn (child.ts).
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
} from "../../libc/constants.ts";
import { Block, keepAlive, SYS, setInteger, syscall } from "../../libc/libc.ts";
import { defaultedInPrograms, SIGSET_SIZE } from "../../signals/signals.ts";
import type { ProgramDispositions } from "../image.ts";
import { blockAndPassOn, passToMainThread, RESTORER } from "./abi/this-machine.ts";
import { executablePage } from "./machine-code.ts";

export const LEFT_UNBLOCKED = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGPWR, SIGSYS];

/** The exit code when a thread of fdinit itself runs into a fault: "fdinit itself failed". */
const EXIT_SOFTWARE = 70;

// <asm/signal.h>: { void *handler; unsigned long flags; void (*restorer)(void); sigset_t mask; } on both architectures
const SIGACTION_SIZE = 32;
const SA_SIGINFO = 4;
const SA_ONSTACK = 0x08000000;
const SA_RESTART = 0x10000000;
const SA_RESTORER = 0x04000000;

/**
 * An unhardened executable's Bun has changed the dispositions before fdinit runs, and the kernel does not keep the
 * earlier ones. So the program gets the default for each signal that Bun changes.
 */
let dispositions: ProgramDispositions = {
  defaulted: [...defaultedInPrograms, SIGPIPE, SIGXFSZ, ...LEFT_UNBLOCKED],
  ignored: [],
};

/**
 * The signals that the program has at their default, and those it ignores. Signals that fdinit handles are set to their
 * default explicitly, because musl's posix_spawn does not see handlers that were set by the bare system call. fdinit
 * has handlers of its own for the signals that it hands on as ignored.
 */
export function programDispositions(): ProgramDispositions {
  return dispositions;
}

/** musl's SIGSYNCCALL, 34 in its threads and SIGRTMIN to everybody else. */
const UNBLOCKED_BY_MUSL = 34;
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
  // By the system call: musl's sigaction refuses the last one, and each function of libc's costs a start its time.
  const actions = new Block(2 * SIGACTION_SIZE);
  const { address, view } = actions;
  const before = address + SIGACTION_SIZE;
  const restored = RESTORER ? SA_RESTORER : 0;
  if (RESTORER) setInteger(view, 16, page + THIRD);
  setInteger(view, 0, page);
  setInteger(view, 8, SA_SIGINFO | SA_ONSTACK | SA_RESTART | restored);
  const ignored: number[] = [];
  let isHandled = false;
  for (const signal of LEFT_UNBLOCKED) {
    syscall(SYS.rt_sigaction, signal, address, before, SIGSET_SIZE);
    const handler = handlerAt(view, SIGACTION_SIZE);
    if (handler === SIG_IGN) ignored.push(signal);
    else if (handler !== 0) isHandled = true;
  }
  const defaulted = [...defaultedInPrograms, ...LEFT_UNBLOCKED];
  // A launcher that ignored this signal has the program ignore it too.
  syscall(SYS.rt_sigaction, UNBLOCKED_BY_MUSL, 0, before, SIGSET_SIZE);
  if (handlerAt(view, SIGACTION_SIZE) !== SIG_IGN) {
    setInteger(view, 0, page + SECOND);
    setInteger(view, 8, SA_SIGINFO | SA_RESTART | restored);
    syscall(SYS.rt_sigaction, UNBLOCKED_BY_MUSL, address, 0, SIGSET_SIZE);
    defaulted.push(UNBLOCKED_BY_MUSL);
  }
  // Handlers for faults exist: this is an unhardened Bun, which ignores SIGPIPE and SIGXFSZ as well.
  if (!isHandled) dispositions = { defaulted, ignored };
  keepAlive(actions);
  return true;
}

/** Only SIG_DFL and SIG_IGN are told from everything else. */
function handlerAt(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true);
}
