// Translates lists and mappings that people write elsewhere into the policy's shape: Compose's `restart: always`, a list of
// NAME=VALUE, `nofile: 1024:4096`, a command as one line. Only proposes: judge.ts tries each before it is said.

import { isRecord, type KeyPath } from "../key-path.ts";
import { nearestWord } from "../wording/nearest.ts";
import { cleaned, scalarForms, type Written } from "./scalars.ts";

/** A value for a place, which may be above the one that is complained about. */
export interface Candidate {
  readonly at: KeyPath;
  readonly value: unknown;
}

const DURATION = "a duration such as 10s";
const SIGNAL = "a signal";

/** Values of another shape that may have been meant. */
export function shapeForms(at: KeyPath, written: Written, phrase: string): Candidate[] {
  const key = String(at.at(-1));
  const { value } = written;
  if (at[0] === "services" && at.length <= 2 && value !== null) return [];
  if (at[0] === "fds" && at[1] === "open" && at.length === 3) return openingForms(at, written);
  const forms = [...(BY_KEY[key]?.(written) ?? []), ...listForms(written, phrase, key)];
  return forms.filter((form) => form !== undefined).map((form) => ({ at, value: form }));
}

/** `web: ":8080"`, `log: /var/log/x`, `null: /dev/null` below `fds.open`. */
function openingForms(at: KeyPath, written: Written): Candidate[] {
  const { value } = written;
  if (typeof value !== "string" && typeof value !== "number") return [];
  const text = String(value);
  const isFile = text.startsWith("/") && !/\.sock(et)?$/.test(text);
  const listen = scalarForms(written, "an address", "listen")[0] ?? text;
  const forms =
    text === "/dev/null" ? [{ devnull: true }] : isFile ? [{ file: text }] : [{ listen: text }, { listen }];
  return forms.map((form) => ({ at, value: form }));
}

/** `services: { command: … }`: the service's name is missing. */
export function withoutName(services: unknown, keysOfService: readonly string[]): Candidate[] {
  if (Array.isArray(services)) {
    const named = services.map((item) =>
      isRecord(item) && typeof item["name"] === "string" ? item : undefined,
    );
    if (named.some((item) => item === undefined)) return [];
    const entries = named.map((item) => {
      const { name, ...service } = item as Record<string, unknown>;
      return [name, service];
    });
    return [{ at: ["services"], value: Object.fromEntries(entries) }];
  }
  if (!isRecord(services)) return [];
  const isService = Object.keys(services).every((key) => keysOfService.includes(key));
  return isService ? [{ at: ["services"], value: { app: services } }] : [];
}

const first = (value: unknown, phrase: string, key = "") =>
  scalarForms({ value, raw: String(value) }, phrase, key)[0];

/** By the name of the key, whatever it stands in. */
const BY_KEY: Readonly<Record<string, (written: Written) => unknown[]>> = {
  command: ({ value }) => [commandOf(value)],
  exec: ({ value }) => [commandOf(value)],
  restart: ({ value, raw }) => {
    const [, word = "", count] = /^([a-zA-Z-]+)(?::(\d+))?$/.exec(String(value ?? raw)) ?? [];
    const policy = scalarForms({ value: word, raw: word }, "one of: never, onFailure, always", "policy")[0];
    return policy === undefined ? [] : [{ policy, ...(count === undefined ? {} : { limit: `${count}/1m` }) }];
  },
  stop: ({ value, raw }) => {
    const wait = isScalar(value) ? scalarForms({ value, raw }, DURATION, "wait")[0] : undefined;
    const signal = typeof value === "string" ? first(value, SIGNAL) : undefined;
    return [wait === undefined ? undefined : { wait }, signal === undefined ? undefined : { signal }];
  },
  shutdown: ({ value, raw }) => {
    const budget = isScalar(value) ? scalarForms({ value, raw }, DURATION, "budget")[0] : undefined;
    return [budget === undefined ? undefined : { budget }];
  },
  log: ({ value }) => {
    const level = nearest(value, ["error", "warn", "info", "debug"], "level");
    const format = nearest(value, ["text", "json"], "format");
    return [level === undefined ? undefined : { level }, format === undefined ? undefined : { format }];
  },
  inherited: ({ value }) => {
    const action = nearest(value, ["close", "cloexec", "keep", "refuse", "devnull"], "default");
    return [action === undefined ? undefined : { default: action }];
  },
  env: ({ value }) => [environmentOf(value)],
  dependsOn: ({ value }) => {
    const names = Array.isArray(value) ? value : [value];
    const isNames = names.length > 0 && names.every((name) => typeof name === "string");
    return [isNames ? Object.fromEntries(names.map((name) => [name, "started"])) : undefined];
  },
  nofile: ({ value, raw }) => {
    const [soft, hard = soft] = String(value ?? raw)
      .split(":")
      .map((end) => first(end, "a number"));
    return [soft === undefined ? undefined : { soft, hard }];
  },
  limits: ({ value }) => [typeof value === "number" ? { nofile: { soft: value, hard: value } } : undefined],
  capabilities: ({ value }) => [
    Array.isArray(value) ? { keep: value.map((name) => first(name, "a capability")) } : undefined,
  ],
  rules: ({ value }) => [isRecord(value) ? [value] : undefined],
  steps: ({ value }) => [isRecord(value) ? [value] : undefined],
  pass: ({ value }) => [
    Array.isArray(value)
      ? Object.fromEntries(value.map((name, index) => [String(name), 3 + index]))
      : undefined,
  ],
  rewrite: ({ value }) => [pairsOf(value)],
  map: ({ value }) => [
    Array.isArray(value) ? Object.fromEntries(value.map((code) => [String(code), 0])) : undefined,
    typeof value === "number" ? { [value]: 0 } : undefined,
  ],
  match: ({ value }) => [typeof value === "number" ? { fd: value } : undefined],
};

