// The sockets of another process's network namespace, by inode, from the tables in /proc/N/net. No
// table has a raw socket, one that was never bound, or one of another namespace: nothing is known of those.

import type { SocketFacts, SocketType } from "../descriptors/kinds.ts";
import { AF_INET, AF_INET6, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM } from "../libc/constants.ts";
import { readFile } from "../paths/files.ts";
import { textOf } from "../text/bytes.ts";
import { formatAddress } from "./sockets.ts";

const LARGEST = 1 << 26;
// <net/tcp_states.h>
const TCP_LISTEN = "0A";
// <linux/net.h>: __SO_ACCEPTCON
const SO_ACCEPTCON = 0x10000;
const [IPPROTO_TCP, IPPROTO_UDP] = [6, 17];

const INET_TABLES = [
  { name: "tcp", family: "inet", type: "stream", protocol: IPPROTO_TCP },
  { name: "tcp6", family: "inet6", type: "stream", protocol: IPPROTO_TCP },
  { name: "udp", family: "inet", type: "dgram", protocol: IPPROTO_UDP },
  { name: "udp6", family: "inet6", type: "dgram", protocol: IPPROTO_UDP },
] as const;

const UNIX_TYPES: Readonly<Record<number, SocketType>> = {
  [SOCK_STREAM]: "stream",
  [SOCK_DGRAM]: "dgram",
  [SOCK_SEQPACKET]: "seqpacket",
};

/** Answers for an inode; the tables are read once, at the first question. */
export function socketTables(pid: number): (inode: number) => SocketFacts | undefined {
  let known: Map<number, SocketFacts> | undefined;
  return (inode) => {
    known ??= readTables((name) => {
      const bytes = readFile(`/proc/${pid}/net/${name}`, LARGEST);
      return typeof bytes === "number" ? "" : textOf(bytes);
    });
    return known.get(inode);
  };
}

/** `read` answers a table's text, empty when there is none. */
export function readTables(read: (name: string) => string): Map<number, SocketFacts> {
  const known = new Map<number, SocketFacts>();
  for (const table of INET_TABLES) {
    const { name, ...kind } = table;
    for (const line of rows(read(name))) {
      // sl local_address rem_address st tx:rx tr:tm->when retrnsmt uid timeout inode
      const [, local = "", remote = "", state, , , , , , inode] = line.trim().split(/\s+/);
      const from = inetAddress(local);
      const to = isNowhere(remote) ? undefined : inetAddress(remote);
      known.set(Number(inode), {
        ...kind,
        listening: kind.protocol === IPPROTO_TCP && state === TCP_LISTEN,
        ...(from === undefined ? {} : { local: from }),
        ...(to === undefined ? {} : { peer: to }),
        foreignNetwork: false,
      });
    }
  }
  for (const line of rows(read("unix"))) {
    // Num RefCount Protocol Flags Type St Inode Path; an abstract name begins with "@"
    const [, flags = "", type = "", inode, path] =
      /^\S+: \S+ \S+ (\S+) (\S+) \S+ +(\d+)(?: (.*))?$/.exec(line) ?? [];
    known.set(Number(inode), {
      family: "unix",
      type: UNIX_TYPES[Number.parseInt(type, 16)] ?? "other",
      protocol: 0,
      listening: (Number.parseInt(flags, 16) & SO_ACCEPTCON) !== 0,
      ...(path ? { local: `unix:${path}` } : {}),
      foreignNetwork: false,
    });
  }
  // A connection that is closing has no inode any more.
  known.delete(0);
  known.delete(Number.NaN);
  return known;
}

function rows(text: string): string[] {
  return text
    .split("\n")
    .slice(1)
    .filter((line) => line !== "");
}

function isNowhere(address: string): boolean {
  return /^0+:0+$/.test(address);
}

/** `0100007F:1F90`: 32-bit words in the machine's byte order (little-endian), then the port. */
function inetAddress(written: string): string | undefined {
  const [hex = "", port = ""] = written.split(":");
  const bytes = new Uint8Array(28);
  const view = new DataView(bytes.buffer);
  const isV4 = hex.length === 8;
  if (!isV4 && hex.length !== 32) return undefined;
  view.setUint16(0, isV4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, Number.parseInt(port, 16));
  for (let at = 0; at < hex.length; at += 8)
    view.setUint32((isV4 ? 4 : 8) + at / 2, Number.parseInt(hex.slice(at, at + 8), 16), true);
  return formatAddress(bytes, view);
}
