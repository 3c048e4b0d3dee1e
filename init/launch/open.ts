// Opens what `fds.open` names: files, sockets to listen on, pipes, memory files, keep-alive tokens. A failure
// says which name, which call and which address, before anything is started.

import type { ListenAddress, Opening, UserAndGroup } from "../plan/plan.ts";
import { PEER } from "../plan/plan.ts";
import type { Kernel } from "../sys/kernel.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  O_APPEND,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../sys/libc/constants.ts";
import { EAFNOSUPPORT, EFBIG, ENOENT, pathErrorText } from "../sys/libc/errno.ts";
import { bytesOf } from "../sys/text/bytes.ts";
import type { LaunchContext } from "./context.ts";
import { refused } from "./failures.ts";
import type { LaunchFailure } from "./result.ts";
import { findIds } from "./users.ts";

type Listener = Extract<Opening, { open: "listen" }>;

/** A call that failed, as it is put into words. */
class Failure {
  readonly call: string;
  readonly errno: number;

  constructor(call: string, result: number) {
    this.call = call;
    this.errno = -result;
  }
}

/** Opens a descriptor and keeps it under its name in the context. */
export function open(name: string, what: Opening, context: LaunchContext): LaunchFailure | undefined {
  const { kernel, opened } = context;
  switch (what.open) {
    case "listen":
      return put(name, `listener ${quote(name)}`, listener(kernel, what), context);
    case "file":
      return put(name, quote(name), file(kernel, what), context);
    case "devnull":
      return put(name, quote(name), kernel.openDevNull(0), context, "open /dev/null");
    case "memfd":
      return put(name, quote(name), memoryFile(kernel, name, what), context);
    case "token": {
      const ends = kernel.makePipe();
      if (typeof ends === "number") return cannotOpen(`token ${quote(name)}`, new Failure("pipe2", ends));
      context.tokens.push({ name, fd: ends[0] });
      opened.set(name, ends[1]);
      return undefined;
    }
    case "pipe":
    case "socketpair": {
      const isPipe = what.open === "pipe";
      const ends = isPipe ? kernel.makePipe() : kernel.makeSocketPair(SOCKET_TYPES[what.type]);
      if (typeof ends === "number")
        return cannotOpen(`${what.open} ${quote(name)}`, new Failure(isPipe ? "pipe2" : "socketpair", ends));
      const [first, second] = isPipe && what.end === "write" ? [ends[1], ends[0]] : ends;
      opened.set(name, first);
      opened.set(`${name}${PEER}`, second);
      return undefined;
    }
  }
}

function quote(name: string): string {
  return JSON.stringify(name);
}

function cannotOpen(what: string, { call, errno }: Failure): LaunchFailure {
  return refused("open", what, call, errno, pathErrorText(errno));
}

function put(
  name: string,
  what: string,
  result: number | Failure,
  { opened }: LaunchContext,
  call = "open",
): LaunchFailure | undefined {
  if (typeof result !== "number") return cannotOpen(what, result);
  if (result < 0) return cannotOpen(what, new Failure(call, result));
  opened.set(name, result);
  return undefined;
}

const SOCKET_TYPES = { stream: SOCK_STREAM, dgram: SOCK_DGRAM, seqpacket: SOCK_SEQPACKET } as const;

const FILE_FLAGS = {
  read: O_RDONLY,
  write: O_WRONLY | O_CREAT,
  readWrite: O_RDWR | O_CREAT,
  append: O_WRONLY | O_CREAT | O_APPEND,
} as const;

function file(kernel: Kernel, what: Extract<Opening, { open: "file" }>): number | Failure {
  const { path, access, mode, owner } = what;
  const opened = kernel.openFile(path, FILE_FLAGS[access], mode);
  if (typeof opened === "number") return new Failure(`open ${path}`, opened);
  const { fd, isNew } = opened;
  // The owner is that of a file that was made here; one that was there keeps its own.
  if (!isNew || owner === undefined) return fd;
  const ids = idsOf(kernel, owner);
  if (ids instanceof Failure) return closed(kernel, fd, ids);
  const failed = kernel.changeDescriptorOwner(fd, ids.uid, ids.gid);
  return failed < 0 ? closed(kernel, fd, notGiven(owner, failed)) : fd;
}

