// A Kernel in memory for unit tests: a table of open numbers, and errors on demand.

import { EBADF, ENOENT, ESRCH } from "../../init/sys/errno.ts";
import type { Kernel, SpawnRequest } from "../../init/sys/kernel.ts";

export interface FakeKernel extends Kernel {
  /** Open numbers; true when marked close-on-exec. */
  readonly open: Map<number, boolean>;
  readonly calls: string[];
  readonly spawned: SpawnRequest[];
}

export function fakeKernel(fds: readonly number[], overrides: Partial<Kernel> = {}): FakeKernel {
  const open = new Map(fds.map((fd) => [fd, false]));
  const calls: string[] = [];
  const spawned: SpawnRequest[] = [];
  const kernel: FakeKernel = {
    open,
    calls,
    spawned,
    pid: 1,
    closeRange(first, last, flags) {
      calls.push(`closeRange ${first} ${last} ${flags}`);
      for (const fd of [...open.keys()]) {
        if (fd < first || fd > last) continue;
        if (flags === 0) open.delete(fd);
        else open.set(fd, true);
      }
      return 0;
    },
    canCloseRange: () => 0,
    close: (fd) => (open.delete(fd) ? 0 : -EBADF),
    descriptorFlags: (fd) => (open.has(fd) ? Number(open.get(fd)) : -EBADF),
    closeOnExec(fd, on) {
      if (!open.has(fd)) return -EBADF;
      open.set(fd, on);
      return 0;
    },
    duplicateOnto(from, to) {
      calls.push(`duplicateOnto ${to}`);
      open.set(to, true);
      return open.has(from) ? to : -EBADF;
    },
    duplicateAbove(fd, least) {
      if (!open.has(fd)) return -EBADF;
      let copy = least;
      while (open.has(copy)) copy++;
      open.set(copy, true);
      return copy;
    },
    openDevNull(from) {
      let fd = from;
      while (open.has(fd)) fd++;
      open.set(fd, true);
      return fd;
    },
    listDescriptors: () => [...open.keys()].sort((a, b) => a - b),
    descriptorMode: () => 0o100644,
    descriptorLink: () => undefined,
    descriptorInfo: () => undefined,
    classify: (fd) => ({
      fd,
      kinds: ["file"],
      access: "read",
      deleted: false,
      outsideRoot: false,
      evidence: "a file",
    }),
    inspect: () => -ESRCH,
    workingDirectoryOutside: () => undefined,
    nofile: () => ({ soft: 1024, hard: 4096 }),
    setNofile: () => 0,
    setSubreaper: () => 0,
    canExecute: () => 0,
    readFile: () => -ENOENT,
    environmentVariable: () => undefined,
    commandLineArgument: () => new Uint8Array(),
    spawn(request) {
      spawned.push(request);
      return 100;
    },
    waitReadable: () => 1,
    takeSignals: () => [],
    reap: () => undefined,
    kill: () => 0,
    queue: () => 0,
    processGroup: () => 1,
    writeNow: () => true,
    write: () => 0,
    ...overrides,
  };
  return kernel;
}
