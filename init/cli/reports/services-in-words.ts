// Several services in a report on a plan: the order in which they start, and how and when each is stopped. Pure.

import { writtenWaits } from "../../policy/meaning/services/service-graph.ts";
import { type Policy, type ReadyCheck, type Service, stopSteps } from "../../policy/types.ts";
import { signalName } from "../../sys/signals/signal-names.ts";
import { duration } from "./resolved-keys.ts";

/** The services in tiers: each needs only those of earlier ones. */
export function startOrder({ services }: Policy): string[][] {
  const tiers: string[][] = [];
  const placed = new Set<string>();
  while (placed.size < services.length) {
    const tier = services.filter(
      ({ name, dependsOn }) =>
        !placed.has(name) && [...(dependsOn?.keys() ?? [])].every((other) => placed.has(other)),
    );
    // check refuses a circle; a policy that was never checked must not keep this going for ever.
    if (tier.length === 0) break;
    for (const { name } of tier) placed.add(name);
    tiers.push(tier.map(({ name }) => name));
  }
  return tiers;
}

export function serviceRows(policy: Policy): string[][] {
  const rows = [["order", "service", "type", "starts when", "is ready", "its end"]];
  for (const [index, tier] of startOrder(policy).entries())
    for (const name of tier) {
      const service = policy.services.find((one) => one.name === name);
      if (!service) continue;
      const needs = [...(service.dependsOn ?? [])].map(([other, condition]) => `${other} is ${condition}`);
      rows.push([
        String(index + 1),
        name,
        service.type,
        needs.length === 0 ? "at once" : needs.join(" and "),
        readyInWords(service.ready, service.type),
        endInWords(service),
      ]);
    }
  return rows;
}

function readyInWords(ready: ReadyCheck | undefined, type: Service["type"]): string {
  if (!ready) return type === "oneshot" ? "when it has ended with code 0" : "as soon as it is started";
  const within = ready.timeoutMs === undefined ? "at any time" : `within ${duration(ready.timeoutMs)}`;
  switch (ready.by) {
    case "notify":
      return `by a line on descriptor ${ready.fd}, ${within}`;
    case "sdNotify":
      return `by READY=1, ${within}`;
    case "tcp":
    case "http":
      return `by ${ready.by} ${ready.written}, ${within}`;
    case "exec":
      return `by ${ready.command.join(" ")}, ${within}`;
    case "file":
      return `by the file ${ready.path}, ${within}`;
  }
}

function endInWords({ restart, essential }: Service): string {
  const { policy, limit, onLimit } = restart;
  const end = essential ? "ends the container" : "the container goes on";
  if (policy === "never") return end;
  const most = `${limit.count} in ${duration(limit.withinMs)}`;
  const after = onLimit === "exit" ? "then ends the container" : "then stays stopped";
  return `restarted ${policy === "always" ? "always" : "on failure"}, ${most}, ${after}`;
}

/** The stop of each service in reverse order, and the longest that the written waits can take together. */
export function stopRows({ services, shutdown }: Policy): string[][] {
  const { budgetMs, on } = shutdown;
  const rows: string[][] = [["0s", `${on.map(signalName).join(" or ")} comes`]];
  const tiers = startOrder({ services } as Policy).reverse();
  for (const tier of tiers)
    for (const name of tier) {
      const service = services.find((one) => one.name === name);
      if (!service) continue;
      const dependants = services.filter(({ dependsOn }) => dependsOn?.has(name)).map((one) => one.name);
      rows.push([
        dependants.length === 0 ? "at once" : `after ${dependants.join(" and ")}`,
        `${name}: ${stopInWords(service, shutdown)}`,
      ]);
    }
  rows.push(
    budgetMs === undefined
      ? ["no budget", "the engine's own deadline is the end (10s for docker stop, 30s in Kubernetes)"]
      : [duration(budgetMs), "the budget is over: fdinit ends"],
  );
  return rows;
}

function stopInWords(service: Service, shutdown: Policy["shutdown"]): string {
  const steps = stopSteps(service, shutdown);
  const share = shutdown.budgetMs === undefined ? "10s" : "its share of the budget";
  if (!steps) {
    const signals = shutdown.on.map((signal) => {
      const rewritten = service.signals.rewrite.get(signal) ?? signal;
      return signalName(rewritten === "ignore" ? signal : rewritten);
    });
    return `${signals.join(" or ")}, SIGKILL after ${share}`;
  }
  const words = steps.map(({ signal, waitMs, isPatient }, index) => {
    const isLast = index === steps.length - 1;
    if (waitMs !== undefined) return `${signalName(signal)}, ${duration(waitMs)}`;
    if (!isLast || signalName(signal) === "SIGKILL") return signalName(signal);
    return isPatient
      ? `${signalName(signal)}, for as long as it takes`
      : `${signalName(signal)}, SIGKILL after ${share}`;
  });
  const writtenMs = writtenWaits(service, shutdown);
  return `${words.join("; ")}${writtenMs > 0 ? ` (at most ${duration(writtenMs)})` : ""}`;
}

/** The settings of a command that takes the place of the policy's own. */
export function commandInWords({ services: [service], control, log }: Policy): string {
  const { name, override } = service;
  const stdin =
    override?.stdin === undefined ? "fdinit's standard input" : `standard input ${override.stdin}`;
  const restart =
    override?.restart === undefined || override.restart.policy === "never"
      ? "is not started again"
      : `is started again (${override.restart.policy})`;
  const left = [
    ...(service.type === "oneshot" ? ["type"] : []),
    ...(service.ready ? ["ready"] : []),
    ...(service.watchdogMs === undefined ? [] : ["watchdog"]),
    ...(control ? ["control"] : []),
    ...((log.services ?? "raw") === "raw" ? [] : ["log.services"]),
  ];
  const without = left.length === 0 ? "" : `, and goes without ${left.join(", ")}`;
  return `takes the place of the command of ${name}: keeps its user, directory, limits and descriptors, gets ${stdin}, ${restart}${without}`;
}
