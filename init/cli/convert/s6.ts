// A folder of s6-overlay: services.d/NAME/run, or s6-rc.d/NAME with type and run. The first service becomes the policy's.

import type { Kernel } from "../../sys/kernel.ts";
import { textOf } from "../../sys/text/bytes.ts";
import { withoutInits } from "./dockerfile.ts";
import { commandFrom, type Draft, draft } from "./draft.ts";

const LONGEST = 1 << 16;

export function fromS6(kernel: Kernel, folder: string): Draft | undefined {
  const services: { readonly name: string; readonly path: string; readonly run: string }[] = [];
  const made = draft();
  const visit = (path: string, depth: number): void => {
    const names = kernel.listFolder(path);
    if (typeof names === "number") return;
    const run = names.includes("run") ? fileText(kernel, `${path}/run`) : undefined;
    const name = path.split("/").at(-1) ?? "app";
    if (run !== undefined) {
      const type = fileText(kernel, `${path}/type`)?.trim() ?? "longrun";
      if (type === "longrun") services.push({ name, path, run });
      return;
    }
    if (fileText(kernel, `${path}/type`)?.trim() === "oneshot")
      made.notes.push(`the oneshot ${name}: run it when the image is built, or in the command`);
    if (depth > 5) return;
    for (const child of names) if (child.endsWith("/")) visit(`${path}/${child.slice(0, -1)}`, depth + 1);
  };
  visit(folder.replace(/\/+$/, ""), 0);
  const [first, ...others] = services;
  if (!first) return undefined;
  made.name = first.name;
  for (const { name } of others) made.notes.push(`the service ${name}: this version of fdinit runs one`);
  made.service["command"] = commandOf(first.run, first.path, made);
  if (fileText(kernel, `${first.path}/finish`) !== undefined)
    made.notes.push(`${first.name}/finish: what runs after the end`);
  const ready = fileText(kernel, `${first.path}/notification-fd`)?.trim();
  if (ready !== undefined)
    made.notes.push(`${first.name}/notification-fd ${ready}: readiness is not acted on yet`);
  const down = fileText(kernel, `${first.path}/down-signal`)?.trim();
  const wait = fileText(kernel, `${first.path}/timeout-kill`)?.trim();
  const stop = {
    ...(down === undefined ? {} : { signal: down }),
    ...(wait === undefined || wait === "0" ? {} : { wait: `${wait}ms` }),
  };
  if (Object.keys(stop).length > 0) made.service["stop"] = stop;
  made.service["restart"] = { policy: "always", backoff: "1s..1s" };
  return made;
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
