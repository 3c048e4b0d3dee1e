// The facts about a socket: family, type, protocol, whether it listens, its addresses, and whether it belongs to another
// network namespace.

import type { Family, SocketFacts, SocketType } from "../descriptors/kinds.ts";
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_PACKET,
  AF_UNIX,
  AF_VSOCK,
  SO_ACCEPTCONN,
  SO_DOMAIN,
  SO_NETNS_COOKIE,
  SO_PROTOCOL,
  SO_TYPE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../libc/constants.ts";
import { Block, SYS, syscall } from "../libc/libc.ts";
import { textOf } from "../text/bytes.ts";

const FAMILIES: Readonly<Record<number, Family>> = {
  [AF_UNIX]: "unix",
  [AF_INET]: "inet",
  [AF_INET6]: "inet6",
  [AF_NETLINK]: "netlink",
  [AF_PACKET]: "packet",
  [AF_VSOCK]: "vsock",
};

const TYPES: Readonly<Record<number, SocketType>> = {
  [SOCK_STREAM]: "stream",
  [SOCK_DGRAM]: "dgram",
  [SOCK_RAW]: "raw",
  [SOCK_SEQPACKET]: "seqpacket",
};

/** Undefined when the kernel does not answer for it. */
export function socketFacts(fd: number): SocketFacts | undefined {
  const domain = option(fd, SO_DOMAIN);
  const type = option(fd, SO_TYPE);
  if (domain === undefined || type === undefined) return undefined;
  const local = address(fd, SYS.getsockname);
  const peer = address(fd, SYS.getpeername);
  const foreign = isForeign(fd);
  return {
    family: FAMILIES[domain] ?? "other",
    type: TYPES[type] ?? "other",
    protocol: option(fd, SO_PROTOCOL) ?? 0,
    listening: option(fd, SO_ACCEPTCONN) === 1,
    ...(local === undefined ? {} : { local }),
    ...(peer === undefined ? {} : { peer }),
    ...(foreign === undefined ? {} : { foreignNetwork: foreign }),
  };
}

// The value and, behind it, its length; both read and written by the kernel.
const answer = new Block(16);

function option(fd: number, name: number): number | undefined {
  answer.view.setUint32(8, 4, true);
  const failed = syscall(SYS.getsockopt, fd, SOL_SOCKET, name, answer.address, answer.address + 8);
  return failed < 0 ? undefined : answer.view.getUint32(0, true);
}

function networkCookie(fd: number): string | undefined {
  answer.view.setUint32(8, 8, true);
  const failed = syscall(SYS.getsockopt, fd, SOL_SOCKET, SO_NETNS_COOKIE, answer.address, answer.address + 8);
  return failed < 0 ? undefined : `${answer.view.getUint32(0, true)}:${answer.view.getUint32(4, true)}`;
}

let ownCookie: string | undefined;

function isForeign(fd: number): boolean | undefined {
  const cookie = networkCookie(fd);
  if (cookie === undefined) return undefined;
  if (ownCookie === undefined) {
    const fresh = syscall(SYS.socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fresh < 0) return undefined;
    ownCookie = networkCookie(fresh);
    syscall(SYS.close, fresh);
  }
  return ownCookie === undefined ? undefined : cookie !== ownCookie;
}

// struct sockaddr_storage is 128 bytes; its length stands behind it
const sockaddr = new Block(136);

function address(fd: number, call: number): string | undefined {
  sockaddr.view.setUint32(128, 128, true);
  if (syscall(call, fd, sockaddr.address, sockaddr.address + 128) < 0) return undefined;
  const length = sockaddr.view.getUint32(128, true);
  return length < 2 ? undefined : formatAddress(sockaddr.bytes.subarray(0, length), sockaddr.view);
}

/** A struct sockaddr as text; `view` sees the same bytes. */
export function formatAddress(bytes: Uint8Array, view: DataView): string | undefined {
  switch (view.getUint16(0, true)) {
    case AF_INET:
      return `${[...bytes.subarray(4, 8)].join(".")}:${view.getUint16(2)}`;
    case AF_INET6:
      return `[${formatInet6(view)}]:${view.getUint16(2)}`;
    case AF_UNIX:
      return formatUnix(bytes.subarray(2));
    default:
      return undefined;
  }
}

/** RFC 5952: the longest run of zero groups becomes "::"; an IPv4-mapped address keeps its dots. */
function formatInet6(view: DataView): string {
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(8 + 2 * index));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${[0, 1, 2, 3].map((index) => view.getUint8(20 + index)).join(".")}`;
  }
  return compress(groups.map((group) => group.toString(16)));
}

function compress(groups: readonly string[]): string {
  let start = 0;
  let length = 0;
  for (let at = 0; at < groups.length; at++) {
    let end = at;
    while (groups[end] === "0") end++;
    if (end - at > length) {
      start = at;
      length = end - at;
    }
  }
  if (length < 2) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}

/** A path ends at its NUL; an abstract name begins with one and is written with "@" (unix(7)). */
function formatUnix(name: Uint8Array): string | undefined {
  if (name.length === 0) return undefined;
  if (name[0] === 0) return `unix:@${textOf(name.subarray(1))}`;
  const end = name.indexOf(0);
  return `unix:${textOf(end < 0 ? name : name.subarray(0, end))}`;
}
