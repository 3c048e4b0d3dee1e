// Says, for each key of a resolved policy, who gave it its value. For reports; never on the way to a start.

import { isRecord, type KeyPath, valueAt } from "./key-path.ts";
import type { Origin, Policy } from "./types.ts";

export interface KeyOrigin {
  readonly path: KeyPath;
  readonly origin: Origin;
}

/** The keys that the intent fills. */
const BY_INTENT: readonly (readonly string[])[] = [
  ["fds", "inherited", "default"],
  ["limits", "nofile", "soft"],
  ["reaping", "orphans"],
];

/** In the order of the schema; NAME is each service. */
const KEYS: readonly (readonly string[])[] = [
  ["intent"],
  ["fds", "inherited", "default"],
  ["fds", "inherited", "rules"],
  ["fds", "inherited", "expect"],
  ["fds", "open"],
  ["fds", "method"],
  ["fds", "scanLimit"],
  ["limits", "nofile", "soft"],
  ["limits", "nofile", "hard"],
  ["services", "NAME"],
  ["signals", "forward"],
  ["signals", "to"],
  ["signals", "rewrite"],
  ["signals", "delay"],
  ["tty"],
  ["shutdown", "on"],
  ["shutdown", "budget"],
  ["shutdown", "steps"],
  ["reaping", "subreaper"],
  ["reaping", "orphans"],
  ["reaping", "wait"],
  ["reaping", "log"],
  ["exit", "map"],
  ["log", "level"],
  ["log", "format"],
  ["log", "services"],
  ["control", "socket"],
  ["report"],
  ["dropPrivileges"],
];

const OF_A_SERVICE: readonly (readonly string[])[] = [
  ["command"],
  ["type"],
  ["dependsOn"],
  ["ready"],
  ["watchdog"],
  ["user"],
  ["groups"],
  ["cwd"],
  ["umask"],
  ["env"],
  ["envFile"],
  ["fds", "pass"],
  ["fds", "protocol"],
  ["stdin"],
  ["stdout"],
  ["stderr"],
  ["restart", "policy"],
  ["restart", "backoff"],
  ["restart", "jitter"],
  ["restart", "limit"],
  ["restart", "onLimit"],
  ["stop"],
  ["reload"],
  ["override"],
  ["signals"],
  ["setsid"],
  ["essential"],
  ["limits"],
  ["noNewPrivileges"],
  ["capabilities"],
  ["nice"],
  ["oomScoreAdj"],
  ["pdeathsig"],
];

export function describeOrigins({ source, services }: Policy): KeyOrigin[] {
  const { written, intentFromOption } = source;
  const originOf = (path: readonly string[]): Origin => {
    if (valueAt(written, path) !== undefined) return "policy";
    return BY_INTENT.some((key) => key.join(".") === path.join(".")) ? "intent" : "default";
  };
  const hasServices = isRecord(written?.["services"]);
  return KEYS.flatMap((path): KeyOrigin[] => {
    if (path[0] === "intent") return [{ path, origin: intentFromOption ? "option" : originOf(path) }];
    if (path[1] !== "NAME") return [{ path, origin: originOf(path) }];
    return services.flatMap(({ name }) =>
      OF_A_SERVICE.map((key) => {
        const whole = ["services", name, ...key];
        const isCommandLine = key[0] === "command" && !hasServices;
        return { path: whole, origin: isCommandLine ? "option" : originOf(whole) };
      }),
    );
  });
}