function isScalar(value: unknown): boolean {
  return typeof value !== "object" || value === null;
}

function nearest(value: unknown, known: readonly string[], key: string): unknown {
  if (typeof value !== "string") return undefined;
  return scalarForms({ value, raw: value }, `one of: ${known.join(", ")}`, key)[0];
}

/** A shell's line as a list: split at spaces when no shell is needed for it, else handed to a shell. */
function commandOf(value: unknown): unknown {
  if (typeof value !== "string") return undefined;
  const line = cleaned(value);
  if (line === "") return undefined;
  return /["'`$&|;<>()*?[\]{}~#\\\n]/.test(line) ? ["/bin/sh", "-c", line] : line.split(/\s+/);
}

/** A list of `NAME=VALUE`, or of Kubernetes' `{ name, value }`. */
function environmentOf(value: unknown): unknown {
  const items = Array.isArray(value) ? value : [value];
  const entries: [string, string][] = [];
  for (const item of items) {
    if (typeof item === "string" && item.includes("=")) {
      const cut = item.indexOf("=");
      entries.push([item.slice(0, cut), item.slice(cut + 1)]);
    } else if (isRecord(item) && typeof item["name"] === "string" && isScalar(item["value"])) {
      entries.push([item["name"], String(item["value"] ?? "")]);
    } else return undefined;
  }
  return Object.fromEntries(entries);
}

/** dumb-init's `15:3`, alone or in a list. */
function pairsOf(value: unknown): unknown {
  const items = Array.isArray(value) ? value : [value];
  const entries = items.map((item) => /^([\w+-]+):([\w+-]+)$/.exec(String(item))?.slice(1) ?? []);
  if (entries.some(([from]) => from === undefined)) return undefined;
  return Object.fromEntries(
    entries.map(([from, to]) => [String(first(from, SIGNAL)), to === "0" ? "ignore" : first(to, SIGNAL)]),
  );
}

/** One text where a list of them stands; a step where only its signal was named; an item of a list with its own form. */
function listForms({ value, raw }: Written, phrase: string, key: string): unknown[] {
  if (value === null || value === undefined) return phrase === "a mapping" ? [{}] : [];
  if (!isScalar(value)) return [];
  const takesList = /^a list|or a list of/.test(phrase);
  if (!takesList) return phrase === "a mapping" && /^\d+$/.test(key) ? [{ signal: value }] : [];
  const items = typeof value === "string" ? cleaned(value).split(/[\s,]+/) : [value];
  const of = phrase.includes("signals") ? SIGNAL : phrase.includes("capabilities") ? "a capability" : "";
  const formed = items.map((item) => (of === "" ? item : (first(item, of) ?? item)));
  return [[value], formed, ...(of === "" ? [] : [[first(raw, of)]])];
}

/** The names of a mapping's keys, from nearest to what was written. */
export function nearestKey(key: string, keys: readonly string[]): string | undefined {
  return nearestWord(cleaned(key), keys);
}
