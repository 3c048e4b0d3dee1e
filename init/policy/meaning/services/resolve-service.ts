// One service: the written keys on top of the defaults, each complaint at its key.

import { FIRST_ANNOUNCED } from "../../../sys/facts.ts";
import type { KeyPath } from "../../key-path.ts";
import type {
  CapabilitiesPolicy,
  Condition,
  LimitsPolicy,
  NofileLimit,
  PassPolicy,
  Protocol,
  RestartPolicy,
  Service,
  SignalsPolicy,
} from "../../types.ts";
import { badValue, type Finding } from "../../wording/finding.ts";
import { nearestWord } from "../../wording/nearest.ts";
import { parseCapability } from "../capabilities.ts";
import { defaultService } from "../defaults.ts";
import { parseDuration } from "../durations.ts";
import {
  signalOf,
  signalsOf,
  stepsOfStop,
  type WrittenSignals,
  type WrittenStop,
} from "../resolve-signals.ts";
import { modeOf, userAndGroupOf } from "../resolve-values.ts";
import { checkNotifyNumber, readyOf, type WrittenReady, watchdogOf } from "./resolve-ready.ts";

export interface WrittenLimits {
  readonly nofile?: { readonly soft?: NofileLimit; readonly hard?: NofileLimit };
}

interface WrittenRestart {
  readonly policy?: RestartPolicy["policy"];
  readonly backoff?: string;
  readonly jitter?: string;
  readonly limit?: string;
  readonly onLimit?: RestartPolicy["onLimit"];
}

export interface WrittenService {
  readonly command?: readonly string[];
  readonly user?: string | number;
  readonly groups?: readonly (string | number)[];
  readonly cwd?: string;
  readonly umask?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly fds?: { readonly pass?: Readonly<Record<string, string | number>>; readonly protocol?: Protocol };
  readonly envFile?: string | readonly string[];
  readonly stdin?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly type?: Service["type"];
  readonly ready?: WrittenReady;
  readonly watchdog?: string;
  readonly dependsOn?: Readonly<Record<string, Condition>>;
  readonly essential?: boolean;
  readonly restart?: WrittenRestart;
  readonly stop?: WrittenStop;
  readonly reload?: string | number;
  readonly override?: { readonly stdin?: string; readonly restart?: WrittenRestart };
  readonly signals?: WrittenSignals;
  readonly setsid?: boolean;
  readonly limits?: WrittenLimits;
  readonly noNewPrivileges?: boolean;
  readonly capabilities?: { readonly keep?: readonly string[]; readonly ambient?: readonly string[] };
  readonly nice?: number;
  readonly oomScoreAdj?: number;
  readonly pdeathsig?: string | number;
}

/** The names and defaults that a service may refer to. */
export interface ServiceReferences {
  readonly signals: SignalsPolicy;
  readonly limits: LimitsPolicy;
  /** The names of fds.open and of kept inherited descriptors. */
  readonly names: readonly string[];
  /** The policy has several services, and some defaults are others than for a single one. */
  readonly isSeveral: boolean;
}

/** Services that failed together are not started together. */
const JITTER_OF_SEVERAL = 0.1;

