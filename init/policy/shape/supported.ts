// The part of the policy language that this version acts on. Everything else is refused, so that no key is
// ignored in silence. As a feature lands, its keys are added here and to types.ts; nothing else changes.

import { isRecord, type KeyPath, readablePath } from "../key-path.ts";
import type { Finding } from "../wording/finding.ts";

/**
 * `true`: fdinit acts on every valid value. A list: only these values, for which fdinit has nothing to do. An object:
 * the keys below; "*" stands for any name, "[]" for any index.
 */
type Supported = true | readonly unknown[] | { readonly [key: string]: Supported };

const SUPPORTED: Supported = {
  version: true,
  intent: true,
  fds: {
    inherited: { default: true, rules: true, expect: true },
    open: true,
    method: true,
    scanLimit: true,
  },
  limits: { nofile: true },
  services: {
    "*": {
      command: true,
      user: true,
      groups: true,
      cwd: true,
      umask: true,
      env: true,
      fds: true,
      envFile: true,
      stdin: true,
      stdout: true,
      stderr: true,
      type: ["service"],
      restart: true,
      stop: true,
      reload: true,
      override: true,
      signals: true,
      setsid: true,
      essential: [true],
      limits: true,
      noNewPrivileges: true,
      capabilities: true,
      nice: true,
      oomScoreAdj: true,
      pdeathsig: true,
    },
  },
  signals: true,
  tty: true,
  shutdown: true,
  reaping: true,
  exit: true,
  log: true,
  report: true,
  dropPrivileges: true,
};

const MAX_SERVICES = 1;

/** Complains about each key or value without effect. Keys that the schema does not have are left to validate.ts. */
export function findUnsupported(policy: unknown, isKnownKey: (path: KeyPath) => boolean): Finding[] {
  const findings: Finding[] = [];
  const visit = (value: unknown, supported: Supported, at: KeyPath): void => {
    if (supported === true) return;
    if (isList(supported)) {
      if (!supported.includes(value)) findings.push(unsupportedValue(value, supported, at));
      return;
    }
    if (Array.isArray(value)) {
      const item = supported["[]"];
      if (item !== undefined) value.forEach((child, index) => void visit(child, item, [...at, index]));
      return;
    }
    if (!isRecord(value)) return;
    for (const [key, child] of Object.entries(value)) {
      const path = [...at, key];
      const below = Object.hasOwn(supported, key) ? supported[key] : supported["*"];
      if (below !== undefined) visit(child, below, path);
      else if (isKnownKey(path)) findings.push(unsupportedKey(path));
    }
  };
  visit(policy, SUPPORTED, []);
  const services = isRecord(policy) && isRecord(policy["services"]) ? Object.keys(policy["services"]) : [];
  for (const name of services.slice(MAX_SERVICES)) findings.push(secondService(name));
  return findings;
}

function isList(supported: Supported): supported is readonly unknown[] {
  return Array.isArray(supported);
}

function unsupportedKey(at: KeyPath): Finding {
  const message = `${readablePath(at)} is part of the policy format but this version of fdinit does not act on it yet`;
  return { code: "unsupported-key", message, at, on: "key", hint: "remove it" };
}

function unsupportedValue(value: unknown, accepted: readonly unknown[], at: KeyPath): Finding {
  const message = `${readablePath(at)}: ${JSON.stringify(value)} is part of the policy format but this version of fdinit does not act on it yet`;
  const expected = accepted.map((word) => JSON.stringify(word)).join(" or ");
  return { code: "unsupported-value", message, at, on: "value", expected };
}

function secondService(name: string): Finding {
  const at = ["services", name];
  const message = `${readablePath(at)} is a second service: several are part of the policy format but this version of fdinit runs one`;
  return { code: "unsupported-value", message, at, on: "key", hint: "keep one service" };
}
