// What the rooms above may ask of the kernel about sockets: to make them, bind them and listen on them; and the plain
// data that passes between them. No code that runs.

import type { PathFailure } from "../paths/kernel.ts";

/** Where a socket is bound or connected to. A Unix path that begins with `@` is an abstract name. */
export type SocketAddress =
  | { readonly family: "inet" | "inet6"; readonly host: readonly number[]; readonly port: number }
  | { readonly family: "unix"; readonly path: string };

/** What a Unix socket at a path is to be. `type` is a SOCK_ number of <sys/socket.h>. */
export interface SocketFile {
  readonly type: number;
  readonly mode: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** Who made a connection, as SO_PEERCRED has it: `pid` is 0 for a process of another PID namespace. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface SocketCalls {
  /** socketpair(2) of AF_UNIX, CLOEXEC. */
  makeSocketPair(type: number): readonly [number, number] | number;
  /** socket(2), CLOEXEC. */
  makeSocket(domain: number, type: number): number;
  /** setsockopt(2) with an int. */
  setSocketOption(fd: number, level: number, option: number, value: number): number;
  bind(fd: number, address: SocketAddress): number;
  /** bind(2) to a path, with a mode and an owner from the start; takes the place of a socket that nobody listens on. */
  bindPath(fd: number, path: string, wanted: SocketFile): PathFailure | undefined;
  listen(fd: number, backlog: number): number;
  /** accept4(2), CLOEXEC and O_NONBLOCK. */
  accept(fd: number): number;
  peerCredentials(fd: number): PeerCredentials | number;
  /** A Unix stream socket, CLOEXEC and O_NONBLOCK, connected to a path or an abstract name; -EAGAIN while the listener's backlog is full. */
  connectUnix(path: string): number;
  /** What a socket takes of the bytes at once; no SIGPIPE where the other end is gone (-EPIPE). */
  sendNow(fd: number, bytes: Uint8Array): number;
}
