// The state of the services for `fdinit status` and `fdinit health` where there is no control socket: a memory file that PID 1 holds
// open, and that /proc/1/fd shows to root and to fdinit's own user (ptrace(2), PTRACE_MODE_READ). It is sealed, and each change makes
// a new one in its place: a reader never finds half of one, and can change none. It is made at once when fdinit starts, and
// a little after each change then, because many services change at nearly the same time.

import type { Kernel, Watched } from "../../../sys/kernel.ts";
import { bytesOf, textOf } from "../../../sys/text/bytes.ts";
import type { Watcher } from "../watcher.ts";
import type { StatusReport } from "./status-report.ts";

const NAME = "fdinit-status";
const LONGEST = 16 << 20;
const AFTER_CHANGE_MS = 20;

interface Kept {
  /** The moment of the report, on the clock of the kernel's that all processes share: milliseconds. */
  readonly at: number;
  readonly status: StatusReport;
}

export interface Shown {
  /** Values of which one is another when the status has changed. */
  revision(): readonly unknown[];
  status(): StatusReport;
}

export class StatusFile implements Watcher {
  private readonly kernel: Kernel;
  private readonly shown: Shown;
  private fd: number | undefined;
  private revision: readonly unknown[] | undefined;
  private dueAt: number | undefined;

  constructor(kernel: Kernel, shown: Shown) {
    this.kernel = kernel;
    this.shown = shown;
  }

  watched(): readonly Watched[] {
    return [];
  }

  ready(): void {}

  deadline(): number | undefined {
    const { revision } = this;
    if (revision === undefined) return this.kernel.now();
    if (this.shown.revision().some((value, index) => value !== revision[index]))
      this.dueAt ??= this.kernel.now() + AFTER_CHANGE_MS;
    return this.dueAt;
  }

  /** Where no memory file can be made, nothing is shown. */
  time(now: number): void {
    const { kernel } = this;
    this.revision = this.shown.revision();
    this.dueAt = undefined;
    const kept: Kept = { at: now, status: this.shown.status() };
    const made = kernel.makeMemoryFile(NAME, bytesOf(JSON.stringify(kept)));
    if (made < 0) this.withdraw();
    else if (this.fd === undefined) this.fd = made;
    else {
      if (kernel.duplicateOnto(made, this.fd) < 0) this.withdraw();
      kernel.close(made);
    }
  }

  /** An old state is worse than none. */
  private withdraw(): void {
    if (this.fd !== undefined) this.kernel.close(this.fd);
    this.fd = undefined;
  }
}

/** The state that a running fdinit shows, as of now; undefined where it shows none, or not to this process. */
export function shownStatus(kernel: Kernel, pid: number): StatusReport | undefined {
  const bytes = kernel.isFdinit(pid) ? kernel.readMemoryFile(pid, NAME, LONGEST) : undefined;
  if (!bytes) return undefined;
  const { at, status } = JSON.parse(textOf(bytes)) as Kept;
  const passed = Math.round(kernel.now() - at);
  return {
    ...status,
    uptimeMs: status.uptimeMs + passed,
    services: status.services.map((service) =>
      service.uptimeMs === undefined ? service : { ...service, uptimeMs: service.uptimeMs + passed },
    ),
  };
}
