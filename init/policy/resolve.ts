// From a policy of the right shape to a complete one: fills what is unset from the intent and the defaults,
// and reads texts with a meaning of their own. Trusts the shape; complains only of what a schema cannot say.

import { parseFdSet } from "./fd-sets.ts";
import type { Finding } from "./finding.ts";
import { defaultsOf } from "./intents.ts";
import { type KeyPath, readablePath } from "./key-path.ts";
import type {
  FdSet,
  InheritedAction,
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
  readonly fds?: { readonly inherited?: WrittenInherited };
  readonly limits?: { readonly nofile?: { readonly soft?: NofileLimit; readonly hard?: NofileLimit } };
  readonly services?: Readonly<Record<string, WrittenService>>;
  readonly log?: { readonly level?: LogLevel };
}

interface WrittenInherited {
  readonly default?: InheritedAction;
  readonly rules?: readonly { readonly match: { readonly fd: unknown }; readonly action: InheritedAction }[];
}

interface WrittenService {
  readonly command?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: "inherit" | "devnull";
}

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
  const { inherited } = written.fds ?? {};
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
      inherited: { default: inherited?.default ?? defaults.inherited, rules: rulesOf(inherited, findings) },
      method: "auto",
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

function rulesOf(inherited: WrittenInherited | undefined, findings: Finding[]): InheritedRule[] {
  return (inherited?.rules ?? []).map(({ match, action }, index) => {
    const at = ["fds", "inherited", "rules", index, "match", "fd"];
    return { match: { fd: fdSetAt(at, match.fd, findings) }, action };
  });
}

function fdSetAt(at: KeyPath, written: unknown, findings: Finding[]): FdSet {
  const parsed = parseFdSet(written);
  if (parsed.ok) return parsed.set;
  const place = parsed.index === undefined ? at : [...at, parsed.index];
  findings.push(badValue(place, parsed.message));
  return [];
}

function servicesOf({ services = {} }: WrittenPolicy, findings: Finding[]): [Service, ...Service[]] {
  const [first, ...others] = Object.entries(services).map(([name, written]) =>
    serviceOf(name, written, findings),
  );
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
