// Says, for each key of a resolved policy, who gave it its value. For reports; never on the way to a start.

import { isRecord, type KeyPath, readablePath, valueAt } from "./key-path.ts";
import type { Origin, Policy } from "./types.ts";

/** Readable key path to origin, in the order of the schema. */
export function describeOrigins({ source, services }: Policy): Record<string, Origin> {
  const origins: Record<string, Origin> = {};
  const note = (path: KeyPath, otherwise: Origin): void => {
    origins[readablePath(path)] = valueAt(source.written, path) === undefined ? otherwise : "policy";
  };
  note(["intent"], "default");
  if (source.intentFromOption) origins["intent"] = "option";
  note(["fds", "inherited", "default"], "intent");
  note(["fds", "inherited", "rules"], "default");
  note(["fds", "inherited", "expect"], "default");
  note(["fds", "method"], "default");
  note(["fds", "scanLimit"], "default");
  note(["limits", "nofile", "soft"], "intent");
  note(["limits", "nofile", "hard"], "default");
  const isNamed = isRecord(source.written?.["services"]);
  for (const { name } of services) {
    for (const key of ["command", "type", "cwd", "env", "stdin", "essential"])
      note(["services", name, key], "default");
    if (!isNamed) origins[`services.${name}.command`] = "option";
  }
  note(["log", "level"], "default");
  note(["log", "format"], "default");
  return origins;
}
