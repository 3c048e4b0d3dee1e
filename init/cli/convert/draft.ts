// A policy that is being put together from another init's configuration, and what could not be carried over. Written out as
// YAML that `check` accepts: what is not certain stands in it as a comment.

import { flow } from "../../policy/wording/flow.ts";
import { printable } from "../../policy/wording/render.ts";

export interface Draft {
  name: string;
  readonly service: Record<string, unknown>;
  /** Keys of the top level. */
  readonly policy: Record<string, unknown>;
  /** Remarks: settings that were left out, or that a person has to check. */
  readonly notes: string[];
  /** The services behind the first one, each as a draft of its own. */
  readonly more: Draft[];
}

export function draft(): Draft {
  return { name: "app", service: {}, policy: {}, notes: [], more: [] };
}

const ORDER = [
  "intent",
  "fds",
  "limits",
  "services",
  "signals",
  "shutdown",
  "reaping",
  "exit",
  "log",
  "report",
];

export function written(made: Draft, from: string): string {
  const notes = [made, ...made.more].flatMap((each) => each.notes);
  const whole = made.more.length === 0 ? ofOne(made) : ofSeveral([made, ...made.more], notes);
  const lines = [`# From ${printable(from)} by fdinit convert. Read it before you use it.`];
  if (notes.length > 0) lines.push("# What is not in it, or has to be looked at:");
  for (const note of notes) for (const line of note.split("\n")) lines.push(`# - ${printable(line)}`);
  lines.push("version: 1");
  for (const key of ORDER) {
    const value = whole[key];
    if (value === undefined) continue;
    lines.push(...block(key, value, ""));
  }
  return `${lines.join("\n")}\n`;
}

function ofOne({ name, service, policy }: Draft): Record<string, unknown> {
  return {
    ...policy,
    ...(Object.keys(service).length === 0 ? {} : { services: { [serviceName(name)]: service } }),
  };
}

/** Keys that a draft has for the whole policy become the service's own where several share it. */
function ofSeveral(drafts: readonly Draft[], notes: string[]): Record<string, unknown> {
  const started = drafts.filter(({ service }) => service["command"] !== undefined);
  for (const { name } of drafts.filter((each) => !started.includes(each)))
    notes.push(`the service ${name}: names no program, its image does`);
  const names = started.map(({ name }) => serviceName(name));
  const awaited = started.flatMap(({ service }) =>
    Object.entries((service["dependsOn"] ?? {}) as Record<string, unknown>)
      .filter(([, condition]) => condition === "completed")
      .map(([other]) => other),
  );
  const services: Record<string, unknown> = {};
  const exits: Record<string, unknown> = {};
  for (const { name, service, policy } of started) {
    const { signals, shutdown, exit } = policy as Record<string, Readonly<Record<string, unknown>>>;
    const wait = shutdown?.["budget"];
    Object.assign(exits, exit?.["map"]);
    const dependsOn = Object.entries((service["dependsOn"] ?? {}) as Record<string, unknown>)
      .map(([other, condition]) => [serviceName(other), condition] as const)
      .filter(([other]) => names.includes(other));
    services[serviceName(name)] = {
      ...(awaited.includes(name) ? { type: "oneshot" } : {}),
      ...service,
      ...(signals ? { signals } : {}),
      ...(wait === undefined ? {} : { stop: { ...(service["stop"] as object), wait } }),
      ...("dependsOn" in service ? { dependsOn: Object.fromEntries(dependsOn) } : {}),
    };
  }
  notes.push("the end of any of them ends the container: essential: false where it does not");
  return { services, ...(Object.keys(exits).length === 0 ? {} : { exit: { map: exits } }) };
}

/** Mappings of mappings as blocks, everything else on one line. */
function block(key: string, value: unknown, indent: string): string[] {
  const isBlock =
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.keys(value).length > 0 &&
    indent.length < 4;
  if (!isBlock) return [`${indent}${flow(key)}: ${text(value)}`];
  const below = Object.entries(value as Record<string, unknown>).flatMap(([child, inner]) =>
    block(child, inner, `${indent}  `),
  );
  return [`${indent}${flow(key)}:`, ...below];
}

/** A dollar sign begins a variable of the policy only where it was one. */
function text(value: unknown): string {
  return flow(escaped(value));
}

function escaped(value: unknown): unknown {
  if (typeof value === "string") return value.replace(/\$(?=[{$])/g, "$$$$");
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, escaped(child)]));
}

function serviceName(name: string): string {
  const plain = name
    .replace(/[^A-Za-z0-9-]/g, "-")
    .replace(/^[^a-z]+/, (start) => start.toLowerCase().replace(/[^a-z]/g, ""));
  return /^[a-z]/.test(plain) ? plain.slice(0, 63) : "app";
}

/** Words of a command line as a shell splits them; undefined when a shell has to read it. */
export function wordsOf(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const character = line[at] as string;
    if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === "'" || character === '"') {
      const end = line.indexOf(character, at + 1);
      if (end < 0) return undefined;
      const inner = line.slice(at + 1, end);
      if (character === '"' && /[$`\\]/.test(inner)) return undefined;
      word = (word ?? "") + inner;
      at = end;
    } else if (/[$`|&;<>()*?[\]#~\\]/.test(character)) return undefined;
    else word = (word ?? "") + character;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** A command line, by a shell when it needs one. */
export function commandFrom(line: string): string[] {
  return wordsOf(line) ?? ["/bin/sh", "-c", line];
}
