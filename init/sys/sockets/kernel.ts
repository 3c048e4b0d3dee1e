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

/** A datagram with what the kernel says of its sender (unix(7), SO_PASSCRED). */
export interface ReceivedMessage {
  readonly bytes: Uint8Array;
  /** The sender in fdinit's own PID namespace; 0 when it is outside of it, or the kernel named none. */
  readonly pid: number;
  /** Descriptors that came with it, CLOEXEC. They are the caller's to close. */
  readonly fds: readonly number[];
  /** It was longer than the room for it, and the rest is lost (MSG_TRUNC). */
  readonly isCut: boolean;
  /** Descriptors of it are lost, because fdinit has no number left for them (MSG_CTRUNC). */
  readonly lacksDescriptors: boolean;
}

/** The process that made a connection, as SO_PEERCRED has it: `pid` is 0 for a process of another PID namespace. */
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
  /** Binds a Unix socket to an abstract name that the kernel chooses (unix(7), autobind): the name, with `@`, or a negated errno. */
  bindAnywhere(fd: number): string | number;
  /** connect(2), to an address that is not a path; -EINPROGRESS where it goes on by itself (SOCK_NONBLOCK). */
  connect(fd: number, address: SocketAddress): number;
  /** connect(2) to a Unix socket at a path, through no link that is not root's. */
  connectPath(fd: number, path: string): number;
  /** How a connect(2) that went on by itself has ended: 0 or a negated errno, -EINPROGRESS while it goes on. A TCP socket that is connected to itself counts as refused. */
  connectResult(fd: number): number;
  /** send(2) of a socket that is connected, without waiting: how much it took, or a negated errno. */
  sendNow(fd: number, bytes: Uint8Array): number;
  /** recvmsg(2) of one datagram of at most `length` bytes, without waiting. */
  receiveNow(fd: number, length: number): ReceivedMessage | number;
  /** accept4(2), CLOEXEC and O_NONBLOCK. */
  accept(fd: number): number;
  peerCredentials(fd: number): PeerCredentials | number;
  /** A Unix stream socket, CLOEXEC and O_NONBLOCK, connected to a path or an abstract name; -EAGAIN while the listener's backlog is full. */
  connectUnix(path: string): number;
}
