// A Kernel that tells what passes through it: how a drop-in says what its original says with -v. Signals come
// one at a time, so that each is told of before anything is done about it. Changes nothing else.

import type { Kernel, ReceivedSignal } from "../../sys/kernel.ts";
import {
  SIGCHLD,
  SIGPIPE,
  SIGSTOP,
  SIGXFSZ,
  STDERR_FILENO,
  STDOUT_FILENO,
} from "../../sys/libc/constants.ts";
import type { Teller, Told } from "./original.ts";

/** Never waits: what standard output or error will not take is lost. */
export function tell(kernel: Kernel, what: string | Told | undefined): void {
  if (what === undefined || what === "") return;
  if (typeof what === "string") kernel.writeNow(STDERR_FILENO, what);
  else if (what.stdout !== "") kernel.writeNow(STDOUT_FILENO, what.stdout);
}

export function tellingKernel(kernel: Kernel, teller: Teller, isProgram: (pid: number) => boolean): Kernel {
  const waiting: ReceivedSignal[] = [];
  let isLooking = false;
  /** A write to a broken standard error makes one of these: telling of it would make the next. */
  const isOwn = ({ signal, pid }: ReceivedSignal) =>
    (signal === SIGPIPE || signal === SIGXFSZ) && pid === kernel.pid;
  const tellOf = (received: ReceivedSignal) => {
    if (received.signal !== SIGCHLD && !isOwn(received)) tell(kernel, teller.received?.(received.signal));
    return received;
  };
  return {
    ...kernel,
    waitForSignal() {
      // Without routes: nothing is passed on before it is told of.
      const received = waiting.shift() ?? kernel.waitForSignal([], kernel.pid);
      return received && tellOf(received);
    },
    takeSignals(signalFd) {
      if (waiting.length === 0) waiting.push(...kernel.takeSignals(signalFd));
      const received = waiting.shift();
      return received ? [tellOf(received)] : [];
    },
    waitReadable: (fds, timeoutMs) => (waiting.length > 0 ? fds : kernel.waitReadable(fds, timeoutMs)),
    kill(pid, signal) {
      if (pid === kernel.pid && signal === SIGSTOP) tell(kernel, teller.suspending?.());
      const result = kernel.kill(pid, signal);
      if (pid !== kernel.pid) tell(kernel, teller.sent?.(signal));
      return result;
    },
    signalProcess(process, signal) {
      const result = kernel.signalProcess(process, signal);
      tell(kernel, teller.sent?.(signal));
      return result;
    },
    queue(pid, signal, value) {
      const result = kernel.queue(pid, signal, value);
      tell(kernel, teller.sent?.(signal));
      return result;
    },
    reap() {
      const changed = kernel.reap();
      if (typeof changed !== "object") {
        isLooking = false;
        return changed;
      }
      if (!isLooking) tell(kernel, teller.childrenChanged?.());
      isLooking = true;
      const isStopped = (changed.status & 0xff) === 0x7f;
      if (!isStopped) tell(kernel, teller.reaped?.(changed, isProgram(changed.pid)));
      return changed;
    },
  };
}
