// Sends signals: to the service, to its group, to everything that fdinit answers for. A signal that could not be
// delivered is said, once for each reason. Who gets what, and when, is decided elsewhere (state.ts).

import { SIGKILL } from "../sys/constants.ts";
import { ESRCH, errnoText } from "../sys/errno.ts";
import { signalName } from "../sys/signal-names.ts";
import type { Target } from "./events.ts";
import type { Observer } from "./report.ts";
import type { Surroundings } from "./surroundings.ts";
import { descendantsOrNone, inWords, nameOf } from "./tree.ts";

/** So many are looked at before SIGKILL: a look at thousands would come in its way. */
const MOST_LOOKED_AT = 256;

export class Sender {
  private readonly surroundings: Pick<Surroundings, "kernel" | "say" | "supervision">;
  private readonly told = new Set<number>();
  private hasKilledAll = false;

  constructor(surroundings: Pick<Surroundings, "kernel" | "say" | "supervision">) {
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
   * SIGKILL to everything that is left, and then a word about it. True where only the service has got it: as PID 1
   * with thousands of processes left, whose dying takes the CPU from fdinit for seconds. The kernel kills them when
   * fdinit ends (pid_namespaces(7)), which is to be as soon as the service has ended.
   */
  killAll(service: number | undefined, observer: Observer | undefined): boolean {
    const { kernel, say } = this.surroundings;
    const isPid1 = kernel.pid === 1;
    // A second time it is for what was born meanwhile: who was there has been named.
    const list = isPid1 && !this.hasKilledAll ? kernel.processes(MOST_LOOKED_AT) : undefined;
    const known = isPid1 ? list?.found.filter(({ hasEnded }) => !hasEnded) : descendantsOrNone(kernel);
    const left = known ?? [];
    const more = list?.more ?? 0;
    if (more > 0) {
      if (service !== undefined) this.check(kernel.kill(service, SIGKILL), SIGKILL);
    } else if (isPid1) this.check(kernel.kill(-1, SIGKILL), SIGKILL);
    else this.sendToEach(known, SIGKILL, service);
    this.hasKilledAll ||= isPid1;
    observer?.killed(left, more, isPid1);
    // The names that the kernel has: of what is dead there are no command lines.
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
