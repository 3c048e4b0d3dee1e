// A folder of s6-overlay: services.d/NAME/run, or s6-rc.d/NAME with type, run or up, dependencies and readiness.

import type { Kernel } from "../../sys/kernel.ts";
import { textOf } from "../../sys/text/bytes.ts";
import { withoutInits } from "./dockerfile.ts";
import { commandFrom, type Draft, draft } from "./draft.ts";

const LONGEST = 1 << 16;
/** The files of a service that are carried over, said by a note of their own, or mean nothing here. */
const CARRIED =
  /^(type|run|up|finish|dependencies|dependencies\.d\/|notification-fd|down-signal|timeout-kill|flag-essential)$/;

export function fromS6(kernel: Kernel, folder: string): Draft | undefined {
  const found: Draft[] = [];
  const visit = (path: string, depth: number): void => {
    const names = kernel.listFolder(path);
    if (typeof names === "number") return;
    const type = fileText(kernel, `${path}/type`)?.trim() ?? "longrun";
    const script = type === "longrun" ? "run" : type === "oneshot" ? "up" : undefined;
    const text =
      script !== undefined && names.includes(script) ? fileText(kernel, `${path}/${script}`) : undefined;
    if (text !== undefined && script !== undefined) {
      found.push(serviceFrom(kernel, path, names, script, text));
      return;
    }
    if (depth > 5) return;
    for (const child of names) if (child.endsWith("/")) visit(`${path}/${child.slice(0, -1)}`, depth + 1);
  };
  visit(folder.replace(/\/+$/, ""), 0);
  const [made, ...others] = found;
  if (!made) return undefined;
  made.more.push(...others);
  return made;
}

function serviceFrom(
  kernel: Kernel,
  path: string,
  names: readonly string[],
  script: "run" | "up",
  text: string,
): Draft {
  const made = draft();
  made.name = path.split("/").at(-1) ?? "app";
  made.service["command"] = script === "up" ? upCommand(text) : commandOf(text, path, made);
  for (const file of names) if (!CARRIED.test(file)) made.notes.push(`${made.name}/${file}`);
  const dependencies = dependenciesOf(kernel, path);
  if (dependencies.length > 0) made.service["dependsOn"] = Object.fromEntries(dependencies);
  if (script === "up") {
    made.service["type"] = "oneshot";
    return made;
  }
  if (names.includes("finish")) made.notes.push(`${made.name}/finish: what runs after the end`);
  const ready = fileText(kernel, `${path}/notification-fd`)?.trim();
  if (ready !== undefined && /^\d+$/.test(ready)) made.service["ready"] = { notify: Number(ready) };
  const down = fileText(kernel, `${path}/down-signal`)?.trim();
  const wait = fileText(kernel, `${path}/timeout-kill`)?.trim();
  const stop = {
    ...(down === undefined ? {} : { signal: down }),
    ...(wait === undefined || wait === "0" ? {} : { wait: `${wait}ms` }),
  };
  if (Object.keys(stop).length > 0) made.service["stop"] = stop;
  made.service["restart"] = { policy: "always", backoff: "1s..1s" };
  return made;
}

/**
 * The names in dependencies.d, or of the lines of `dependencies`. A oneshot has to be over, one with a notification-fd to be ready
 * (s6-rc waits for that), anything else to run.
 */
function dependenciesOf(kernel: Kernel, path: string): [name: string, condition: string][] {
  const listed = kernel.listFolder(`${path}/dependencies.d`);
  const names =
    typeof listed === "number" ? (fileText(kernel, `${path}/dependencies`) ?? "").split("\n") : listed;
  const above = path.slice(0, path.lastIndexOf("/"));
  return names
    .map((name) => name.trim())
    .filter((name) => name !== "" && name !== "base")
    .map((name) => {
      if (fileText(kernel, `${above}/${name}/type`)?.trim() === "oneshot") return [name, "completed"];
      return [name, fileText(kernel, `${above}/${name}/notification-fd`) === undefined ? "started" : "ready"];
    });
}

/** `up` is one command line of execline, most often the path of a script. */
function upCommand(text: string): string[] {
  const line = text
    .split("\n")
    .map((each) => each.trim())
    .find((each) => each !== "" && !each.startsWith("#"));
  return commandFrom(line ?? "true");
}

function fileText(kernel: Kernel, path: string): string | undefined {
  const bytes = kernel.readFile(path, LONGEST);
  return typeof bytes === "number" ? undefined : textOf(bytes);
}

/** The last command of a run script whose other lines say nothing; else the script itself is run. */
function commandOf(run: string, path: string, made: Draft): string[] {
  const [shebang = "", ...lines] = run.split("\n");
  const said = lines
    .map((line) => line.trim())
    .filter(
      (line) => line !== "" && !line.startsWith("#") && !/^(set -e|fdmove -c 2 1|exec 2>&1)/.test(line),
    );
  const [only, ...more] = said;
  const isPlain = more.length === 0 && only !== undefined && /^#!.*(sh|execlineb|with-contenv)/.test(shebang);
  if (isPlain) {
    const [, user, line] = /^(?:exec\s+)?(?:s6-setuidgid|setuidgid)\s+(\S+)\s+(.*)$/.exec(only) ?? [];
    if (user !== undefined) made.service["user"] = user;
    return withoutInits(commandFrom((line ?? only).replace(/^exec\s+/, "").replace(/\s+2>&1$/, "")), made);
  }
  made.notes.push(
    `${path}/run: has more than one command; it is run as it is, and needs its shell or execline in the image`,
  );
  return [`${path.startsWith("/") ? "" : "/"}${path}/run`];
}
