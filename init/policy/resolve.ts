// From a policy of the right shape to a complete one: fills what is unset from the intent and the defaults,
// and reads texts with a meaning of their own. Trusts the shape; complains only of what a schema cannot say.

import type { Access, Family, Kind, SocketType } from "../sys/kinds.ts";
import { parseFdSet } from "./fd-sets.ts";
import type { Finding } from "./finding.ts";
import { defaultsOf, type IntentDefaults } from "./intents.ts";
import { type KeyPath, readablePath } from "./key-path.ts";
import type {
  FdSet,
  FdsPolicy,
  InheritedAction,
  InheritedMatch,
  InheritedPolicy,
  InheritedRule,
  Intent,
  LogLevel,
  NofileLimit,
  Policy,
  PolicyOrigin,
  Service,
} from "./types.ts";

/** A policy as it is written: the schema's keys that this version acts on, each left out at will. */
export interface WrittenPolicy {
  readonly version?: 1;
  readonly intent?: Intent;
  readonly fds?: {
    readonly inherited?: WrittenInherited;
    readonly method?: FdsPolicy["method"];
    readonly scanLimit?: number;
  };
  readonly limits?: { readonly nofile?: { readonly soft?: NofileLimit; readonly hard?: NofileLimit } };
  readonly services?: Readonly<Record<string, WrittenService>>;
  readonly log?: { readonly level?: LogLevel };
}

interface WrittenInherited {
  readonly default?: InheritedAction;
  readonly rules?: readonly WrittenRule[];
  readonly expect?: readonly string[];
}

type OneOrMany<T> = T | readonly T[];

interface WrittenRule {
  readonly match: {
    readonly fd?: unknown;
    readonly kind?: OneOrMany<Kind>;
    readonly path?: OneOrMany<string>;
    readonly access?: OneOrMany<Access>;
    readonly family?: OneOrMany<Family>;
    readonly type?: OneOrMany<SocketType>;
    readonly listening?: boolean;
    readonly address?: OneOrMany<string>;
    readonly outsideRoot?: boolean;
    readonly deleted?: boolean;
    readonly foreignNetwork?: boolean;
    readonly name?: string;
  };
  readonly action: InheritedAction;
  readonly as?: number;
  readonly name?: string;
}

interface WrittenService {
  readonly command?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: "inherit" | "devnull";
}

/** Where a look at every number ends by itself: a few hundredths of a second. */
const DEFAULT_SCAN_LIMIT = 65_536;

/** The name of the only service when the policy names none. */
const ONLY_SERVICE = "main";

export type Resolved =
  | { readonly ok: true; readonly policy: Policy }
  | { readonly ok: false; readonly findings: readonly Finding[] };

export function resolvePolicy(
  written: WrittenPolicy,
  name: string | undefined,
  intentOption: Intent | undefined,
): Resolved {
  const findings: Finding[] = [];
  const intent = intentOption ?? written.intent ?? "security";
  const defaults = defaultsOf(intent);
  const { inherited, method = "auto", scanLimit = DEFAULT_SCAN_LIMIT } = written.fds ?? {};
  const { soft, hard } = written.limits?.nofile ?? {};
  const source: PolicyOrigin = {
    name,
    written: name === undefined ? undefined : { ...written },
    intentFromOption: intentOption !== undefined,
  };
  const policy: Policy = {
    version: 1,
    intent,
    fds: {
      inherited: inheritedOf(inherited, defaults, findings),
      method,
      scanLimit,
    },
    limits: { nofile: { soft: soft ?? defaults.softNofile, hard: hard ?? "inherit" } },
    services: servicesOf(written, findings),
    log: { level: written.log?.level ?? "warn", format: "text" },
    source,
  };
  if (typeof soft === "number" && typeof hard === "number" && soft > hard) {
    const at = ["limits", "nofile", "soft"];
    findings.push(badValue(at, `the soft limit ${soft} is above the hard limit ${hard}`));
  }
  return findings.length === 0 ? { ok: true, policy } : { ok: false, findings };
}

function inheritedOf(
  written: WrittenInherited | undefined,
  defaults: IntentDefaults,
  findings: Finding[],
): InheritedPolicy {
  const rules = written?.rules?.map((rule, index) => ruleOf(rule, index, findings)) ?? [];
  const expect = written?.expect ?? [];
  for (const [index, name] of expect.entries()) {
    if (rules.some((rule) => rule.name === name)) continue;
    const at = ["fds", "inherited", "expect", index];
    findings.push(badValue(at, `no rule gives the name ${JSON.stringify(name)}`));
  }
  return { default: written?.default ?? defaults.inherited, rules: [...rules, ...defaults.rules], expect };
}

function ruleOf(written: WrittenRule, index: number, findings: Finding[]): InheritedRule {
  const at = ["fds", "inherited", "rules", index];
  const { action, as, name } = written;
  const { fd, kind, path, access, family, type, address, ...flags } = written.match;
  const match: InheritedMatch = {
    ...(fd === undefined ? {} : { fd: fdSetAt([...at, "match", "fd"], fd, findings) }),
    ...listed({ kind, path, access, family, type, address }),
    ...flags,
  };
  for (const key of ["as", "name"] as const) {
    if (written[key] === undefined || action === "keep") continue;
    findings.push(
      badValue([...at, key], `only a descriptor that is kept can have it, and the action is ${action}`),
    );
  }
  return {
    match,
    action,
    index,
    ...(as === undefined ? {} : { as }),
    ...(name === undefined ? {} : { name }),
  };
}

/** Each condition that is given, as a list. */
function listed(
  conditions: { [K in keyof WrittenRule["match"]]: WrittenRule["match"][K] | undefined },
): InheritedMatch {
  const given = Object.entries(conditions).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([key, value]) => [key, Array.isArray(value) ? value : [value]]));
}

function fdSetAt(at: KeyPath, written: unknown, findings: Finding[]): FdSet {
  const parsed = parseFdSet(written);
  if (parsed.ok) return parsed.set;
  const place = parsed.index === undefined ? at : [...at, parsed.index];
  findings.push(badValue(place, parsed.message));
  return [];
}

function servicesOf({ services = {} }: WrittenPolicy, findings: Finding[]): [Service, ...Service[]] {
  const resolved: Service[] = [];
  for (const name of Object.keys(services)) resolved.push(serviceOf(name, services[name] ?? {}, findings));
  const [first, ...others] = resolved;
  return [first ?? serviceOf(ONLY_SERVICE, {}, findings), ...others];
}

function serviceOf(
  name: string,
  { command, cwd, env = {}, stdin = "inherit" }: WrittenService,
  findings: Finding[],
): Service {
  if (command?.[0] === "")
    findings.push(badValue(["services", name, "command", 0], "the program's name is empty"));
  return { name, command, type: "default", cwd, env, stdin, essential: true };
}

function badValue(at: KeyPath, reason: string): Finding {
  return { code: "bad-value", message: `bad value for ${readablePath(at)}: ${reason}`, at, on: "value" };
}
