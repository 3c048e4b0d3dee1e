// supervisord.conf and systemd units: sections of `key = value`.

import { scalarForms } from "../../policy/advice/scalars.ts";
import { withoutInits } from "./dockerfile.ts";
import { commandFrom, type Draft, draft } from "./draft.ts";

type Section = ReadonlyMap<string, readonly string[]>;

function sectionsOf(text: string, comment: RegExp): Map<string, Map<string, string[]>> {
  const sections = new Map<string, Map<string, string[]>>();
  let section = new Map<string, string[]>();
  let key = "";
  for (const line of text.replace(/\\\n\s*/g, " ").split("\n")) {
    const bare = line.replace(comment, "");
    const [, name] = /^\[(.+)\]\s*$/.exec(bare) ?? [];
    if (name !== undefined) {
      section = sections.get(name) ?? new Map();
      sections.set(name, section);
      continue;
    }
    const [, left, right = ""] = /^([^\s=][^=]*?)\s*=\s*(.*?)\s*$/.exec(bare) ?? [];
    if (left !== undefined) {
      key = left;
      section.set(key, [...(section.get(key) ?? []), right]);
    } else if (/^\s+\S/.test(bare) && key !== "") {
      // supervisord goes on in a line that is indented
      const values = section.get(key) ?? [];
      section.set(key, [...values.slice(0, -1), `${values.at(-1)} ${bare.trim()}`]);
    }
  }
  return sections;
}

const form = (value: string, phrase: string, key = "") => scalarForms({ value, raw: value }, phrase, key)[0];
const duration = (value: string) => form(value, 'a duration or "none"');
const signal = (value: string) => form(value, "a signal");

function restartFrom(value: string): unknown {
  return form(value, "one of: never, onFailure, always", "policy");
}

/** How a key of the other program becomes one of the service's or of the policy's. */
type Carry = (value: string, made: Draft, section: Section) => void;

function carry(made: Draft, section: Section, known: Readonly<Record<string, Carry>>, where: string): void {
  for (const [key, values] of section) {
    const take = Object.hasOwn(known, key) ? known[key] : undefined;
    if (!take) made.notes.push(`${where} ${key}=${values.join(" ")}`);
    else for (const value of values) take(value, made, section);
  }
}

const ignored: Carry = () => undefined;

const stopWith = (made: Draft, more: Record<string, unknown>) => {
  made.service["stop"] = { ...(made.service["stop"] as object), ...more };
};

const PROGRAM: Readonly<Record<string, Carry>> = {
  command: (value, made) => {
    made.service["command"] = withoutInits(commandFrom(value), made);
  },
  directory: (value, made) => {
    made.service["cwd"] = value;
  },
  user: (value, made) => {
    made.service["user"] = value;
  },
  umask: (value, made) => {
    made.service["umask"] = form(value, "an octal mask") ?? value;
  },
  environment: (value, made) => {
    made.service["env"] = Object.fromEntries(
      [...value.matchAll(/([\w.]+)=(?:"([^"]*)"|'([^']*)'|([^,]*))/g)].map(([, name, a, b, c]) => [
        name,
        a ?? b ?? c ?? "",
      ]),
    );
  },
  autorestart: (value, made) => {
    const policy = value === "unexpected" ? "onFailure" : restartFrom(value);
    made.service["restart"] = { ...(made.service["restart"] as object), policy };
  },
  startretries: (value, made) => {
    made.service["restart"] = { ...(made.service["restart"] as object), limit: `${value}/1m` };
  },
  stopsignal: (value, made) => stopWith(made, { signal: signal(value) }),
  stopwaitsecs: (value, made) => stopWith(made, { wait: duration(value) }),
  stopasgroup: (value, made) => {
    if (value === "true") made.policy["signals"] = { to: "group" };
  },
  autostart: (value, made) => {
    if (value === "false")
      made.notes.push(
        `autostart of ${made.name}: fdinit starts every service; \`fdinit stop ${made.name}\` ends it`,
      );
  },
  stdout_logfile: ignored,
  stderr_logfile: ignored,
  stdout_logfile_maxbytes: ignored,
  stderr_logfile_maxbytes: ignored,
  redirect_stderr: ignored,
  killasgroup: ignored,
  priority: ignored,
  process_name: ignored,
};

