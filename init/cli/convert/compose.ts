// The services of a Compose file: what a container's init can take over of them. The rest stays the engine's.

import { scalarForms } from "../../policy/advice/scalars.ts";
import { isRecord } from "../../policy/key-path.ts";
import { readYamlDocument } from "../../policy/reading/yaml-document.ts";
import { withoutInits } from "./dockerfile.ts";
import { commandFrom, type Draft, draft } from "./draft.ts";

/** Keys that the engine keeps, and nothing is lost with them. */
const ENGINES =
  /^(image|build|ports|expose|volumes|networks|container_name|hostname|labels|logging|env_file|tty|stdin_open|platform|pull_policy|profiles|secrets|configs|extra_hosts|dns.*|mem_.*|cpus?.*|deploy|restart|init|read_only|tmpfs|shm_size|x-.*)$/;

const form = (value: unknown, phrase: string, key = "") =>
  scalarForms({ value, raw: String(value) }, phrase, key)[0];

export function fromCompose(text: string): Draft | undefined {
  const document = readYamlDocument(text);
  const services = document.ok && isRecord(document.value) ? document.value["services"] : undefined;
  if (!isRecord(services)) return undefined;
  const [made, ...others] = Object.entries(services).map(([name, service]) =>
    fromService(name, isRecord(service) ? service : {}),
  );
  if (!made) return undefined;
  made.more.push(...others);
  if (others.length > 0)
    made.notes.push(
      "each service was a container of its own: one container for all of them needs an image that holds all the programs",
    );
  return made;
}

function fromService(name: string, service: Readonly<Record<string, unknown>>): Draft {
  const made = draft();
  made.name = name;
  const line = (value: unknown) =>
    Array.isArray(value)
      ? value.map(String)
      : value === undefined || value === null
        ? []
        : commandFrom(String(value));
  const command = withoutInits([...line(service["entrypoint"]), ...line(service["command"])], made);
  if (command.length > 0) made.service["command"] = command;
  for (const [key, value] of Object.entries(service)) take(made, key, value);
  for (const [key, value] of Object.entries(made.service))
    made.service[key] = withDollars(value, `${name}.${key}`, made);
  return made;
}

/** Compose replaces variables where it runs, and `$$` is a dollar sign (Compose specification, interpolation). */
function withDollars(value: unknown, where: string, made: Draft): unknown {
  if (Array.isArray(value)) return value.map((item) => withDollars(item, where, made));
  if (isRecord(value))
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, withDollars(item, where, made)]),
    );
  if (typeof value !== "string") return value;
  for (const [, name] of value.replaceAll("$$", "").matchAll(/\$\{?(\w+)/g))
    made.notes.push(`${where}: Compose puts its own variable ${name} there: write its value`);
  return value.replaceAll("$$", "$");
}

function take(made: Draft, key: string, value: unknown): void {
  const { service, policy, notes } = made;
  switch (key) {
    case "entrypoint":
    case "command":
      return;
    case "working_dir":
      service["cwd"] = value;
      return;
    case "user":
      service["user"] = value;
      return;
    case "group_add":
      service["groups"] = value;
      return;
    case "environment": {
      const pairs = isRecord(value) ? Object.entries(value) : Array.isArray(value) ? value.map(pairOf) : [];
      for (const [variable, text] of pairs)
        if (text === null)
          notes.push(
            `${made.name}.environment ${variable}: Compose passes its own on: give it to the container`,
          );
      const given = pairs.filter(([, text]) => text !== null);
      if (given.length > 0)
        service["env"] = Object.fromEntries(given.map(([variable, text]) => [variable, String(text)]));
      return;
    }
    case "depends_on": {
      const names = Array.isArray(value) ? value.map(String) : isRecord(value) ? Object.keys(value) : [];
      service["dependsOn"] = Object.fromEntries(
        names.map((other) => [other, conditionOf(isRecord(value) ? value[other] : undefined, made)]),
      );
      return;
    }
    case "stop_signal":
      service["stop"] = { ...(service["stop"] as object), signal: form(value, "a signal") };
      return;
    case "stop_grace_period":
      policy["shutdown"] = { budget: form(value, "a duration") };
      return;
    case "cap_add":
    case "cap_drop":
      notes.push(`${key}: stays the engine's; services.${made.name}.capabilities.keep can take more away`);
      return;
    case "security_opt":
      if (Array.isArray(value) && value.some((option) => /^no-new-privileges(:true)?$/.test(String(option))))
        service["noNewPrivileges"] = true;
      return;
    case "oom_score_adj":
      service["oomScoreAdj"] = value;
      return;
    case "ulimits": {
      const nofile = isRecord(value) ? value["nofile"] : undefined;
      if (nofile !== undefined)
        service["limits"] = { nofile: isRecord(nofile) ? nofile : { soft: nofile, hard: nofile } };
      return;
    }
    default:
      if (!ENGINES.test(key)) notes.push(`${key}: stays the engine's`);
  }
}

/** `NAME=VALUE`; without a value the variable has Compose's own. */
function pairOf(item: unknown): [name: string, value: string | null] {
  const [, name, value = null] = /^([^=]*)(?:=(.*))?$/s.exec(String(item)) ?? [];
  return [name ?? "", value];
}

/** A check of health stays the engine's, so "healthy" becomes "started". */
function conditionOf(written: unknown, { name, notes }: Draft): string {
  const condition = isRecord(written) ? written["condition"] : undefined;
  if (condition === "service_completed_successfully") return "completed";
  if (condition === "service_healthy")
    notes.push(`depends_on of ${name}: give the other service a ready, and write ready in place of started`);
  return "started";
}
