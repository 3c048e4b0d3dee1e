// The descriptors that services leave with PID 1 over restarts (FDSTORE of sd_notify(3)): of each service a bounded number,
// and of all together no more than half of what PID 1 may have open. All are CLOEXEC.

import type { Kernel, Watched } from "../../../sys/kernel.ts";

/** The most of one service. */
export const MOST_OF_SERVICE = 64;
/** The most of all services. */
const MOST_OF_ALL = 1024;

export interface StoredDescriptor {
  readonly fd: number;
  readonly name: string;
}

interface Kept extends StoredDescriptor {
  readonly isWatched: boolean;
}

export class Store {
  private readonly kernel: Kernel;
  private readonly services = new Map<string, Kept[]>();
  private readonly mostOfAll: number;
  private count = 0;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.mostOfAll = Math.min(MOST_OF_ALL, Math.floor(kernel.nofile().soft / 2));
  }

  of(service: string): readonly StoredDescriptor[] {
    return this.services.get(service) ?? [];
  }

  /**
   * Takes over a descriptor. One that is stored already (a service stores what it was given at its start once more) is
   * closed. False: there is no room, and it is closed.
   */
  add(service: string, fd: number, name: string, isWatched: boolean): boolean {
    const { kernel } = this;
    const kept = this.services.get(service) ?? [];
    const isKnown = kept.some((one) => one.name === name && kernel.isSameOpenFile(one.fd, fd));
    const hasRoom = kept.length < MOST_OF_SERVICE && this.count < this.mostOfAll;
    if (isKnown || !hasRoom) {
      kernel.close(fd);
      return isKnown;
    }
    kept.push({ fd, name, isWatched });
    this.services.set(service, kept);
    this.count++;
    return true;
  }

  /** Closes those of a name; without a name, all of the service. */
  drop(service: string, name?: string): void {
    this.dropWhere(service, (one) => name === undefined || one.name === name);
  }

  /** A descriptor hung up, so that nobody has a use for it: true when it was stored here. */
  hungUp(fd: number): boolean {
    for (const [service, kept] of this.services) {
      if (!kept.some((one) => one.fd === fd)) continue;
      this.dropWhere(service, (one) => one.fd === fd);
      return true;
    }
    return false;
  }

  /** With no wish, ppoll(2) tells of a hang-up and of an error alone. */
  watched(): readonly Watched[] {
    const all: Watched[] = [];
    for (const kept of this.services.values())
      for (const { fd, isWatched } of kept) if (isWatched) all.push({ fd });
    return all;
  }

  close(): void {
    for (const service of [...this.services.keys()]) this.drop(service);
  }

  private dropWhere(service: string, isMeant: (one: Kept) => boolean): void {
    const kept = this.services.get(service) ?? [];
    const left: Kept[] = [];
    for (const one of kept) {
      if (!isMeant(one)) {
        left.push(one);
        continue;
      }
      this.kernel.close(one.fd);
      this.count--;
    }
    if (left.length > 0) this.services.set(service, left);
    else this.services.delete(service);
  }
}
