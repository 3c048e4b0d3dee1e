// Opens the control socket: a Unix stream socket that only its owner can reach by its path, or one with an abstract name.

import type { Kernel, PathFailure } from "../../../sys/kernel.ts";
import { AF_UNIX, SOCK_NONBLOCK, SOCK_STREAM } from "../../../sys/libc/constants.ts";

/** Connections that wait until one of those at work has been answered. */
const BACKLOG = 8;
const MODE = 0o600;

export function isAbstract(socket: string): boolean {
  return socket.startsWith("@");
}

/** The listening descriptor, or the call that failed. A socket at the path on which no process listens is replaced. */
export function listenForControl(kernel: Kernel, socket: string): number | PathFailure {
  const fd = kernel.makeSocket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK);
  if (fd < 0) return { call: "socket", errno: -fd };
  const failure = bound(kernel, fd, socket) ?? failureOf("listen", kernel.listen(fd, BACKLOG));
  if (!failure) return fd;
  kernel.close(fd);
  return failure;
}

function bound(kernel: Kernel, fd: number, socket: string): PathFailure | undefined {
  if (isAbstract(socket)) return failureOf("bind", kernel.bind(fd, { family: "unix", path: socket }));
  return kernel.bindPath(fd, socket, { type: SOCK_STREAM, mode: MODE });
}

function failureOf(call: string, result: number): PathFailure | undefined {
  return result < 0 ? { call, errno: -result } : undefined;
}
