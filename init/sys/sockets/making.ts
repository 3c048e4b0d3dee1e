// Sockets that a policy has PID 1 open: made, bound, listened on. Everything CLOEXEC. Answers negated errnos and decides
// nothing. No common start needs any of it.

import { AF_INET, AF_INET6, AF_UNIX, SOCK_CLOEXEC } from "../libc/constants.ts";
import { Block, SYS, syscall } from "../libc/libc.ts";
import { bytesOf, textOf } from "../text/bytes.ts";
import type { SocketAddress } from "./kernel.ts";

const pair = new Block(8);

/** A struct sockaddr_in, sockaddr_in6 or sockaddr_un, exactly as long as it has to be (bind(2)). */
export function encodeAddress(address: SocketAddress): Block {
  if (address.family === "unix") {
    const path = bytesOf(address.path);
    const isAbstract = address.path.startsWith("@");
    // An abstract name begins with NUL and is as long as it is; a path ends with NUL.
    const block = new Block(2 + path.length + (isAbstract ? 0 : 1));
    block.view.setUint16(0, AF_UNIX, true);
    block.bytes.set(path, 2);
    if (isAbstract) block.bytes[2] = 0;
    return block;
  }
  const isInet = address.family === "inet";
  const block = new Block(isInet ? 16 : 28);
  block.view.setUint16(0, isInet ? AF_INET : AF_INET6, true);
  block.view.setUint16(2, address.port);
  block.bytes.set(address.host, isInet ? 4 : 8);
  return block;
}

export function makeSocketPair(type: number): readonly [number, number] | number {
  const failed = syscall(SYS.socketpair, AF_UNIX, type | SOCK_CLOEXEC, 0, pair.address);
  return failed < 0 ? failed : [pair.view.getInt32(0, true), pair.view.getInt32(4, true)];
}

export function makeSocket(domain: number, type: number): number {
  return syscall(SYS.socket, domain, type | SOCK_CLOEXEC, 0);
}

export function setSocketOption(fd: number, level: number, option: number, value: number): number {
  pair.view.setInt32(0, value, true);
  return syscall(SYS.setsockopt, fd, level, option, pair.address, 4);
}

export function bind(fd: number, address: SocketAddress): number {
  const block = encodeAddress(address);
  return syscall(SYS.bind, fd, block.address, block.bytes.length);
}

export function listen(fd: number, backlog: number): number {
  return syscall(SYS.listen, fd, backlog);
}

// struct sockaddr_un: sa_family_t, and a name of 108 bytes at most; its length stands behind it.
const named = new Block(116);
const NAME_AT = 2;
const LENGTH_AT = 112;

/** An address of nothing but the family has the kernel choose an abstract name: five hexadecimal digits. */
export function bindAnywhere(fd: number): string | number {
  named.view.setUint16(0, AF_UNIX, true);
  const failed = syscall(SYS.bind, fd, named.address, NAME_AT);
  if (failed < 0) return failed;
  named.view.setUint32(LENGTH_AT, LENGTH_AT - NAME_AT, true);
  const unnamed = syscall(SYS.getsockname, fd, named.address, named.address + LENGTH_AT);
  if (unnamed < 0) return unnamed;
  const length = named.view.getUint32(LENGTH_AT, true);
  return `@${textOf(named.bytes.slice(NAME_AT + 1, length))}`;
}
