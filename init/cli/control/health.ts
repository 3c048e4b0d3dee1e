// `fdinit health`: 0 when the container is healthy, 1 when not, as HEALTHCHECK and exec probes want it.

import type { Policy } from "../../policy/types.ts";
import { shownStatus } from "../../supervise/services/control/status-file.ts";
import type { Health } from "../../supervise/services/control/status-report.ts";
import { probeOnce } from "../../supervise/services/ready/probe-once.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { ENOSYS } from "../../sys/libc/errno.ts";
import { EXIT_NOT_DONE } from "../exit-codes.ts";
import type { SubcommandLine } from "../invocation.ts";
import { type Outcome, print } from "../output/print.ts";
import { linesOf } from "../output/say.ts";
import { programWordsOf } from "../policy-source/running-fdinit.ts";
import type { Client } from "./client.ts";
import { type FoundSocket, INIT } from "./find-socket.ts";
import { seenServices } from "./reduced.ts";

export function health(
  kernel: Kernel,
  { quiet }: SubcommandLine,
  client: Client | undefined,
  found: FoundSocket,
): Outcome {
  if (!client) return told(kernel, healthWithoutSocket(kernel, found), quiet);
  const answer = client.ask({ request: "health" });
  if ("reply" in answer)
    return told(kernel, "healthy" in answer.reply ? answer.reply : { healthy: false, why: [] }, quiet);
  const { code, complaint } = answer.outcome;
  // A signal that ended this process is no answer. Where nobody answers, nothing says that it is healthy.
  if (complaint === undefined) return { code };
  return quiet ? { code: EXIT_NOT_DONE } : { code: EXIT_NOT_DONE, complaint };
}

/** How long one check may take, and all of them together. */
const CHECK_MS = 1000;
const ALL_CHECKS_MS = 10_000;

/**
 * Without a control socket: what PID 1 shows of its services, or that each service which is to run has a process; and the ports and
 * files that the policy checks are asked once more. The command of an exec check is not run: it would have other
 * rights here than the service has.
 */
function healthWithoutSocket(kernel: Kernel, { policy, why }: FoundSocket): Health {
  const shown = shownStatus(kernel, INIT);
  if (shown && !shown.healthy) return shown;
  const seen = shown ? { ok: true as const, services: shown.services } : seenServices(kernel, policy);
  if (!seen.ok) return { healthy: false, why: [...(policy ? [] : linesOf(why)), seen.why] };
  const until = kernel.now() + ALL_CHECKS_MS;
  const problems: string[] = [];
  const checked = isCommandReplaced(kernel, policy) ? [] : (policy?.services ?? []);
  for (const { name, type, pid } of seen.services) {
    if (type === "oneshot") continue;
    const check = checked.find((service) => service.name === name)?.ready;
    const left = Math.min(CHECK_MS, until - kernel.now());
    if (pid === undefined) {
      // PID 1 knows of a service without a process that it need not run.
      if (!shown) problems.push(`${name} has no process`);
    } else if (check && (check.by === "tcp" || check.by === "http" || check.by === "file")) {
      const outcome = probeOnce(kernel, check, left, () => -ENOSYS);
      if (outcome !== true) problems.push(`${name} is not ready: ${outcome}`);
    }
  }
  return { healthy: problems.length === 0, why: problems };
}

/** The check of a service is about the policy's command: one of the command line in its place goes without, as in PID 1 (plan/build.ts). */
function isCommandReplaced(kernel: Kernel, policy: Policy | undefined): boolean {
  const [only, ...others] = policy?.services ?? [];
  return only?.command !== undefined && others.length === 0 && programWordsOf(kernel, INIT) !== undefined;
}

function told(kernel: Kernel, { healthy, why }: Health, quiet: true | undefined): Outcome {
  const code = healthy ? 0 : EXIT_NOT_DONE;
  if (quiet) return { code };
  return print(
    kernel,
    healthy ? "healthy\n" : `not healthy${why.length === 0 ? "" : `: ${why.join("; ")}`}\n`,
    code,
  );
}
