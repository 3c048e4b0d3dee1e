// Sends signals: to the service, to its process group, or to every process below fdinit. A failure of kill(2) is said, once
// for each errno. state.ts decides which signal goes to whom, and when.

import type { Supervision } from "../plan/plan.ts";
import { SIGKILL } from "../sys/libc/constants.ts";
import { ESRCH, errnoText } from "../sys/libc/errno.ts";
import { signalName } from "../sys/signals/signal-names.ts";
import type { Target } from "./events.ts";
import type { Observer } from "./observer.ts";
import type { Surroundings } from "./surroundings.ts";
import { descendantsOrNone, firstDescendants, inWords, nameOf } from "./tree.ts";

/** Of one service or of several: its name is that of whom a signal could not be sent to. */
interface Sending extends Pick<Surroundings, "kernel" | "say"> {
  readonly supervision: Pick<Supervision, "service" | "hasOwnGroup">;
}

export class Sender {
  private readonly surroundings: Sending;
  private readonly told = new Set<number>();
  private hasKilledAll = false;

  constructor(surroundings: Sending) {
    this.surroundings = surroundings;
  }

  /** `service`: the running service's pid, for where /proc does not say who there is. */
  send(to: Target, signal: number, value: bigint | undefined, service: number | undefined): void {
    const { kernel } = this.surroundings;
    if (to === "all") this.sendToAll(signal, service);
    else if ("group" in to) this.check(kernel.kill(-to.group, signal), signal);
    else if (value === undefined) this.check(kernel.kill(to.process, signal), signal);
    else this.check(kernel.queue(to.process, signal, value), signal);
  }

  /**
   * Sends SIGKILL to everything that is left, and then names it. With thousands of processes left, PID 1 sends SIGKILL
   * to the service alone and answers true: their dying would take the CPU from fdinit for seconds. fdinit then ends as
   * soon as the service has ended, and the kernel kills the rest (pid_namespaces(7)).
   */
  killAll(service: number | undefined, observer: Observer | undefined): boolean {
    const { kernel, say } = this.surroundings;
    const isPid1 = kernel.pid === 1;
    // A second SIGKILL is for processes born since the first, which has named those that were there.
    const isNamed = isPid1 && this.hasKilledAll;
    const { known, more } = isNamed ? { known: undefined, more: 0 } : firstDescendants(kernel);
    const left = known ?? [];
    if (more > 0) {
      if (service !== undefined) this.check(kernel.kill(service, SIGKILL), SIGKILL);
    } else if (isPid1) this.check(kernel.kill(-1, SIGKILL), SIGKILL);
    else this.sendToEach(known, SIGKILL, service);
    this.hasKilledAll ||= isPid1;
    observer?.killed(left, more, isPid1);
    // Named by the kernel's names: a dead process has no command line.
    if (left.length + more > 0) say("warn", `SIGKILL to what is left: ${inWords(left, nameOf, more)}`);
    return more > 0;
  }

  /** Says a failure that is not only "no such process". */
  check(result: number, signal: number): void {
    if (result >= 0 || result === -ESRCH || this.told.has(result)) return;
    this.told.add(result);
    const { say, supervision } = this.surroundings;
    const what = `cannot send ${signalName(signal)} to ${supervision.service} (kill): ${errnoText(-result)}`;
    say("error", `${what}; what else fails for this reason is not said`);
  }

  private sendToAll(signal: number, service: number | undefined): void {
    const { kernel } = this.surroundings;
    // As PID 1, every process of the namespace; the kernel leaves the caller out.
    if (kernel.pid === 1) this.check(kernel.kill(-1, signal), signal);
    else this.sendToEach(descendantsOrNone(kernel), signal, service);
  }

  private sendToEach(
    processes: ReturnType<typeof descendantsOrNone>,
    signal: number,
    service: number | undefined,
  ): void {
    const { kernel, supervision } = this.surroundings;
    for (const process of processes ?? []) this.check(kernel.signalProcess(process, signal), signal);
    if (service === undefined) return;
    // Without /proc fdinit cannot list its descendants. It reaches those that stayed in the service's process group.
    if (!processes) this.check(kernel.kill(supervision.hasOwnGroup ? -service : service, signal), signal);
    else if (signal === SIGKILL) this.check(kernel.kill(service, signal), signal);
  }
}
