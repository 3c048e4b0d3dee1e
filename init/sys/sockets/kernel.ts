// The requests of the rooms above about sockets: to make them, bind them and listen on them; and the plain
// data that passes between them. No code that runs.

import type { PathFailure } from "../paths/kernel.ts";

/** Where a socket is bound or connected to. A Unix path that begins with `@` is an abstract name. */
export type SocketAddress =
  | { readonly family: "inet" | "inet6"; readonly host: readonly number[]; readonly port: number }
  | { readonly family: "unix"; readonly path: string };

/** The properties of a Unix socket at a path. `type` is a SOCK_ number of <sys/socket.h>. */
export interface SocketFile {
  readonly type: number;
  readonly mode: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
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
}
