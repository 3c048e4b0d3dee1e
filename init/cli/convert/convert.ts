// `fdinit convert FILE|FOLDER`: a policy from a supervisord.conf, s6-overlay services, a Dockerfile, a Compose file or a systemd
// unit. Reads text and prints a policy; runs nothing and looks at nothing else.

import { loadPolicy } from "../../policy/load.ts";
import { renderIssues } from "../../policy/wording/render.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { errnoText } from "../../sys/libc/errno.ts";
import { bytesOf, textOf } from "../../sys/text/bytes.ts";
import { EXIT_USAGE } from "../exit-codes.ts";
import { SOURCES } from "../help/command-table.ts";
import type { SubcommandLine } from "../invocation.ts";
import { type Outcome, print } from "../output/print.ts";
import { fromCompose } from "./compose.ts";
import { fromDockerfile } from "./dockerfile.ts";
import { type Draft, written } from "./draft.ts";
import { fromSupervisord, fromSystemd } from "./ini.ts";
import { fromS6 } from "./s6.ts";

const LONGEST = 1 << 20;

export function convert(kernel: Kernel, { operands: [path], from }: SubcommandLine): Outcome {
  if (path === undefined) return wrong(`convert needs a file or a folder (${SOURCES.join(", ")})`);
  const names = kernel.listFolder(path);
  const bytes = typeof names === "number" ? kernel.readFile(path, LONGEST) : new Uint8Array();
  if (typeof bytes === "number") return wrong(`cannot read ${JSON.stringify(path)}: ${errnoText(-bytes)}`);
  const text = textOf(bytes);
  const source = from ?? (typeof names === "number" ? sourceOf(path, text) : "s6");
  const made = source === undefined ? undefined : draftFrom(kernel, source, path, text);
  if (!made)
    return wrong(
      `${JSON.stringify(path)} is none of ${SOURCES.join(", ")}, as far as can be seen: --from says which`,
    );
  const policy = written(made, path);
  const loaded = loadPolicy({ name: "the policy made of it", bytes: bytesOf(policy) }, () => "x");
  if (loaded.ok) return print(kernel, policy);
  const complaint = renderIssues("the policy made of it", loaded.text, loaded.issues).split("\n");
  return { ...print(kernel, policy), code: EXIT_USAGE, complaint };
}

function wrong(complaint: string): Outcome {
  return { code: EXIT_USAGE, complaint };
}

function sourceOf(path: string, text: string): string | undefined {
  const name = path.split("/").at(-1) ?? "";
  if (/dockerfile|containerfile/i.test(name)) return "dockerfile";
  if (/\.service$/.test(name) || /^\[Service\]/m.test(text)) return "systemd";
  if (/^\[(supervisord|program:)/m.test(text)) return "supervisord";
  if (/^(FROM|ENTRYPOINT|CMD)\s/im.test(text) && !/^services:/m.test(text)) return "dockerfile";
  return /^services:/m.test(text) ? "compose" : undefined;
}

function draftFrom(kernel: Kernel, source: string, path: string, text: string): Draft | undefined {
  switch (source) {
    case "supervisord":
      return fromSupervisord(text);
    case "systemd":
      return fromSystemd(text, path);
    case "dockerfile":
      return fromDockerfile(text);
    case "compose":
      return fromCompose(text);
    case "s6":
      return fromS6(kernel, path);
  }
  return undefined;
}
