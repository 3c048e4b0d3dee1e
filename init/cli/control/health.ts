// `fdinit health`: 0 when the container is healthy, 1 when not, as HEALTHCHECK and exec probes want it.

import type { Health } from "../../supervise/services/control/status-report.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { EXIT_NOT_DONE } from "../exit-codes.ts";
import type { SubcommandLine } from "../invocation.ts";
import { type Outcome, print } from "../output/print.ts";
import { linesOf } from "../output/say.ts";
import type { Client } from "./client.ts";
import type { FoundSocket } from "./find-socket.ts";
import { seenServices } from "./reduced.ts";

export function health(
  kernel: Kernel,
  { quiet }: SubcommandLine,
  client: Client | undefined,
  found: FoundSocket,
): Outcome {
  if (!client) return told(kernel, healthFromProc(kernel, found), quiet);
  const answer = client.ask({ request: "health" });
  if ("reply" in answer)
    return told(kernel, "healthy" in answer.reply ? answer.reply : { healthy: false, why: [] }, quiet);
  const { code, complaint } = answer.outcome;
  // A signal that ended this process is no answer. Where nobody answers, nothing says that it is healthy.
  if (complaint === undefined) return { code };
  return quiet ? { code: EXIT_NOT_DONE } : { code: EXIT_NOT_DONE, complaint };
}

/** Without a control socket: whether what is to run has a process. */
function healthFromProc(kernel: Kernel, { policy, why }: FoundSocket): Health {
  const seen = seenServices(kernel, policy);
  if (!seen.ok) return { healthy: false, why: [...(policy ? [] : linesOf(why)), seen.why] };
  const gone = seen.services.filter(({ type, pid }) => type !== "oneshot" && pid === undefined);
  return { healthy: gone.length === 0, why: gone.map(({ name }) => `${name} has no process`) };
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
