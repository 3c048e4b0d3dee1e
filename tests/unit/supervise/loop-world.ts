// A kernel with a clock, processes and signals, and `supervise` run over it: each wait is one entry of a script,
// and the clock goes on by itself to the timeout when a script has nothing to say.

import type { GivenPipe, Token } from "../../../init/plan/plan.ts";
import { supervise } from "../../../init/supervise/loop.ts";
import type { Surroundings } from "../../../init/supervise/surroundings.ts";
import type {
  ChangedProcess,
  ChildEnd,
  Kernel,
  ProcessFacts,
  ReceivedSignal,
} from "../../../init/sys/kernel.ts";
import { SI_USER, SIGCHLD } from "../../../init/sys/libc/constants.ts";
import { fakeKernel } from "../fake-kernel.ts";
import { type Changes, SERVICE, supervisionWith } from "./machine.ts";

export const SIGNAL_FD = 5;

/** The signals and children that are there when a wait comes back. */
export interface Wakening {
  /** Milliseconds that the wait took; default: none, or the timeout when nothing else is there. */
  readonly after?: number;
  readonly signals?: readonly (Partial<ReceivedSignal> & { readonly signal: number })[];
  readonly ended?: readonly Partial<ChildEnd>[];
  /** Numbers that can be read besides the signalfd. */
  readonly ready?: readonly number[];
}

export interface Setting extends Changes {
  /** The signals and children before the first wait. */
  readonly first?: Wakening;
  readonly script?: readonly Wakening[];
  readonly kernel?: Partial<Kernel>;
  readonly tokens?: Token[];
  readonly pipes?: readonly GivenPipe[];
  readonly processes?: readonly (Partial<ProcessFacts> & { readonly command?: string })[];
  readonly seen?: readonly ChangedProcess[];
  readonly startAgain?: Surroundings["startAgain"];
}

/** More waits than this are a loop that does not end. */
const MOST_WAITS = 100;

export function run(setting: Setting = {}) {
  const { first, script = [], tokens = [], pipes = [], processes = [], seen = [] } = setting;
  const said: string[] = [];
  const timeouts: (number | undefined)[] = [];
  const waitedFor: (readonly number[])[] = [];
  const signals: ReceivedSignal[] = [];
  const ended: ChildEnd[] = [];
  const left = [...script];
  let now = 0;
  const arrive = ({ after = 0, ...what }: Wakening) => {
    now += after;
    for (const signal of what.signals ?? []) signals.push({ code: 0, pid: 50, ...signal });
    for (const child of what.ended ?? [])
      ended.push({ pid: SERVICE, status: 0, cpuMs: 20, maxRssKiB: 2048, ...child });
  };
  /** One entry of the script; an empty one is a wait that lasts until its timeout. */
  const wait = (fds: readonly number[], timeoutMs: number | undefined) => {
    waitedFor.push(fds);
    timeouts.push(timeoutMs);
    if (timeouts.length > MOST_WAITS) throw new Error("the loop does not end");
    const next = left.shift();
    const isTimeout = next !== undefined && Object.keys(next).length === 0;
    arrive(isTimeout || !next ? { after: timeoutMs ?? 0 } : next);
    return next;
  };
  const kernel = fakeKernel([0, 1, 2, SIGNAL_FD, ...tokens.map(({ fd }) => fd)], {
    now: () => now,
    takeSignals: () => signals.splice(0),
    // Without a child left, "none": here once the script is over.
    reap: () => ended.shift() ?? (left.length === 0 ? "none" : undefined),
    nextChanged() {
      const [child] = ended;
      if (!child) return left.length === 0 ? "none" : undefined;
      return seen.find(({ pid }) => pid === child.pid) ?? { pid: child.pid, command: "unknown" };
    },
    processes: () => ({
      found: processes.map(({ command = "x", ...process }) => ({
        ...{ pid: 20, parent: 1, session: 1, name: command, hasEnded: false, startedAt: 0 },
        ...process,
      })),
      more: 0,
    }),
    commandOf: (pid) => processes.find((process) => process.pid === pid)?.command ?? "x",
    waitReadable(fds, timeoutMs) {
      const next = wait(fds, timeoutMs);
      return [SIGNAL_FD, ...(next?.ready ?? [])].filter((fd) => fds.includes(fd));
    },
    waitForSignal(routes, self) {
      if (signals.length === 0 && ended.length === 0) wait([SIGNAL_FD], undefined);
      const hasEnded = ended.length > 0 || left.length === 0;
      const received = signals.shift() ?? (hasEnded ? { signal: SIGCHLD, code: 1, pid: SERVICE } : undefined);
      const route = routes[received?.signal ?? 0];
      if (!route || received?.code !== SI_USER || received.pid === self) return received;
      return kernel.kill(route.pid, route.signal) < 0 ? received : kernel.waitForSignal(routes, self);
    },
    ...setting.kernel,
  });
  arrive(first ?? {});
  const say = (level: string, message: string) => said.push(`${level}: ${message}`);
  const startAgain = setting.startAgain ?? (() => ({ code: 70, message: "no start was expected" }));
  const context = { tokens, pipes };
  const code = supervise(
    { kernel, signalFd: SIGNAL_FD, supervision: supervisionWith(setting), say, context, startAgain },
    { pid: SERVICE },
  );
  return { code, said, calls: kernel.calls, timeouts, waitedFor, ended, kernel, tokens };
}
