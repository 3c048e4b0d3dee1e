// A Kernel in memory for unit tests: a table of open numbers, a clock that stands still, and errors on demand.

import type { Kernel, SpawnRequest } from "../../init/sys/kernel.ts";
import { EAGAIN, EBADF, ENOENT, ESRCH } from "../../init/sys/libc/errno.ts";

export interface FakeKernel extends Kernel {
  /** Open numbers; true when marked close-on-exec. */
  readonly open: Map<number, boolean>;
  /** The calls that change something in the world, as `name argument…`. */
  readonly calls: string[];
  readonly spawned: SpawnRequest[];
}

export function fakeKernel(fds: readonly number[], overrides: Partial<Kernel> = {}): FakeKernel {
  const open = new Map(fds.map((fd) => [fd, false]));
  const calls: string[] = [];
  const spawned: SpawnRequest[] = [];
  /** The lowest free number from `least` up, open and marked from now on. */
  const opened = (least: number) => {
    let fd = least;
    while (open.has(fd)) fd++;
    open.set(fd, true);
    return fd;
  };
  const openedPair = (): [number, number] => [opened(0), opened(0)];
  /** Logs the call and answers 0. */
  const done = (name: string, ...given: readonly unknown[]) => {
    calls.push(
      [name, ...given.map((one) => (typeof one === "object" ? JSON.stringify(one) : one))].join(" "),
    );
    return 0;
  };
  const kernel: FakeKernel = {
    open,
    calls,
    spawned,
    pid: 1,
    closeRange(first, last, flags) {
      done("closeRange", first, last, flags);
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
      done("duplicateOnto", to);
      open.set(to, true);
      return open.has(from) ? to : -EBADF;
    },
    duplicateAbove: (fd, least) => (open.has(fd) ? opened(least) : -EBADF),
    openDevNull: opened,
    openFile(path, flags, mode) {
      done("openFile", path, flags, mode.toString(8));
      return { fd: opened(0), isNew: false };
    },
    makePipe: openedPair,
    makeSocketPair(type) {
      done("makeSocketPair", type);
      return openedPair();
    },
    setNonBlocking: (fd) => (open.has(fd) ? 0 : -EBADF),
    makeMemoryFile(name, content) {
      done("makeMemoryFile", name, content.length);
      return opened(0);
    },
    makeSocket(domain, type) {
      done("makeSocket", domain, type);
      return opened(0);
    },
    setSocketOption: (_fd, level, option, value) => done("setSocketOption", level, option, value),
    bind: (_fd, address) => done("bind", address),
    listen: (_fd, backlog) => done("listen", backlog),
    bindAnywhere: () => "@00000",
    connect: (_fd, address) => done("connect", address),
    connectPath: (_fd, path) => done("connectPath", path),
    connectResult: () => 0,
    receiveNow: () => -EAGAIN,
    isSameOpenFile: () => false,
    bindPath(_fd, path, wanted) {
      done("bindPath", path, wanted);
      return undefined;
    },
    changeDescriptorOwner: (_fd, uid, gid) => done("changeDescriptorOwner", uid, gid),
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
    isFdinit: () => false,
    inspect: () => -ESRCH,
    workingDirectoryOutside: () => undefined,
    nofile: () => ({ soft: 1024, hard: 4096 }),
    setNofile: () => 0,
    setSubreaper: () => 0,
    dropCapabilities: (keep) => done("dropCapabilities", ...keep),
    terminal: () => undefined,
    terminalColumns: () => undefined,
    setForeground: (fd, group) => done("setForeground", fd, group),
    releaseTerminal: (fd) => done("releaseTerminal", fd),
    ownCredentials: () => ({ uid: 0, gid: 0, groups: [] }),
    mayChangeGroups: () => 0,
    canExecute: () => 0,
    listFolder: () => -ENOENT,
    makeFolder: (path, mode) => done("makeFolder", path, mode.toString(8)),
    removeFolder: (path) => done("removeFolder", path),
    pathMode: () => -ENOENT,
    readFile: () => -ENOENT,
    // A file of a test comes slowly as well as at once.
    readSource: (source, length) => (typeof source === "string" ? kernel.readFile(source, length) : -EBADF),
    environmentVariable: () => undefined,
    commandLineArgument: () => new Uint8Array(),
    spawn(request) {
      spawned.push(request);
      return 100;
    },
    now: () => 0,
    waitReadable: (fds) => fds,
    waitReady: (watched) => watched.map(({ fd }) => fd),
    readNow: () => new Uint8Array(0),
    isSubreaper: () => false,
    setParentDeathSignal: (signal) => done("setParentDeathSignal", signal),
    changeDirectory: (path) => done("changeDirectory", path),
    readMemoryFile: () => undefined,
    waitForSignal: () => undefined,
    takeSignals: () => [],
    reap: () => undefined,
    nextChanged: () => undefined,
    hasChildren: () => true,
    detach: () => false,
    signalProcess: ({ pid }, signal) => done("kill", pid, signal),
    maySignal: () => true,
    isOrphaned: () => false,
    commandOf: () => "x",
    variableOf: () => undefined,
    controllingTerminal: () => -ENOENT,
    kill: (pid, signal) => done("kill", pid, signal),
    queue: (pid, signal, value) => done("queue", pid, signal, value),
    processGroup: () => 1,
    openProcess: () => opened(0),
    processes: () => ({ found: [], more: 0 }),
    pipeHolders: () => undefined,
    isAtEnd: () => false,
    writeFile: (path, text) => done("writeFile", path, text),
    accept: () => -EAGAIN,
    peerCredentials: () => ({ pid: 2, uid: 0, gid: 0 }),
    connectUnix: () => -ENOENT,
    sendNow: (_fd, bytes) => bytes.length,
    writeNow: () => true,
    writeLines: (_fd, lines) => ({ taken: lines.length, isBegun: false, errno: 0 }),
    write: () => 0,
    ...overrides,
  };
  return kernel;
}
