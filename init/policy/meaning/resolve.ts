// Completes a policy of the right shape: written keys go on top of the intent's defaults, and texts such as `10s`, `0-2`
// and `SIGTERM` become numbers. Trusts the shape; complains only of mistakes that a schema cannot find.

import type { Access, Family, Kind, SocketType } from "../../sys/descriptors/kinds.ts";
import type { KeyPath } from "../key-path.ts";
import {
  type FdSet,
  type FdsPolicy,
  type InheritedAction,
  type InheritedMatch,
  type InheritedPolicy,
  type InheritedRule,
  type Intent,
  type LogPolicy,
  namesOf,
  type Policy,
  type Service,
} from "../types.ts";
import { badValue, type Finding } from "../wording/finding.ts";
import { defaultPolicy, defaultService } from "./defaults.ts";
import { parseFdSet } from "./fd-sets.ts";
import { controlOf, type WrittenControl } from "./resolve-control.ts";
import { openOf, type WrittenOpened } from "./resolve-open.ts";
import {
  reapingOf,
  shutdownOf,
  signalsOf,
  type WrittenReaping,
  type WrittenShutdown,
  type WrittenSignals,
} from "./resolve-signals.ts";
import {
  limitsOf,
  type ServiceReferences,
  serviceOf,
  type WrittenLimits,
  type WrittenService,
} from "./services/resolve-service.ts";
import { checkGraph } from "./services/service-graph.ts";

/** A policy as it is written: the schema's keys that this version acts on, each left out at will. */
export interface WrittenPolicy {
  readonly version?: 1;
  readonly intent?: Intent;
  readonly fds?: {
    readonly inherited?: WrittenInherited;
    readonly open?: Readonly<Record<string, WrittenOpened>>;
    readonly method?: FdsPolicy["method"];
    readonly scanLimit?: number;
  };
  readonly limits?: WrittenLimits;
  readonly services?: Readonly<Record<string, WrittenService>>;
  readonly signals?: WrittenSignals;
  readonly tty?: Policy["tty"];
  readonly shutdown?: WrittenShutdown;
  readonly reaping?: WrittenReaping;
  readonly exit?: { readonly map?: Readonly<Record<string, number>> };
  readonly log?: Partial<LogPolicy>;
  readonly control?: WrittenControl;
  readonly report?: string;
  readonly dropPrivileges?: boolean;
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

export type Resolved =
  | { readonly ok: true; readonly policy: Policy }
  | { readonly ok: false; readonly findings: readonly Finding[] };

export function resolvePolicy(
  written: WrittenPolicy,
  name: string,
  intentOption: Intent | undefined,
): Resolved {
  const findings: Finding[] = [];
  const intent = intentOption ?? written.intent ?? "security";
  const base = defaultPolicy(intent, {
    name,
    written: { ...written },
    intentFromOption: intentOption !== undefined,
  });
  const { report = "none" } = written;
  const inherited = inheritedOf(written.fds?.inherited, base.fds.inherited, findings);
  const open = openOf(written.fds?.open ?? {}, inherited.rules, findings);
  const limits = limitsOf(written.limits ?? {}, base.limits, ["limits"], findings);
  const [onlyService] = base.services;
  const signals = signalsOf(written.signals ?? {}, onlyService.signals, ["signals"], findings);
  const names = [...open.flatMap(namesOf), ...inherited.rules.flatMap((rule) => rule.name ?? [])];
  const isSeveral = Object.keys(written.services ?? {}).length > 1;
  const services = servicesOf(written, { signals, limits, names, isSeveral }, findings);
  const delayMs = (on: readonly number[]) =>
    Math.max(
      0,
      ...services.flatMap((service) => on.map((signal) => service.signals.delayMs.get(signal) ?? 0)),
    );
  // With several services, each has its own way to be stopped.
  const stop = isSeveral ? undefined : stopOf(written.services);
  const shutdown = shutdownOf(written.shutdown ?? {}, delayMs, stop, base.shutdown, findings);
  // One service alone can depend on nothing: the graph's complaint names the service that is not there.
  const isAlone = !isSeveral && (services[0]?.dependsOn?.size ?? 0) > 0;
  if (isSeveral || isAlone) checkGraph(services, shutdown, findings);
  const control = controlOf(written.control, ["control"], findings);
  const policy: Policy = {
    ...base,
    ...(control === undefined ? {} : { control }),
    fds: {
      inherited,
      open,
      method: written.fds?.method ?? base.fds.method,
      scanLimit: written.fds?.scanLimit ?? base.fds.scanLimit,
    },
    limits,
    services,
    tty: written.tty ?? base.tty,
    shutdown,
    reaping: reapingOf(written.reaping ?? {}, base.reaping, shutdown, findings),
    exitMap: new Map(Object.entries(written.exit?.map ?? {}).map(([code, other]) => [Number(code), other])),
    log: { ...base.log, ...written.log },
    report: report === "none" ? undefined : report,
    dropPrivileges: written.dropPrivileges ?? base.dropPrivileges,
  };
  return findings.length === 0 ? { ok: true, policy } : { ok: false, findings };
}

/** How the only service is stopped, when it says so itself. */
function stopOf(services: WrittenPolicy["services"] = {}) {
  for (const [name, { stop }] of Object.entries(services))
    if (stop) return { written: stop, at: ["services", name, "stop"] };
  return undefined;
}

function inheritedOf(
  written: WrittenInherited | undefined,
  base: InheritedPolicy,
  findings: Finding[],
): InheritedPolicy {
  const rules = written?.rules?.map((rule, index) => ruleOf(rule, index, findings)) ?? [];
  const expect = written?.expect ?? [];
  for (const [index, name] of expect.entries()) {
    if (rules.some((rule) => rule.name === name)) continue;
    const at = ["fds", "inherited", "expect", index];
    findings.push(badValue(at, `no rule gives the name ${JSON.stringify(name)}`));
  }
  return { default: written?.default ?? base.default, rules: [...rules, ...base.rules], expect };
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

function servicesOf(
  { services = {} }: WrittenPolicy,
  references: ServiceReferences,
  findings: Finding[],
): [Service, ...Service[]] {
  const resolved: Service[] = [];
  for (const name of Object.keys(services))
    resolved.push(serviceOf(name, services[name] ?? {}, references, findings));
  const [first, ...others] = resolved;
  return [first ?? serviceOf(defaultService().name, {}, references, findings), ...others];
}