const LARGEST_MEMORY_FILE = 16 * 1024 * 1024;

function memoryFile(
  kernel: Kernel,
  name: string,
  { content }: Extract<Opening, { open: "memfd" }>,
): number | Failure {
  const bytes =
    "text" in content ? bytesOf(content.text) : kernel.readFile(content.file, LARGEST_MEMORY_FILE + 1);
  if (typeof bytes === "number") return new Failure(`read ${"file" in content ? content.file : ""}`, bytes);
  if (bytes.length > LARGEST_MEMORY_FILE) return new Failure("a file of more than 16 MiB", -EFBIG);
  const fd = kernel.makeMemoryFile(name, bytes);
  return fd < 0 ? new Failure("memfd_create", fd) : fd;
}

function closed(kernel: Kernel, fd: number, failure: Failure): Failure {
  kernel.close(fd);
  return failure;
}

function idsOf(kernel: Kernel, owner: UserAndGroup): { uid: number; gid: number } | Failure {
  const ids = findIds(kernel, owner);
  return typeof ids === "string" ? new Failure(ids, -ENOENT) : { uid: ids.uid, gid: ids.gid };
}

function notGiven({ user }: UserAndGroup, failed: number): Failure {
  return new Failure(`give it to ${user}, chown`, failed);
}

function listener(kernel: Kernel, what: Listener): number | Failure {
  const { address, type, backlog } = what;
  const fd = bound(kernel, what, address);
  if (typeof fd !== "number") return fd;
  if (type === "dgram") return fd;
  const failed = kernel.listen(fd, backlog);
  return failed < 0 ? closed(kernel, fd, new Failure(`listen ${what.written}`, failed)) : fd;
}

function bound(kernel: Kernel, what: Listener, address: ListenAddress): number | Failure {
  if (address.family === "unix") return boundToPath(kernel, what, address.path);
  const isInet = address.family === "inet";
  const fd = kernel.makeSocket(isInet ? AF_INET : AF_INET6, SOCKET_TYPES[what.type]);
  // Without IPv6 in the kernel, "all addresses" are IPv4's.
  if (fd === -EAFNOSUPPORT && address.family === "dual")
    return bound(kernel, what, { family: "inet", host: [0, 0, 0, 0], port: address.port });
  if (fd < 0) return new Failure("socket", fd);
  const { host, port } = address;
  const options: [number, number, number][] = [[SOL_SOCKET, SO_REUSEADDR, what.type === "stream" ? 1 : 0]];
  if (what.reusePort) options.push([SOL_SOCKET, SO_REUSEPORT, 1]);
  if (!isInet) options.push([IPPROTO_IPV6, IPV6_V6ONLY, address.family === "dual" ? 0 : 1]);
  for (const [level, option, value] of options) {
    const failed = kernel.setSocketOption(fd, level, option, value);
    if (failed < 0) return closed(kernel, fd, new Failure("setsockopt", failed));
  }
  const failed = kernel.bind(fd, { family: isInet ? "inet" : "inet6", host, port });
  return failed < 0 ? closed(kernel, fd, new Failure(`bind ${what.written}`, failed)) : fd;
}

function boundToPath(kernel: Kernel, what: Listener, path: string): number | Failure {
  const type = SOCKET_TYPES[what.type];
  const fd = kernel.makeSocket(AF_UNIX, type);
  if (fd < 0) return new Failure("socket", fd);
  if (path.startsWith("@")) {
    const failed = kernel.bind(fd, { family: "unix", path });
    return failed < 0 ? closed(kernel, fd, new Failure(`bind ${what.written}`, failed)) : fd;
  }
  const { mode } = what;
  const owner = what.owner && idsOf(kernel, what.owner);
  if (owner instanceof Failure) return closed(kernel, fd, owner);
  const failure = kernel.bindPath(fd, path, { type, mode, ...(owner ? { owner } : {}) });
  if (failure === undefined) return fd;
  const isOwners = what.owner !== undefined && failure.call === "chown";
  const words = isOwners
    ? notGiven(what.owner, -failure.errno)
    : new Failure(`bind ${what.written}`, -failure.errno);
  return closed(kernel, fd, words);
}
