// Every key of a resolved policy as a policy would write it, with who set it. For reports.

import { readablePath, valueAt } from "../../policy/key-path.ts";
import { describeOrigins } from "../../policy/origins.ts";
import type { Origin, Policy, Service } from "../../policy/types.ts";
import { SIGHUP } from "../../sys/libc/constants.ts";
import { signalName } from "../../sys/signals/signal-names.ts";
import { writtenRule } from "./written-rule.ts";

export interface ResolvedKey {
  readonly key: string;
  readonly value: unknown;
  readonly origin: Origin;
}

/** Every key this version acts on, with its value as a policy would write it and who set it. */
export function resolvedKeys(policy: Policy): ResolvedKey[] {
  const { written } = policy.source;
  const resolved = writtenOut(policy);
  return describeOrigins(policy).map(({ path, origin }) => {
    const isOwn = origin === "policy" && path.join(".") !== "fds.inherited.rules";
    const value = valueAt(isOwn ? written : resolved, path);
    return { key: readablePath(path), value: value ?? null, origin };
  });
}

/** The keys that no policy wrote, in the form in which a policy would write them. */
function writtenOut(policy: Policy): unknown {
  const { fds, shutdown, reaping, exitMap, report = "none", services } = policy;
  const inherited = { ...fds.inherited, rules: fds.inherited.rules.map(writtenRule) };
  const { budgetMs } = shutdown;
  return {
    ...policy,
    fds: { ...fds, inherited, open: {} },
    services: Object.fromEntries(services.map((service) => [service.name, writtenService(service)])),
    signals: { forward: "all", to: "process", rewrite: {}, delay: {} },
    shutdown: {
      on: shutdown.on.map(signalName),
      budget: budgetMs === undefined ? "none" : duration(budgetMs),
      steps: [],
    },
    reaping: { ...reaping, wait: duration(reaping.waitMs) },
    exit: { map: Object.fromEntries(exitMap) },
    report,
  };
}

function writtenService({ restart, pass, protocol, ...service }: Service): Record<string, unknown> {
  const { backoff, limit } = restart;
  return {
    ...service,
    dependsOn: Object.fromEntries(service.dependsOn ?? []),
    stdout: service.stdout ?? "inherit",
    stderr: service.stderr ?? "inherit",
    envFile: service.envFile ?? [],
    reload: signalName(service.reload ?? SIGHUP),
    override: service.override ?? {},
    fds: { pass, protocol },
    restart: {
      ...restart,
      jitter: `${Math.round((restart.jitter ?? 0) * 100)}%`,
      backoff: `${duration(backoff.leastMs)}..${duration(backoff.mostMs)}`,
      limit: `${limit.count}/${duration(limit.withinMs)}`,
    },
    signals: undefined,
    pdeathsig: "none",
  };
}

export function duration(ms: number): string {
  if (ms % 60_000 === 0 && ms > 0) return `${ms / 60_000}m`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
