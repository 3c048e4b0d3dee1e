// A start with several services: plans, prepares PID 1, and supervises until the container ends.

import { launch, launchContext, prepare } from "../../launch/launch.ts";
import { findCredentials } from "../../launch/users.ts";
import type { CommandLine, Launch } from "../../plan/plan.ts";
import { buildServicesPlan } from "../../plan/services.ts";
import type { Policy } from "../../policy/types.ts";
import { superviseServices } from "../../supervise/services/loop.ts";
import type { Facts } from "../../sys/facts.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { environmentOf } from "../command-line.ts";
import type { Message, Say } from "../output/say.ts";
import type { launchFailure } from "./launch-failure.ts";
import type { refusal, sayWarnings } from "./refusal.ts";
import { started } from "./start-again.ts";
import type { tellPlan } from "./tell-start.ts";

/** The wording of a refusal, a failure, a warning and a plan. */
interface Reports {
  readonly refusal: typeof refusal;
  readonly launchFailure: typeof launchFailure;
  readonly sayWarnings: typeof sayWarnings;
  readonly tellPlan: typeof tellPlan;
}

interface Given {
  readonly kernel: Kernel;
  readonly signalFd: number;
  readonly facts: Facts;
  readonly commandLine: CommandLine;
  readonly say: Say;
}

/** Answers the exit code, and what is to be said where nothing was started. `reports` is asked for where there is something to say. */
export function runServices(
  policy: Policy,
  { kernel, signalFd, facts, commandLine, say }: Given,
  reports: () => Reports,
): [code: number, ...messages: readonly Message[]] {
  const planned = buildServicesPlan(policy, facts, commandLine);
  if (!planned.ok) return reports().refusal(kernel, policy, planned);
  const { steps, services, supervision, warnings } = planned.plan;
  const all = [...steps, ...services.flatMap(({ start }) => start)];
  if (policy.log.level !== "warn" || warnings.length > 0)
    reports().tellPlan(say, kernel, policy, { plan: { steps: all, warnings } }, signalFd);
  const context = launchContext(kernel, signalFd + 1);
  const prepared = prepare(steps, context);
  if (!prepared.ok) return reports().launchFailure(kernel, policy, prepared.failure, {});
  if (prepared.warnings.length > 0) reports().sayWarnings(say, kernel, policy, prepared.warnings);
  const said = new Set<string>();
  const code = superviseServices({
    kernel,
    signalFd,
    services,
    supervision,
    say,
    context,
    supervisorSocket: environmentOf(kernel)("NOTIFY_SOCKET") || undefined,
    launch: (start) => {
      const result = launch(start, context);
      // A warning of a start is the same at every one, and is said once.
      const fresh = result.ok ? (result.warnings ?? []).filter(({ message }) => !said.has(message)) : [];
      for (const { message } of fresh) said.add(message);
      return started(result.ok ? { ...result, warnings: fresh } : result, say);
    },
    idsOf: (launched) => idsOf(kernel, launched),
  });
  return [code];
}

function idsOf(kernel: Kernel, { user, groups }: Launch) {
  const found = user ? findCredentials(kernel, user, groups) : undefined;
  return found === undefined || typeof found === "string" ? undefined : found.credentials;
}
