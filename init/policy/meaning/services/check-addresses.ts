// Where a check connects to: `host:port` and `http://host:port/path`. Addresses are numeric: PID 1 asks no name server, which
// could keep it waiting.

import type { CheckAddress } from "../../types.ts";
import { parseIpv4, parseIpv6 } from "../addresses.ts";

const LOOPBACK: readonly Omit<CheckAddress, "port">[] = [
  { family: "inet", host: [127, 0, 0, 1] },
  { family: "inet6", host: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] },
];
const NAMES_OF_LOOPBACK = ["", "*", "localhost"];
const DEFAULT_HTTP_PORT = "80";

/** `host:port`: the addresses to try, or why there are none. */
export function parseCheckAddresses(written: string): readonly CheckAddress[] | string {
  const [, host, port] = /^(.*):([^:\]]*)$/s.exec(written) ?? [];
  if (host === undefined || port === undefined) return `${JSON.stringify(written)} has no port`;
  return addressesOf(host, port);
}

function addressesOf(host: string, portText: string): readonly CheckAddress[] | string {
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
  if (port < 1 || port > 65_535)
    return `the port ${JSON.stringify(portText)} is not a number from 1 to 65535`;
  if (NAMES_OF_LOOPBACK.includes(host)) return LOOPBACK.map((address) => ({ ...address, port }));
  const inBrackets = /^\[(.*)\]$/s.exec(host)?.[1];
  const bytes = inBrackets === undefined ? parseIpv4(host) : parseIpv6(inBrackets);
  if (bytes) return [{ family: inBrackets === undefined ? "inet" : "inet6", host: bytes, port }];
  if (parseIpv6(host)) return `an IPv6 address stands in brackets: [${host}]`;
  return `${JSON.stringify(host)} is no numeric address, and PID 1 looks up no names: write one, localhost, or a command for exec`;
}

export interface CheckUrl {
  readonly addresses: readonly CheckAddress[];
  readonly host: string;
  readonly path: string;
}

/** A longer one does not fit into what servers read of a request. */
const LONGEST_URL = 2048;

/** `http://host:port/path`: the addresses to try, the header Host and the path with its query; or why it is refused. */
export function parseCheckUrl(written: string): CheckUrl | string {
  // A character that is not visible ASCII stands percent-encoded in a URL (RFC 3986, 2); a line end would begin a second header.
  if (!/^[!-~]*$/.test(written)) return "it holds characters that stand percent-encoded in an address";
  if (written.length > LONGEST_URL) return `it has more than ${LONGEST_URL} characters`;
  const [, authority, path = ""] = /^http:\/\/([^/?#]*)(.*)$/.exec(written) ?? [];
  if (authority === undefined) return "it does not begin with http://";
  if (path.includes("#")) return "a server is not sent what stands behind #: leave it out";
  if (authority.includes("@")) return "a check sends no user and password: use exec";
  const parts = /^(\[[^\]]*\]|[^[\]:]*)(?::([^:]*))?$/.exec(authority);
  if (!parts) return `${JSON.stringify(authority)} is no host and port; an IPv6 address stands in brackets`;
  const [, host = "", port = DEFAULT_HTTP_PORT] = parts;
  const addresses = addressesOf(host, port);
  if (typeof addresses === "string") return addresses;
  const name = host === "" || host === "*" ? "localhost" : host;
  return {
    addresses,
    host: port === DEFAULT_HTTP_PORT ? name : `${name}:${port}`,
    path: path.startsWith("/") ? path : `/${path}`,
  };
}
