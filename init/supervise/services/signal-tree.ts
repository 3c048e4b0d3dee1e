// A signal to every process of one service, wherever in the tree of processes and in whatever session it is.

import type { Kernel } from "../../sys/kernel.ts";
import { SIGKILL } from "../../sys/libc/constants.ts";
import type { Observer } from "../observer.ts";
import type { Sender } from "../sending.ts";
import type { Cgroups } from "./cgroups.ts";
import type { Owners } from "./owners.ts";

/** SIGKILL to a tree that makes new processes meanwhile is sent again so often at once. */
const MOST_ROUNDS = 8;

interface Means {
  readonly surroundings: { readonly kernel: Kernel };
  readonly owners: Owners;
  readonly cgroups: Cgroups | undefined;
  readonly sender: Sender;
  readonly observer: Observer | undefined;
}

/** `pid`: the service's main process, while it runs. */
export function signalTree(
  { surroundings, owners, cgroups, sender, observer }: Means,
  name: string,
  pid: number | undefined,
  signal: number,
): void {
  const { kernel } = surroundings;
  const reached = new Set<number>();
  for (let round = 0; round < (signal === SIGKILL ? MOST_ROUNDS : 1); round++) {
    const tree = owners.treeOf(name);
    // After the look, which names whom it kills. The signals behind it are for kernels without cgroup.kill.
    if (round === 0 && signal === SIGKILL) cgroups?.kill(name);
    // Without /proc: those that stayed in the process group of its session's leader.
    if (!tree) {
      if (pid !== undefined) sender.check(kernel.kill(-pid, signal), signal);
      return;
    }
    const left = tree.filter((process) => !reached.has(process.pid));
    if (left.length === 0) return;
    for (const process of left) {
      reached.add(process.pid);
      sender.check(kernel.signalProcess(process, signal), signal);
    }
    if (signal === SIGKILL) observer?.killed(left, 0, false);
  }
}
