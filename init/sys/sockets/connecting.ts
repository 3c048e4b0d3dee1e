// Connecting to other processes' sockets without waiting. Answers negated errnos and decides nothing.

import { AF_UNIX, SO_ERROR, SOL_SOCKET } from "../libc/constants.ts";
import { ECONNREFUSED, EINPROGRESS, ENOTCONN } from "../libc/errno.ts";
import { Block, keepAlive, SYS, syscall } from "../libc/libc.ts";
import type { SocketAddress } from "./kernel.ts";
import { encodeAddress } from "./making.ts";

export function connect(fd: number, address: SocketAddress): number {
  const block = encodeAddress(address);
  const result = syscall(SYS.connect, fd, block.address, block.bytes.length);
  keepAlive(block);
  return result < 0 ? result : connectResult(fd);
}

// The value and, behind it, its length; both read and written by the kernel.
const answer = new Block(8);

export function connectResult(fd: number): number {
  answer.view.setUint32(4, 4, true);
  const failed = syscall(SYS.getsockopt, fd, SOL_SOCKET, SO_ERROR, answer.address, answer.address + 4);
  if (failed < 0) return failed;
  const error = answer.view.getInt32(0, true);
  if (error !== 0) return -error;
  const unknown = asked(SYS.getpeername, fd, peer);
  if (unknown < 0) return unknown === -ENOTCONN ? -EINPROGRESS : unknown;
  return isConnectedToItself(fd) ? -ECONNREFUSED : 0;
}

// struct sockaddr_storage is 128 bytes; its length stands behind it.
const own = new Block(136);
const peer = new Block(136);

/**
 * `peer` has the other end's address. Where nobody listens on a port from which the kernel also takes the ports of its own connections, a connection to that
 * port may begin at it: TCP then opens it from both ends at once (RFC 9293, 3.5), and nobody else has answered.
 */
function isConnectedToItself(fd: number): boolean {
  if (asked(SYS.getsockname, fd, own) < 0) return false;
  if (own.view.getUint16(0, true) === AF_UNIX) return false;
  const length = own.view.getUint32(128, true);
  if (peer.view.getUint32(128, true) !== length) return false;
  for (let at = 0; at < length; at++) if (own.bytes[at] !== peer.bytes[at]) return false;
  return true;
}

function asked(call: number, fd: number, { address, view }: Block): number {
  view.setUint32(128, 128, true);
  return syscall(call, fd, address, address + 128);
}
