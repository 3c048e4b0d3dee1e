// Both ends of a control socket: connections taken, their other end's identity, and a connection made. Everything CLOEXEC and
// O_NONBLOCK: no call here waits. Answers negated errnos and decides nothing.

import {
  AF_UNIX,
  SO_PEERCRED,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../libc/constants.ts";
import { EINTR } from "../libc/errno.ts";
import { Block, SYS, syscall } from "../libc/libc.ts";
import { connect } from "./connecting.ts";
import type { PeerCredentials } from "./kernel.ts";
import { connectPath } from "./path-sockets.ts";

export function accept(fd: number): number {
  for (;;) {
    const connection = syscall(SYS.accept4, fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection !== -EINTR) return connection;
  }
}

// struct ucred { pid_t pid; uid_t uid; gid_t gid; }, 12 bytes, and behind it its length
const UCRED_SIZE = 12;
const ucred = new Block(16);

export function peerCredentials(fd: number): PeerCredentials | number {
  ucred.view.setUint32(UCRED_SIZE, UCRED_SIZE, true);
  const length = ucred.address + UCRED_SIZE;
  const failed = syscall(SYS.getsockopt, fd, SOL_SOCKET, SO_PEERCRED, ucred.address, length);
  if (failed < 0) return failed;
  const { view } = ucred;
  return { pid: view.getInt32(0, true), uid: view.getUint32(4, true), gid: view.getUint32(8, true) };
}

export function connectUnix(path: string): number {
  const fd = syscall(SYS.socket, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  // An abstract name has no directories on its way.
  const failed = path.startsWith("@") ? connect(fd, { family: "unix", path }) : connectPath(fd, path);
  if (failed >= 0) return fd;
  syscall(SYS.close, fd);
  return failed;
}
