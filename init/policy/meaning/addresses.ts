// Addresses to listen on, as policies write them: `*:80`, `10.0.0.1:80`, `[::1]:80`, `unix:/path`,
// `unix:@name`, each with `udp:` or `tcp:` before it. Numeric only: PID 1 asks no name server.

import { bytesOf } from "../../sys/text/bytes.ts";
import type { ListenAddress } from "../types.ts";

export type ParsedAddress =
  | { readonly ok: true; readonly address: ListenAddress; readonly transport?: "udp" | "tcp" }
  | { readonly ok: false; readonly message: string };

/** sun_path of <sys/un.h> has 108 bytes; a path ends with a NUL, an abstract name begins with one. */
const LONGEST_UNIX_PATH = 107;

export function parseListenAddress(written: string): ParsedAddress {
  const [, transport, text] = /^(udp:|tcp:)?(.*)$/s.exec(written) as unknown as [string, string?, string?];
  const by = transport === undefined ? {} : ({ transport: transport === "udp:" ? "udp" : "tcp" } as const);
  if (text?.startsWith("unix:")) return unixAddress(text.slice(5), transport);
  const [, host, portText] = /^(.*):(\d{1,5})$/s.exec(text ?? "") ?? [];
  if (host === undefined) return { ok: false, message: `${JSON.stringify(written)} has no port` };
  const port = Number(portText);
  if (port > 65_535) return { ok: false, message: `the port ${port} is above 65535` };
  if (host === "*") return { ok: true, address: { family: "dual", host: Array(16).fill(0), port }, ...by };
  const inBrackets = /^\[(.*)\]$/.exec(host)?.[1];
  const bytes = inBrackets === undefined ? parseIpv4(host) : parseIpv6(inBrackets);
  if (!bytes) return { ok: false, message: notAnAddress(host) };
  const family = inBrackets === undefined ? "inet" : "inet6";
  return { ok: true, address: { family, host: bytes, port }, ...by };
}

function unixAddress(path: string, transport: string | undefined): ParsedAddress {
  if (transport) return { ok: false, message: `a Unix socket has no ${transport}` };
  const length = bytesOf(path).length;
  if (length > LONGEST_UNIX_PATH)
    return {
      ok: false,
      message: `the path has ${length} bytes, more than the ${LONGEST_UNIX_PATH} there are`,
    };
  if (path.startsWith("@") && length > 1) return { ok: true, address: { family: "unix", path } };
  if (!path.startsWith("/") || path.endsWith("/"))
    return { ok: false, message: "a Unix socket needs an absolute path, or @ and a name" };
  return { ok: true, address: { family: "unix", path } };
}

function notAnAddress(host: string): string {
  if (parseIpv6(host)) return `an IPv6 address stands in brackets: [${host}]`;
  return `${JSON.stringify(host)} is no numeric address: write one, or * for all of them`;
}

export function parseIpv4(text: string): number[] | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1);
  // No leading zeros: some readers take them for octal.
  if (!parts || parts.some((part) => Number(part) > 255 || (part.length > 1 && part.startsWith("0"))))
    return undefined;
  return parts.map(Number);
}

/** RFC 4291, section 2.2; no zone. */
export function parseIpv6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  // Dots may stand at the very end only.
  const [head, tail] = halves.map((half, index) => groupsOf(half, index === halves.length - 1));
  if (!head || (halves.length === 2 && !tail)) return undefined;
  if (!tail) return head.length === 16 ? head : undefined;
  // "::" stands for one group of zeros or more.
  if (head.length + tail.length > 14) return undefined;
  return [...head, ...Array(16 - head.length - tail.length).fill(0), ...tail];
}

function groupsOf(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":");
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    const ipv4 = isEnd && index === groups.length - 1 ? parseIpv4(group) : undefined;
    if (ipv4) bytes.push(...ipv4);
    else if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    } else return undefined;
  }
  return bytes;
}
