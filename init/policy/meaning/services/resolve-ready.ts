// A service's `ready` and `watchdog`: the written keys to one check, each complaint at its key.

import type { KeyPath } from "../../key-path.ts";
import type { PassPolicy, ReadyCheck } from "../../types.ts";
import { badValue, type Finding } from "../../wording/finding.ts";
import { parseDuration } from "../durations.ts";
import { parseCheckAddresses, parseCheckUrl } from "./check-addresses.ts";

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
  const { timeout } = written;
  const timeoutMs =
    timeout === undefined
      ? DEFAULT_TIMEOUT_MS
      : timeout === "none"
        ? undefined
        : (parseDuration(timeout) ?? 0);
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
      const parsed = parseCheckUrl(http);
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
