// `fds.open` and what services are given of it: the written keys to openings, each complaint at its key.

import type { KeyPath } from "../key-path.ts";
import { type InheritedRule, type ListeningType, namesOf, type Opening, type OpenPolicy } from "../types.ts";
import { badValue, type Finding } from "../wording/finding.ts";
import { parseListenAddress } from "./addresses.ts";
import { modeOf, userAndGroupOf } from "./resolve-values.ts";

export interface WrittenOpened {
  readonly listen?: string;
  readonly type?: ListeningType;
  readonly file?: string;
  readonly token?: boolean;
  readonly pipe?: "read" | "write";
  readonly socketpair?: ListeningType;
  readonly memfd?: string | { readonly file: string };
  readonly devnull?: boolean;
  readonly mode?: string;
  readonly owner?: string;
  readonly backlog?: number;
  readonly reusePort?: boolean;
  readonly access?: "read" | "write" | "readWrite" | "append";
  readonly hold?: boolean;
}

type Kind = Opening["open"];

const KINDS: readonly Kind[] = ["listen", "file", "token", "pipe", "socketpair", "memfd", "devnull"];

/** The keys that may stand beside each kind's own key. */
const UNDERSTANDS: Readonly<Record<Kind, readonly (keyof WrittenOpened)[]>> = {
  listen: ["type", "mode", "owner", "backlog", "reusePort", "hold"],
  file: ["mode", "owner", "access", "hold"],
  // Held by PID 1, a token would never be released.
  token: [],
  pipe: ["hold"],
  socketpair: ["hold"],
  memfd: ["hold"],
  devnull: ["hold"],
};

const DEFAULT_MODE = 0o600;
const DEFAULT_BACKLOG = 4096;

export function openOf(
  written: Readonly<Record<string, WrittenOpened>>,
  rules: readonly InheritedRule[],
  findings: Finding[],
): OpenPolicy[] {
  const opened: OpenPolicy[] = [];
  for (const [name, entry] of Object.entries(written)) {
    const at = ["fds", "open", name];
    const what = openingOf(entry, at, findings);
    if (!what) continue;
    const one: OpenPolicy = { name, hold: entry.hold ?? false, what };
    for (const own of namesOf(one)) {
      const taken = rules.some((rule) => rule.name === own)
        ? `a rule of fds.inherited gives the name ${JSON.stringify(own)} too`
        : takenBy(own, opened);
      if (taken) findings.push({ ...badValue(at, taken), on: "key" });
    }
    opened.push(one);
  }
  return opened;
}

function takenBy(name: string, opened: readonly OpenPolicy[]): string | undefined {
  const other = opened.find((each) => namesOf(each).includes(name));
  return other && `${JSON.stringify(other.name)} of fds.open gives the name ${JSON.stringify(name)} too`;
}

function openingOf(written: WrittenOpened, at: KeyPath, findings: Finding[]): Opening | undefined {
  const [kind, ...others] = KINDS.filter((key) => written[key] !== undefined && written[key] !== false);
  if (kind === undefined || others.length > 0) {
    const reason =
      kind === undefined
        ? "nothing says what it is"
        : `it cannot be ${[kind, ...others].join(" and ")} at once`;
    findings.push({ ...badValue(at, reason), on: "key", expected: `one of: ${KINDS.join(", ")}` });
    return undefined;
  }
  const known = [kind, ...UNDERSTANDS[kind], ...KINDS];
  for (const key of Object.keys(written)) {
    if (known.includes(key as Kind)) continue;
    findings.push({ ...badValue([...at, key], `it has no meaning for ${kind}`), on: "key" });
  }
  const mode = modeOf(written.mode) ?? DEFAULT_MODE;
  const owner = written.owner === undefined ? {} : { owner: userAndGroupOf(written.owner) };
  switch (kind) {
    case "listen":
      return listenOf(written, { mode, ...owner }, at, findings);
    case "file":
      return { open: kind, path: written.file ?? "", access: written.access ?? "read", mode, ...owner };
    case "token":
    case "devnull":
      return { open: kind };
    case "pipe":
      return { open: kind, end: written.pipe ?? "read" };
    case "socketpair":
      return { open: kind, type: written.socketpair ?? "stream" };
    case "memfd": {
      const { memfd = "" } = written;
      return { open: kind, content: typeof memfd === "string" ? { text: memfd } : memfd };
    }
  }
}

function listenOf(
  { listen = "", type, backlog = DEFAULT_BACKLOG, reusePort = false, mode: writtenMode }: WrittenOpened,
  access: Pick<Extract<Opening, { open: "listen" }>, "mode" | "owner">,
  at: KeyPath,
  findings: Finding[],
): Opening | undefined {
  const parsed = parseListenAddress(listen);
  if (!parsed.ok) {
    findings.push(badValue([...at, "listen"], parsed.message));
    return undefined;
  }
  const { address, transport } = parsed;
  const isDatagram = transport === "udp";
  const isUnix = address.family === "unix";
  const isFile = isUnix && !address.path.startsWith("@");
  const complain = (key: string, reason: string) =>
    findings.push({ ...badValue([...at, key], reason), on: "key" });
  if (isDatagram && type !== undefined && type !== "dgram")
    complain("type", "a udp: address is for datagrams");
  if (transport === "tcp" && type !== undefined && type !== "stream")
    complain("type", "a tcp: address is for streams");
  else if (!isUnix && type === "seqpacket") complain("type", "only Unix sockets have it");
  if (!isFile && writtenMode !== undefined) complain("mode", "only a Unix socket with a path has one");
  if (!isFile && access.owner !== undefined) complain("owner", "only a Unix socket with a path has one");
  if (isUnix && reusePort) complain("reusePort", "a Unix socket has no port");
  return {
    open: "listen",
    written: listen,
    address,
    type: type ?? (isDatagram ? "dgram" : "stream"),
    backlog,
    reusePort,
    ...access,
  };
}