export function serviceOf(
  name: string,
  written: WrittenService,
  { signals, limits, names, isSeveral }: ServiceReferences,
  findings: Finding[],
): Service {
  const at = ["services", name];
  const { command, user, groups, cwd, umask, env, fds = {}, restart = {}, pdeathsig = "none" } = written;
  const base = defaultService(name);
  const type = written.type ?? base.type;
  const essential = written.essential ?? type === "service";
  const restartBase: RestartPolicy = {
    ...base.restart,
    ...(isSeveral ? { jitter: JITTER_OF_SEVERAL } : {}),
    onLimit: essential ? "exit" : "stop",
  };
  if (command?.[0] === "") findings.push(badValue([...at, "command", 0], "the program's name is empty"));
  if (isSeveral && command === undefined) {
    const reason = "each of several services needs a command: the command line gives them none";
    findings.push({ ...badValue(at, reason), on: "key", hint: "add command: [program, argument]" });
  }
  const stdin = written.stdin ?? (isSeveral ? "devnull" : base.stdin);
  const streams = { stdin, stdout: written.stdout, stderr: written.stderr };
  for (const [key, stream] of Object.entries(streams))
    if (stream !== undefined) checkStream([...at, key], stream, names, findings);
  const none: PassPolicy[] | undefined = isSeveral ? [] : undefined;
  const pass = fds.pass ? passOf(fds.pass, [...at, "fds", "pass"], names, findings) : none;
  const protocol = fds.protocol ?? base.protocol;
  if (pass && protocol === "systemd") checkRow(pass, [...at, "fds", "pass"], findings);
  const ready = readyOf(written.ready, [...at, "ready"], findings);
  const watchdogMs = watchdogOf(written.watchdog, ready, [...at, "watchdog"], findings);
  checkNotifyNumber(ready, pass, [...at, "ready"], findings);
  const given = {
    ...(ready === undefined ? {} : { ready }),
    ...(watchdogMs === undefined ? {} : { watchdogMs }),
    ...(written.stdout === undefined || written.stdout === "inherit" ? {} : { stdout: written.stdout }),
    ...(written.stderr === undefined || written.stderr === "inherit" ? {} : { stderr: written.stderr }),
    ...(written.envFile === undefined ? {} : { envFile: [written.envFile].flat() }),
    ...(written.dependsOn === undefined ? {} : { dependsOn: new Map(Object.entries(written.dependsOn)) }),
    ...(written.stop === undefined ? {} : { stop: stepsOfStop(written.stop) }),
    ...(written.reload === undefined ? {} : { reload: signalOf(written.reload) }),
    ...(written.override === undefined
      ? {}
      : { override: overrideOf(written.override, base.restart, [...at, "override"], names, findings) }),
    ...(user === undefined ? {} : { user: userAndGroupOf(user) }),
    ...(groups === undefined ? {} : { groups: groups.map(String) }),
    ...(umask === undefined ? {} : { umask: modeOf(umask) ?? 0 }),
    ...(written.nice === undefined ? {} : { nice: written.nice }),
    ...(written.oomScoreAdj === undefined ? {} : { oomScoreAdj: written.oomScoreAdj }),
    ...(pdeathsig === "none" ? {} : { parentDeathSignal: signalOf(pdeathsig) }),
    ...(written.limits === undefined
      ? {}
      : { limits: limitsOf(written.limits, limits, [...at, "limits"], findings) }),
    ...(written.capabilities === undefined
      ? {}
      : { capabilities: capabilitiesOf(written.capabilities, [...at, "capabilities"], findings) }),
  };
  return {
    ...base,
    ...given,
    type,
    essential,
    command,
    cwd,
    env: env ?? base.env,
    pass,
    protocol,
    stdin,
    restart: restartOf(restart, restartBase, [...at, "restart"], findings),
    signals: signalsOf(written.signals ?? {}, signals, [...at, "signals"], findings),
    setsid: written.setsid ?? base.setsid,
    noNewPrivileges: written.noNewPrivileges ?? base.noNewPrivileges,
  };
}

export function limitsOf(
  { nofile: { soft, hard } = {} }: WrittenLimits,
  base: LimitsPolicy,
  at: KeyPath,
  findings: Finding[],
): LimitsPolicy {
  if (typeof soft === "number" && typeof hard === "number" && soft > hard) {
    const reason = `the soft limit ${soft} is above the hard limit ${hard}`;
    findings.push(badValue([...at, "nofile", "soft"], reason));
  }
  return { nofile: { soft: soft ?? base.nofile.soft, hard: hard ?? base.nofile.hard } };
}

function passOf(
  written: Readonly<Record<string, string | number>>,
  at: KeyPath,
  names: readonly string[],
  findings: Finding[],
): PassPolicy[] {
  const pass: PassPolicy[] = [];
  for (const [name, as] of Object.entries(written)) {
    if (!names.includes(name)) findings.push(unknownName([...at, name], name, names, "key"));
    const first = pass.find((other) =>
      typeof as === "number" ? other.as === as : typeof other.as !== "number" && other.as.variable === as,
    );
    if (first) findings.push(badValue([...at, name], `${first.name} has ${as} already`));
    pass.push({ name, as: typeof as === "number" ? as : { variable: as } });
  }
  return pass;
}

