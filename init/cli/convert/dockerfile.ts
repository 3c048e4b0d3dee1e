// A Dockerfile's last stage: ENTRYPOINT, CMD, USER, WORKDIR, STOPSIGNAL, with tini, dumb-init, catatonit, gosu, su-exec and
// setpriv taken off the command and put into keys.

import { SIGNAL_NAMES } from "../../sys/signals/signal-names.ts";
import { type Draft, draft } from "./draft.ts";

export function fromDockerfile(text: string): Draft {
  const made = draft();
  let entrypoint: string[] = [];
  let command: string[] = [];
  for (const line of instructions(text)) {
    const [, word = "", rest = ""] = /^\s*(\w+)\s+(.*)$/s.exec(line) ?? [];
    switch (word.toUpperCase()) {
      case "FROM":
        // Each stage starts anew; the last one is the image.
        entrypoint = [];
        command = [];
        delete made.service["user"];
        delete made.service["cwd"];
        delete made.policy["signals"];
        break;
      case "ENTRYPOINT":
        entrypoint = words(rest);
        command = [];
        break;
      case "CMD":
        command = words(rest);
        break;
      case "USER":
        take(made, "user", rest.trim());
        break;
      case "WORKDIR":
        take(made, "cwd", rest.trim());
        break;
      case "STOPSIGNAL":
        made.policy["signals"] = { rewrite: { SIGTERM: rest.trim() } };
        made.notes.push(
          "STOPSIGNAL: leave it out of the Dockerfile, or it comes twice; the policy sends it when SIGTERM comes",
        );
        break;
      case "HEALTHCHECK":
        made.notes.push(`${line.trim()}: stays the engine's`);
    }
  }
  const whole = withoutInits([...entrypoint, ...command], made);
  if (whole.length > 0) made.service["command"] = whole;
  made.notes.push(
    'in the Dockerfile: ENTRYPOINT ["fdinit", "--"], with this policy at /etc/fdinit/policy.yaml',
  );
  return made;
}

/** Lines with those that a backslash joins, comments left out. */
function instructions(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => !/^\s*#/.test(line))
    .join("\n")
    .replace(/\\\s*\n/g, " ")
    .split("\n");
}

/** The form of JSON, or a line for the shell. */
function words(rest: string): string[] {
  try {
    const list: unknown = JSON.parse(rest);
    if (Array.isArray(list)) return list.map(String);
  } catch {} // the other form
  return ["/bin/sh", "-c", rest.trim()];
}

function take(made: Draft, key: string, value: string): void {
  if (/\$/.test(value)) made.notes.push(`${key}: ${value} holds a variable of the build`);
  else if (key !== "cwd" || value.startsWith("/")) made.service[key] = value;
}

/** Takes what an init or a step-down in front of the program says, and answers the program. */
export function withoutInits(given: readonly string[], made: Draft): string[] {
  let command = [...given];
  for (let round = 0; round < 5; round++) {
    const name = command[0]?.split("/").at(-1);
    const take = name === undefined ? undefined : INITS[name];
    if (!take) break;
    command = take(command.slice(1), made);
  }
  return command;
}

type Take = (rest: string[], made: Draft) => string[];

/** Options up to the program; those of `valued` take the next word. */
function options(rest: string[], valued: string, seen: (option: string, value: string) => void): string[] {
  let at = 0;
  for (; at < rest.length; at++) {
    const word = rest[at] as string;
    if (word === "--") return rest.slice(at + 1);
    if (!word.startsWith("-")) break;
    const letters = word.startsWith("--") ? [word.slice(2).split("=")[0] as string] : [...word.slice(1)];
    for (const [index, letter] of letters.entries()) {
      const takesValue = !word.startsWith("--") && valued.includes(letter);
      const attached = takesValue ? word.slice(index + 2) : (word.split("=")[1] ?? "");
      const value = takesValue && attached === "" ? (rest[++at] ?? "") : attached;
      seen(letter, value);
      if (takesValue) break;
    }
  }
  return rest.slice(at);
}

const group = (made: Draft) => {
  made.policy["signals"] = { ...(made.policy["signals"] as object), to: "group" };
};

const tini: Take = (rest, made) => {
  const map: Record<string, number> = {};
  const program = options(rest, "ep", (option, value) => {
    if (option === "g") group(made);
    else if (option === "e") map[value] = 0;
    else if (option === "s") made.policy["reaping"] = { subreaper: "always" };
    else if (option === "p") made.service["pdeathsig"] = value;
    else made.notes.push(`tini -${option}: log.level says how much is logged`);
  });
  if (Object.keys(map).length > 0) made.policy["exit"] = { map };
  return program;
};

/** dumb-init counts signals; a policy names them. */
function signalOf(number: string): string {
  const name = SIGNAL_NAMES.split(" ")[Number(number) - 1];
  return name === undefined ? number : `SIG${name}`;
}

const dumbInit: Take = (rest, made) => {
  const rewrite: Record<string, string> = {};
  let isSingle = false;
  const program = options(rest, "r", (option, value) => {
    const [from = "", to = ""] = value.split(":");
    if (option === "r" || option === "rewrite")
      rewrite[signalOf(from)] = to === "0" ? "ignore" : signalOf(to);
    else if (option === "c" || option === "single-child") isSingle = true;
  });
  if (Object.keys(rewrite).length > 0) made.policy["signals"] = { rewrite };
  if (!isSingle) {
    group(made);
    made.service["setsid"] = true;
  }
  return program;
};

const stepDown: Take = ([user, ...rest], made) => {
  if (user !== undefined) made.service["user"] = user;
  return rest;
};

const setpriv: Take = (rest, made) => {
  const keys: Record<string, string> = {};
  const program = options(rest, "", (option, value) => {
    if (option === "no-new-privs") made.service["noNewPrivileges"] = true;
    else if (/^(reuid|regid)$/.test(option)) keys[option] = value;
    else if (option !== "init-groups") made.notes.push(`setpriv --${option}=${value}`);
  });
  if (keys["reuid"] !== undefined)
    made.service["user"] = keys["regid"] === undefined ? keys["reuid"] : `${keys["reuid"]}:${keys["regid"]}`;
  return program;
};

const INITS: Readonly<Record<string, Take>> = {
  tini,
  "tini-static": tini,
  "docker-init": tini,
  catatonit: tini,
  "dumb-init": dumbInit,
  gosu: stepDown,
  "su-exec": stepDown,
  setpriv,
  fdinit: (rest) => (rest[0] === "--" ? rest.slice(1) : rest),
};
