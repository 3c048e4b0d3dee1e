// The services of a running fdinit as /proc shows them, where no control socket answers: which of them have processes, and since when.
// Everything else (restarts, readiness, the last exit) is known to PID 1 alone.

import type { Policy } from "../../policy/types.ts";
import type { Kernel, ProcessFacts } from "../../sys/kernel.ts";
import { textOf } from "../../sys/text/bytes.ts";
import { variablesOf } from "../policy-source/running-fdinit.ts";
import { INIT } from "./find-socket.ts";

const MOST_PROCESSES = 4096;
/** USER_HZ, in which /proc counts from the system's start. */
const TICKS_PER_SECOND = 100;
/** Each service of several is started with its name in this variable. */
const VARIABLE = "FDINIT_SERVICE";

export interface SeenService {
  readonly name: string;
  readonly type: "service" | "oneshot";
  /** Of its first process, which is a child of fdinit; undefined: none is there. */
  readonly pid?: number;
  readonly uptimeMs?: number;
  /** How many processes it has. */
  readonly processes: number;
}

/** The services that can be seen; or why none can. */
export type Seen =
  | { readonly ok: true; readonly services: readonly SeenService[] }
  | { readonly ok: false; readonly why: string };

export function seenServices(kernel: Kernel, policy: Policy | undefined): Seen {
  if (!kernel.isFdinit(INIT))
    return {
      ok: false,
      why: `process 1 (${kernel.commandOf(INIT)}) is not fdinit, or another user's: only root and the user of fdinit can look at it`,
    };
  const found = kernel.processes(MOST_PROCESSES)?.found.filter(({ hasEnded }) => !hasEnded);
  if (!found) return { ok: false, why: "/proc is not mounted, or of another PID namespace" };
  const known = policy?.services ?? [];
  const names = namesOf(kernel, found);
  const only = known.length === 1 || names.size === 0 ? (known[0]?.name ?? "main") : undefined;
  const services = new Set([...known.map(({ name }) => name), ...names.values()]);
  const typeOf = (name: string) => known.find((service) => service.name === name)?.type ?? "service";
  return {
    ok: true,
    services: [...services].map((name) => {
      const own = found.filter(({ pid }) => (names.get(pid) ?? only) === name);
      return { name, type: typeOf(name), ...seen(kernel, own, only !== undefined) };
    }),
  };
}

/** The service of each process that has its name in the environment. Processes that entered the container have not. */
function namesOf(kernel: Kernel, found: readonly ProcessFacts[]): Map<number, string> {
  const names = new Map<number, string>();
  for (const { pid } of found) {
    const name = variablesOf(kernel, pid)?.(VARIABLE);
    if (name !== undefined && name !== "") names.set(pid, name);
  }
  return names;
}

/**
 * A service's first process is a child of fdinit that leads its process group, the oldest of them: orphans came to fdinit later, and
 * most stay in the group they were in. Only a program without a terminal of its own (`tty: none`) may lead none.
 */
function seen(
  kernel: Kernel,
  own: readonly ProcessFacts[],
  isOnly: boolean,
): Omit<SeenService, "name" | "type"> {
  const children = own.filter(({ parent }) => parent === INIT);
  const leaders = children.filter(({ pid }) => kernel.processGroup(pid) === pid);
  const [one, ...others] = isOnly && leaders.length === 0 ? children : leaders;
  if (!one) return { processes: 0 };
  const first = others.reduce((oldest, child) => (child.startedAt < oldest.startedAt ? child : oldest), one);
  const uptimeMs = uptimeOf(kernel, first);
  return {
    pid: first.pid,
    ...(uptimeMs === undefined ? {} : { uptimeMs }),
    processes: own.filter((process) => isBelow(process, own)).length,
  };
}

/** Below a child of fdinit, and not a process that entered the container. */
function isBelow(process: ProcessFacts, all: readonly ProcessFacts[]): boolean {
  let at: ProcessFacts | undefined = process;
  for (let depth = 0; at && depth < all.length; depth++) {
    if (at.parent === INIT) return true;
    const { parent }: ProcessFacts = at;
    at = all.find(({ pid }) => pid === parent);
  }
  return at?.parent === INIT;
}

function uptimeOf(kernel: Kernel, { startedAt }: ProcessFacts): number | undefined {
  const text = kernel.readFile("/proc/uptime", 256);
  const seconds = typeof text === "number" ? Number.NaN : Number.parseFloat(textOf(text));
  if (Number.isNaN(seconds)) return undefined;
  return Math.max(0, Math.round(seconds * 1000 - (startedAt * 1000) / TICKS_PER_SECOND));
}