/** LISTEN_FDS counts from 3: a gap cannot be announced. */
function checkRow(pass: readonly PassPolicy[], at: KeyPath, findings: Finding[]): void {
  const numbers = pass.flatMap(({ as }) => (typeof as === "number" && as >= FIRST_ANNOUNCED ? [as] : []));
  for (const { name, as } of pass) {
    if (typeof as !== "number" || as < FIRST_ANNOUNCED + numbers.length) continue;
    const last = FIRST_ANNOUNCED + numbers.length - 1;
    const reason = `protocol systemd announces numbers from ${FIRST_ANNOUNCED} on without a gap, here up to ${last}`;
    findings.push(badValue([...at, name], reason));
  }
}

function unknownName(at: KeyPath, name: string, names: readonly string[], on: Finding["on"]): Finding {
  const nearest = nearestWord(name, names);
  const expected =
    names.length === 0
      ? "a name that fds.open or a rule of fds.inherited gives"
      : `one of: ${names.join(", ")}`;
  const finding = badValue(at, `no descriptor is called ${JSON.stringify(name)}`);
  return { ...finding, on, expected, ...(nearest === undefined ? {} : { nearest }) };
}

function checkStream(at: KeyPath, stream: string, names: readonly string[], findings: Finding[]): void {
  if (stream !== "inherit" && stream !== "devnull" && !names.includes(stream))
    findings.push(unknownName(at, stream, names, "value"));
}

function overrideOf(
  { stdin, restart }: NonNullable<WrittenService["override"]>,
  base: RestartPolicy,
  at: KeyPath,
  names: readonly string[],
  findings: Finding[],
): NonNullable<Service["override"]> {
  if (stdin !== undefined) checkStream([...at, "stdin"], stdin, names, findings);
  return {
    ...(stdin === undefined ? {} : { stdin }),
    ...(restart === undefined ? {} : { restart: restartOf(restart, base, [...at, "restart"], findings) }),
  };
}

function restartOf(
  { policy, backoff, jitter, limit, onLimit }: WrittenRestart,
  base: RestartPolicy,
  at: KeyPath,
  findings: Finding[],
): RestartPolicy {
  const [leastMs = base.backoff.leastMs, mostMs = base.backoff.mostMs] =
    backoff?.split("..").map((text) => parseDuration(text) ?? 0) ?? [];
  if (leastMs > mostMs) findings.push(badValue([...at, "backoff"], "the first is longer than the last"));
  const [count, within] = limit?.split("/") ?? [];
  return {
    ...base,
    policy: policy ?? base.policy,
    backoff: { leastMs, mostMs },
    ...(jitter === undefined ? {} : { jitter: Number.parseInt(jitter, 10) / 100 }),
    limit:
      count === undefined
        ? base.limit
        : { count: Number(count), withinMs: parseDuration(within ?? "") ?? base.limit.withinMs },
    onLimit: onLimit ?? base.onLimit,
  };
}

function capabilitiesOf(
  { keep, ambient = [] }: NonNullable<WrittenService["capabilities"]>,
  at: KeyPath,
  findings: Finding[],
): CapabilitiesPolicy {
  const numbersOf = (names: readonly string[], key: string) =>
    names.flatMap((name, index) => {
      const number = parseCapability(name);
      if (number !== undefined) return [number];
      const reason = `the kernel has no capability ${name}`;
      findings.push(badValue([...at, key, index], reason));
      return [];
    });
  const wanted = numbersOf(ambient, "ambient");
  const kept = keep === undefined ? wanted : numbersOf(keep, "keep");
  for (const [index, name] of ambient.entries()) {
    if (keep !== undefined && !keep.includes(name))
      findings.push(badValue([...at, "ambient", index], `${name} is not among those kept`));
  }
  return { keep: kept, ambient: wanted };
}
