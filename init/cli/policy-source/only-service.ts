// `fdinit run SERVICE`: the policy as if it had that service alone.

import { namesGiven } from "../../plan/services.ts";
import { namesOf, type Policy, type Service } from "../../policy/types.ts";
import { nearestWord } from "../../policy/wording/nearest.ts";
import { EXIT_USAGE } from "../exit-codes.ts";
import type { ReadPolicy } from "./read-policy.ts";

/**
 * Nothing that the service depends on is started, its readiness matters to no other, and its end is the end of fdinit. It is
 * stopped as it is among the others. Descriptors that only other services have are not opened.
 */
export function onlyService(policy: Policy, name: string): ReadPolicy {
  const found = policy.services.find((service) => service.name === name);
  if (!found) return { ok: false, code: EXIT_USAGE, message: unknown(policy, name) };
  const { dependsOn: _needs, ready: _ready, watchdogMs: _watchdog, stop, ...rest } = found;
  const restart = { ...found.restart, onLimit: "exit" as const };
  const service: Service = { ...rest, type: "service", essential: true, restart };
  const { control: _control, ...others } = policy;
  const given = namesGiven(service);
  return {
    ok: true,
    policy: {
      ...others,
      services: [service],
      fds: {
        ...policy.fds,
        open: policy.fds.open.filter((opening) => namesOf(opening).some((one) => given.includes(one))),
      },
      shutdown: { ...policy.shutdown, steps: stop ?? policy.shutdown.steps },
      log: { ...policy.log, services: "raw" },
    },
  };
}

function unknown({ services, source }: Policy, name: string): string {
  const names = services.map((service) => service.name);
  const near = nearestWord(name, names);
  const meant = near === undefined ? "" : `; did you mean ${JSON.stringify(near)}?`;
  return `${source.name ?? "the policy"} has no service ${JSON.stringify(name)}, only: ${names.join(", ")}${meant}`;
}
