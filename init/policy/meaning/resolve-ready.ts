// A service's `ready` and `watchdog`: the written keys to one check, each complaint at its key. Addresses are numeric: PID 1
// asks no name server, which could keep it waiting.

import type { KeyPath } from "../key-path.ts";
import type { CheckAddress, PassPolicy, ReadyCheck } from "../types.ts";
import { badValue, type Finding } from "../wording/finding.ts";
import { parseIpv4, parseIpv6 } from "./addresses.ts";
import { parseDuration } from "./durations.ts";

export interface WrittenReady {
  readonly notify?: number;
  readonly sdNotify?: boolean;
  readonly tcp?: string;
  readonly http?: string;
  readonly exec?: readonly string[];
  readonly file?: string;
  readonly period?: string;
  readonly timeout?: string;
}

type Kind = ReadyCheck["by"];

const KINDS: readonly Kind[] = ["notify", "sdNotify", "tcp", "http", "exec", "file"];
/** Those that fdinit repeats. */
const PROBES: readonly Kind[] = ["tcp", "http", "exec", "file"];

const DEFAULT_PERIOD_MS = 1_000;
const DEFAULT_TIMEOUT_MS = 60_000;
/** A check that is repeated more often keeps PID 1 busy. */
const LEAST_PERIOD_MS = 10;

/** The check; undefined without `ready`, and when it means nothing usable. */
export function readyOf(
  written: WrittenReady | undefined,
  at: KeyPath,
  findings: Finding[],
): ReadyCheck | undefined {
  if (written === undefined) return undefined;
  const kind = kindOf(written, at, findings);
  const periodMs = written.period === undefined ? DEFAULT_PERIOD_MS : (parseDuration(written.period) ?? 0);
  const timeoutMs =
    written.timeout === undefined ? DEFAULT_TIMEOUT_MS : (parseDuration(written.timeout) ?? 0);
  if (kind === undefined) return undefined;
  if (written.period !== undefined && !PROBES.includes(kind)) {
    const reason = `it has no meaning for ${kind}: the service itself says when it is ready`;
    findings.push({ ...badValue([...at, "period"], reason), on: "key" });
  } else if (periodMs < LEAST_PERIOD_MS)
    findings.push(badValue([...at, "period"], `it is shorter than ${LEAST_PERIOD_MS}ms`));
  if (timeoutMs === 0) findings.push(badValue([...at, "timeout"], "no service is ready at once"));
  const check = checkOf(kind, written, at, findings);
  return check && { ...check, periodMs, timeoutMs };
}

/** Milliseconds; undefined without `watchdog`. */
export function watchdogOf(
  written: string | undefined,
  ready: ReadyCheck | undefined,
  at: KeyPath,
  findings: Finding[],
): number | undefined {
  if (written === undefined) return undefined;
  const everyMs = parseDuration(written) ?? 0;
  if (everyMs === 0)
    findings.push(badValue(at, "a service cannot say all the time that it lives: leave the key out"));
  if (ready?.by !== "sdNotify") {
    const reason = "the service says that it lives by sd_notify, and it is not given NOTIFY_SOCKET";
    findings.push({ ...badValue(at, reason), on: "key", hint: "add ready: { sdNotify: true }" });
  }
  return everyMs;
}

/** The number of the notification descriptor must not be that of a descriptor that `fds.pass` names, nor 0 to 2. */
export function checkNotifyNumber(
  ready: ReadyCheck | undefined,
  pass: readonly PassPolicy[] | undefined,
  at: KeyPath,
  findings: Finding[],
): void {
  if (ready?.by !== "notify") return;
  const same = pass?.find(({ as }) => as === ready.fd);
  if (same) findings.push(badValue([...at, "notify"], `fds.pass has ${same.name} at ${ready.fd} already`));
}

function kindOf(written: WrittenReady, at: KeyPath, findings: Finding[]): Kind | undefined {
  const [kind, ...others] = KINDS.filter((key) => written[key] !== undefined && written[key] !== false);
  if (kind !== undefined && others.length === 0) return kind;
  const reason =
    kind === undefined
      ? "nothing says how the service is known to be ready"
      : `it cannot be ${[kind, ...others].join(" and ")} at once`;
  findings.push({ ...badValue(at, reason), on: "key", expected: `one of: ${KINDS.join(", ")}` });
  return undefined;
}

type WithoutTimes<Check> = Check extends ReadyCheck ? Omit<Check, "periodMs" | "timeoutMs"> : never;

function checkOf(
  kind: Kind,
  { notify = 0, tcp = "", http = "", exec = [], file = "" }: WrittenReady,
  at: KeyPath,
  findings: Finding[],
): WithoutTimes<ReadyCheck> | undefined {
  switch (kind) {
    case "notify":
      return { by: kind, fd: notify };
    case "sdNotify":
      return { by: kind };
    case "tcp": {
      const addresses = parseCheckAddresses(tcp);
      if (typeof addresses !== "string") return { by: kind, written: tcp, addresses };
      findings.push(badValue([...at, kind], addresses));
      return undefined;
    }
    case "http": {
      const parsed = parseUrl(http);
      if (typeof parsed !== "string") return { by: kind, written: http, ...parsed };
      findings.push(badValue([...at, kind], parsed));
      return undefined;
    }
    case "exec":
      if (exec[0] === "") findings.push(badValue([...at, kind, 0], "the program's name is empty"));
      return { by: kind, command: exec };
    case "file":
      return { by: kind, path: file };
  }
}

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

/** A longer one does not fit into what servers read of a request. */
const LONGEST_URL = 2048;

function parseUrl(
  written: string,
): { addresses: readonly CheckAddress[]; host: string; path: string } | string {
  // What is not visible ASCII stands percent-encoded in a URL (RFC 3986, 2); a line end would begin a second header.
  if (!/^[!-~]*$/.test(written)) return "it holds characters that stand percent-encoded in an address";
  if (written.length > LONGEST_URL) return `it has more than ${LONGEST_URL} characters`;
  const [, authority, path = ""] = /^http:\/\/([^/?#]*)(.*)$/.exec(written) ?? [];
  if (authority === undefined) return "it does not begin with http://";
  if (path.includes("#")) return "a server is not sent what stands behind #: leave it out";
  if (authority.includes("@")) return "a check sends no user and password: use exec";
  const [, host = "", port = DEFAULT_HTTP_PORT] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(authority) ?? [];
  if (host === "" && authority !== "" && !authority.startsWith(":"))
    return `${JSON.stringify(authority)} is no host and port`;
  const addresses = addressesOf(host, port);
  if (typeof addresses === "string") return addresses;
  const name = host === "" || host === "*" ? "localhost" : host;
  return {
    addresses,
    host: port === DEFAULT_HTTP_PORT ? name : `${name}:${port}`,
    path: path.startsWith("/") ? path : `/${path}`,
  };
}
