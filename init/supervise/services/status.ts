// The state of the services, as the control socket answers it. Pure.

import type { PlannedService, Step } from "../../plan/plan.ts";
import { exitCode } from "../exit-code.ts";
import type {
  GivenDescriptor,
  Health,
  LastExit,
  ServiceReport,
  StatusReport,
} from "./control/status-report.ts";
import type { ServiceState, ServicesState } from "./machine/events.ts";
import { planned } from "./machine/transitions.ts";

export interface StatusFacts {
  readonly now: number;
  readonly beganAt: number;
  readonly shutdownAt: Date | undefined;
  readonly plans: readonly PlannedService[];
  /** STATUS of sd_notify(3), or why the readiness check has failed so far. */
  readonly textOf: (service: string) => string | undefined;
}

export function statusOf(state: ServicesState, facts: StatusFacts): StatusReport {
  const { now, beganAt, shutdownAt } = facts;
  const services: ServiceReport[] = [];
  for (const [name, service] of state.services) services.push(reportOf(state, name, service, facts));
  const { healthy, why } = healthOf(state, facts.textOf);
  return {
    version: 1,
    uptimeMs: Math.round(now - beganAt),
    healthy,
    why,
    ...(shutdownAt === undefined ? {} : { shutdown: { since: shutdownAt.toISOString() } }),
    services,
  };
}

function reportOf(
  state: ServicesState,
  name: string,
  service: ServiceState,
  { now, plans, textOf }: StatusFacts,
): ServiceReport {
  const { type, essential, ready } = planned(state, name);
  const { phase, pid, startedAt, starts } = service;
  const text = textOf(name);
  return {
    name,
    type,
    essential,
    state: phase,
    ...(pid === undefined ? {} : { pid }),
    ...(pid === undefined || startedAt === undefined ? {} : { uptimeMs: Math.round(now - startedAt) }),
    restarts: Math.max(0, starts - 1),
    ...(ready === undefined ? {} : { ready: phase === "ready" }),
    ...(text === undefined ? {} : { statusText: text }),
    descriptors: descriptorsOf(plans.find((plan) => plan.name === name)),
    ...lastExitOf(service, now),
  };
}

function descriptorsOf(plan: PlannedService | undefined): GivenDescriptor[] {
  const spawn = plan?.start.find((step): step is Extract<Step, { do: "spawn" }> => step.do === "spawn");
  return (spawn?.launch.pass ?? []).map(({ from, to }) => ({ name: String(from), as: to }));
}

function lastExitOf({ code, lastStatus, lastEndAt }: ServiceState, now: number): { lastExit?: LastExit } {
  if (code === undefined || lastEndAt === undefined) return {};
  const at = new Date(Date.now() - (now - lastEndAt)).toISOString();
  const signal = lastStatus === undefined ? 0 : lastStatus & 0x7f;
  const real = lastStatus === undefined ? code : exitCode(lastStatus);
  return { lastExit: { code: real, at, ...(signal === 0 ? {} : { signal }) } };
}

/** All that is to run is ready, and every oneshot has completed; what a request has stopped does not count. */
export function healthOf(state: ServicesState, textOf: StatusFacts["textOf"]): Health {
  const why: string[] = [];
  if (state.shutdown) why.push("fdinit is shutting down");
  for (const [name, { phase, isDown }] of state.services) {
    if (phase === "ready" || phase === "completed" || isDown) continue;
    const isOver = phase === "stopped" && !planned(state, name).essential;
    if (isOver) continue;
    const text = textOf(name);
    why.push(`${name} is ${phase}${text === undefined ? "" : `: ${text}`}`);
  }
  return { healthy: why.length === 0, why };
}