export function fromSupervisord(text: string): Draft {
  const sections = sectionsOf(text, /(^|\s);.*$|^#.*$/);
  const programs = [...sections].filter(([name]) => name.startsWith("program:"));
  const [made = draft(), ...others] = programs.map(([name, section]) => fromProgram(name, section));
  made.more.push(...others);
  for (const name of sections.keys())
    if (!/^(supervisord|program:.*|unix_http_server|rpcinterface:.*|supervisorctl)$/.test(name))
      made.notes.push(`[${name}]`);
  return made;
}

function fromProgram(name: string, section: Section): Draft {
  const made = draft();
  made.name = name.slice("program:".length);
  carry(made, section, PROGRAM, `[${name}]`);
  if (!section.has("autorestart"))
    made.service["restart"] = { ...(made.service["restart"] as object), policy: "onFailure" };
  if (!section.has("stopwaitsecs")) stopWith(made, { wait: "10s" });
  for (const [key, values] of section)
    for (const value of values)
      if (/%\(\w+\)/.test(value))
        made.notes.push(`[${name}] ${key}=${value}: supervisord puts something in place of %(…): write it`);
  const logs = ["stdout_logfile", "stderr_logfile"].flatMap((key) => section.get(key) ?? []);
  if (logs.some((file) => !/^(\/dev\/(stdout|stderr|fd\/[12])|NONE|AUTO)$/.test(file)))
    made.notes.push(
      `logs in files (${logs.join(", ")}): the program writes to its own standard output, which the engine collects`,
    );
  return made;
}

const SERVICE: Readonly<Record<string, Carry>> = {
  ExecStart: (value, made) => {
    if (made.service["command"] !== undefined) made.notes.push(`a second ExecStart=${value}`);
    else made.service["command"] = withoutInits(commandFrom(value.replace(/^[-+!:@]+/, "")), made);
  },
  WorkingDirectory: (value, made) => {
    made.service["cwd"] = value;
  },
  User: (value, made, section) => {
    const [group] = section.get("Group") ?? [];
    made.service["user"] = group === undefined ? value : `${value}:${group}`;
  },
  Group: ignored,
  SupplementaryGroups: (value, made) => {
    made.service["groups"] = value.split(/\s+/);
  },
  UMask: (value, made) => {
    made.service["umask"] = form(value, "an octal mask") ?? value;
  },
  Environment: (value, made) => {
    const found = value.matchAll(/"([\w.]+)=([^"]*)"|([\w.]+)=(\S*)/g);
    const pairs = [...found].map(([, quoted, inner, name, text]) => [quoted ?? name, inner ?? text]);
    made.service["env"] = { ...(made.service["env"] as object), ...Object.fromEntries(pairs) };
  },
  Restart: (value, made) => {
    const policy = value === "on-success" ? undefined : restartFrom(value.replace("on-abort", "on-failure"));
    if (policy === undefined) made.notes.push(`Restart=${value}`);
    else made.service["restart"] = { ...(made.service["restart"] as object), policy };
  },
  RestartSec: (value, made) => {
    const pause = duration(value);
    made.service["restart"] = { ...(made.service["restart"] as object), backoff: `${pause}..${pause}` };
  },
  KillSignal: (value, made) => stopWith(made, { signal: signal(value) }),
  TimeoutStopSec: (value, made) => stopWith(made, { wait: duration(value) }),
  KillMode: (value, made) => {
    if (value === "control-group" || value === "mixed") made.policy["signals"] = { to: "all" };
  },
  NoNewPrivileges: (value, made) => {
    made.service["noNewPrivileges"] = form(value, "true or false") ?? false;
  },
  CapabilityBoundingSet: (value, made) => {
    if (/^~/.test(value)) made.notes.push(`CapabilityBoundingSet=${value}`);
    else
      made.service["capabilities"] = {
        ...(made.service["capabilities"] as object),
        keep: value.split(/\s+/).filter(Boolean),
      };
  },
  AmbientCapabilities: (value, made) => {
    made.service["capabilities"] = {
      ...(made.service["capabilities"] as object),
      ambient: value.split(/\s+/).filter(Boolean),
    };
  },
  LimitNOFILE: (value, made) => {
    const [soft, hard = soft] = value.split(":").map((end) => form(end, "a number"));
    made.service["limits"] = { nofile: { soft, hard } };
  },
  Nice: (value, made) => {
    made.service["nice"] = Number(value);
  },
  OOMScoreAdjust: (value, made) => {
    made.service["oomScoreAdj"] = Number(value);
  },
  EnvironmentFile: (value, made) => {
    // "-": it need not be there, which fdinit's has to be.
    const files = made.service["envFile"] as readonly string[] | undefined;
    if (value.startsWith("-")) made.notes.push(`EnvironmentFile=${value}: the file may be absent`);
    else made.service["envFile"] = [...(files ?? []), value];
  },
  WatchdogSec: (value, made) => {
    if (/^(0|infinity)$/.test(value)) return;
    made.service["watchdog"] = duration(value);
    made.service["ready"] = { sdNotify: true };
  },
  Type: (value, made) => {
    if (value === "oneshot") made.service["type"] = "oneshot";
    else if (value === "notify" || value === "notify-reload") made.service["ready"] = { sdNotify: true };
    else if (!/^(simple|exec)$/.test(value))
      made.notes.push(`Type=${value}: fdinit runs a program that stays in the foreground`);
  },
  StandardInput: (value, made) => {
    if (value === "null") made.service["stdin"] = "devnull";
  },
  StandardOutput: ignored,
  StandardError: ignored,
};

export function fromSystemd(text: string, path: string): Draft {
  const made = draft();
  made.name = (path.split("/").at(-1) ?? "app").replace(/\.service$/, "");
  const sections = sectionsOf(text, /^[#;].*$/);
  carry(made, sections.get("Service") ?? new Map(), SERVICE, "[Service]");
  return made;
}
