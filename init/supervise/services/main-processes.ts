// The main processes that services have named (MAINPID of sd_notify(3)) and that are children of another living process: their
// end is no SIGCHLD of fdinit's, so each has a pidfd that the loop waits for (pidfd_open(2), Linux 5.3).

import type { Kernel, Watched } from "../../sys/kernel.ts";
import { ESRCH, errnoText } from "../../sys/libc/errno.ts";
import type { SayLine } from "../surroundings.ts";
import type { Watcher } from "./watcher.ts";

interface Given {
  readonly kernel: Kernel;
  readonly say: SayLine;
  /** Its status stays unknown: wait(2) is for its parent alone. */
  readonly ended: (service: string, pid: number) => void;
}

export class MainProcesses implements Watcher {
  private readonly given: Given;
  /** By service. */
  private readonly followed = new Map<string, { readonly pid: number; readonly fd: number }>();

  constructor(given: Given) {
    this.given = given;
  }

  /** `pid` is the service's main process from now on. */
  follow(service: string, pid: number): void {
    if (this.followed.get(service)?.pid === pid) return;
    this.drop(service);
    const { kernel, say, ended } = this.given;
    if (this.isChild(pid)) return;
    const fd = kernel.openProcess(pid);
    if (fd >= 0) this.followed.set(service, { pid, fd });
    else if (fd === -ESRCH && !this.isChild(pid)) ended(service, pid);
    else
      say(
        "warn",
        `${service}: the end of its main process ${pid} is not seen (pidfd_open): ${errnoText(-fd)}`,
      );
  }

  drop(service: string): void {
    const found = this.followed.get(service);
    if (!found) return;
    this.given.kernel.close(found.fd);
    this.followed.delete(service);
  }

  watched(): readonly Watched[] {
    return [...this.followed.values()].map(({ fd }) => ({ fd, read: true }));
  }

  ready(ready: number): void {
    for (const [service, { pid, fd }] of this.followed) {
      if (fd !== ready) continue;
      this.drop(service);
      // Its parent has ended before it: it is reaped, with its status.
      if (!this.isChild(pid)) this.given.ended(service, pid);
    }
  }

  deadline(): undefined {
    return undefined;
  }

  time(): void {}

  private isChild(pid: number): boolean {
    const { kernel } = this.given;
    return kernel.processes()?.found.find((process) => process.pid === pid)?.parent === kernel.pid;
  }
}
