// The complete policy of an intent when nothing is written: what a start without a policy file runs by,
// and what resolve.ts puts a file's keys on top of. Pure data; on the way of every start.

import { SIGTERM } from "../../sys/libc/constants.ts";
import type { Intent, Policy, PolicyOrigin, RestartPolicy, Service, SignalsPolicy } from "../types.ts";
import { defaultsOf } from "./intents.ts";

/** The name of the only service when the policy names none. */
const ONLY_SERVICE = "main";

/** Where a look at every number ends by itself: a few hundredths of a second. */
const SCAN_LIMIT = 65_536;

export const DEFAULT_SIGNALS: SignalsPolicy = {
  forward: "all",
  to: "process",
  rewrite: new Map(),
  delayMs: new Map(),
};

export const DEFAULT_RESTART: RestartPolicy = {
  policy: "never",
  backoff: { leastMs: 500, mostMs: 30_000 },
  limit: { count: 5, withinMs: 60_000 },
  onLimit: "exit",
};

export function defaultService(name: string = ONLY_SERVICE): Service {
  return {
    name,
    command: undefined,
    type: "service",
    cwd: undefined,
    env: {},
    pass: undefined,
    protocol: "auto",
    stdin: "inherit",
    restart: DEFAULT_RESTART,
    signals: DEFAULT_SIGNALS,
    setsid: false,
    noNewPrivileges: false,
    essential: true,
  };
}

export function defaultPolicy(intent: Intent, source: PolicyOrigin): Policy {
  const { inherited, rules, softNofile, orphans } = defaultsOf(intent);
  return {
    version: 1,
    intent,
    fds: {
      inherited: { default: inherited, rules, expect: [] },
      open: [],
      method: "auto",
      scanLimit: SCAN_LIMIT,
    },
    limits: { nofile: { soft: softNofile, hard: "inherit" } },
    services: [defaultService()],
    tty: "auto",
    shutdown: { on: [SIGTERM], budgetMs: undefined, steps: [] },
    reaping: { subreaper: "auto", orphans, waitMs: 5_000, log: "none" },
    exitMap: new Map(),
    log: { level: "warn", format: "text", services: "raw" },
    report: undefined,
    dropPrivileges: false,
    source,
  };
}
