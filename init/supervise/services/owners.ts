// Which process belongs to which service, orphans included, so that stopping one service ends its whole tree and no other.
//
// A process is a service's when it descends from the service's main process, or is in the session of one of its starts
// (each start has one of its own, which its orphans stay in), or is in its cgroup, where services have such, or was started with
// its FDINIT_SERVICE: that is known even of a daemon that has left both, where the kernel lets its environment be read
// (ptrace(2), PTRACE_MODE_READ). Else it is the service's whose keep-alive token it holds.

import type { Token } from "../../plan/plan.ts";
import type { Kernel, ProcessFacts } from "../../sys/kernel.ts";
import type { Cgroups } from "./cgroups.ts";

/** The most sessions that are remembered of a service: those of the latest starts. */
const MOST_SESSIONS = 16;

/** The processes of one moment. */
export interface Look {
  readonly all: readonly ProcessFacts[];
  readonly known: ReadonlyMap<number, ProcessFacts>;
  /** The services whose tokens processes hold, once that was asked. */
  holding?: ReadonlyMap<number, string>;
}

export class Owners {
  private readonly kernel: Kernel;
  private readonly names: ReadonlySet<string>;
  private readonly tokens: readonly Token[];
  private readonly cgroups: Cgroups | undefined;
  private readonly tokenOwners = new WeakMap<Token, string>();
  private readonly mains = new Map<number, string>();
  private readonly sessions = new Map<number, string>();
  /** By pid and start: a process's environment is read once. */
  private readonly marked = new Map<string, string | undefined>();

  /** `tokens`: those that are out. */
  constructor(kernel: Kernel, names: readonly string[], tokens: readonly Token[], cgroups?: Cgroups) {
    this.kernel = kernel;
    this.names = new Set(names);
    this.tokens = tokens;
    this.cgroups = cgroups;
  }

  started(service: string, pid: number): void {
    // A start's tokens are made with it.
    for (const token of this.tokens) if (!this.tokenOwners.has(token)) this.tokenOwners.set(token, service);
    this.mains.set(pid, service);
    this.sessions.set(pid, service);
    const own = [...this.sessions].filter(([, owner]) => owner === service);
    for (const [session] of own.slice(0, Math.max(0, own.length - MOST_SESSIONS)))
      this.sessions.delete(session);
  }

  /** Another process of the service is its main process now (MAINPID of sd_notify(3)). */
  mainIs(service: string, pid: number): void {
    for (const [main, owner] of this.mains) if (owner === service) this.mains.delete(main);
    this.mains.set(pid, service);
  }

  mainEnded(pid: number): void {
    this.mains.delete(pid);
  }

  /** The service whose main process it is. */
  ofMain(pid: number): string | undefined {
    return this.mains.get(pid);
  }

  /** The service that a process belongs to. */
  ownerOf(pid: number): string | undefined {
    const main = this.mains.get(pid);
    if (main !== undefined) return main;
    const look = this.look();
    const found = look?.known.get(pid);
    return look && found && this.ownerAmong(found, look);
  }

  /** All processes at this moment; undefined where /proc does not tell. */
  look(): Look | undefined {
    const all = this.kernel.processes()?.found;
    if (!all) return undefined;
    const known = byPid(all);
    if (this.marked.size > 2 * all.length) this.forgetEnded(known);
    return { all, known };
  }

  /** The living processes of a service, its main process included; undefined where /proc does not tell. */
  treeOf(service: string, look = this.look()): readonly ProcessFacts[] | undefined {
    return look?.all.filter((process) => !process.hasEnded && this.ownerAmong(process, look) === service);
  }

  private ownerAmong(process: ProcessFacts, look: Look): string | undefined {
    let highest = process;
    for (let at: ProcessFacts | undefined = process; at; at = look.known.get(at.parent)) {
      const owner = this.mains.get(at.pid) ?? this.sessions.get(at.session);
      if (owner !== undefined) return owner;
      highest = at;
    }
    const mark = this.markOf(process) ?? (highest === process ? undefined : this.markOf(highest));
    return mark ?? this.holderOf(process, look);
  }

  private holderOf({ pid }: ProcessFacts, look: Look): string | undefined {
    look.holding ??= this.holders();
    return look.holding.get(pid);
  }

  private holders(): ReadonlyMap<number, string> {
    const holding = new Map<number, string>();
    for (const token of this.tokens) {
      const owner = this.tokenOwners.get(token);
      const link = owner === undefined ? undefined : this.kernel.descriptorLink(token.fd);
      if (owner === undefined || link === undefined) continue;
      for (const { pid, fds } of this.kernel.pipeHolders(link)?.holders ?? [])
        if (fds.length > 0) holding.set(pid, owner);
    }
    return holding;
  }

  private markOf({ pid, startedAt }: ProcessFacts): string | undefined {
    const key = `${pid} ${startedAt}`;
    if (!this.marked.has(key)) {
      const name = this.kernel.variableOf(pid, "FDINIT_SERVICE");
      const variable = name !== undefined && this.names.has(name) ? name : undefined;
      this.marked.set(key, this.cgroups?.ownerOf(pid) ?? variable);
    }
    return this.marked.get(key);
  }

  private forgetEnded(known: ReadonlyMap<number, ProcessFacts>): void {
    for (const key of this.marked.keys()) {
      const [pid, startedAt] = key.split(" ").map(Number);
      if (known.get(pid as number)?.startedAt !== startedAt) this.marked.delete(key);
    }
  }
}

function byPid(processes: readonly ProcessFacts[]): ReadonlyMap<number, ProcessFacts> {
  return new Map(processes.map((process) => [process.pid, process]));
}
