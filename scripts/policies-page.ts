// Writes docs/policies.md for scripts/generate.ts: what each policy of policies/ does at the stop, how its program is found ready,
// and what limits and descriptors it gives. Every cell is of the policy that fdinit makes of the file, each variable with its
// default. Nothing here runs in fdinit.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { embeddedNames } from "../init/cli/policy-source/embedded.ts";
import { duration } from "../init/cli/reports/resolved-keys.ts";
import { loadPolicy } from "../init/policy/load.ts";
import { builtInPolicy } from "../init/policy/meaning/built-in.ts";
import { type Policy, type ReadyCheck, type Service, stopSteps } from "../init/policy/types.ts";
import { flow } from "../init/policy/wording/flow.ts";
import { signalName } from "../init/sys/signals/signal-names.ts";

const ROOT = join(import.meta.dir, "..");

export function policiesPage(header: string): string {
  const rows = embeddedNames().map((name) =>
    rowOf(name, readFileSync(join(ROOT, "policies", `${name}.yaml`))),
  );
  return `<!-- ${header} -->
# The policies in the executable

\`--policy NAME\` takes one of these; \`fdinit policies NAME\` prints it, with the upstream source of each choice as a comment. Words behind it
on the command line take the place of the command. A variable is set in the environment of the container; the table shows what holds without.

${table(HEAD, rows)}

- **Stop**: the signal that the program gets when a signal of "begun by" comes, and to whom it goes where that is more than the program itself. Where no wait
  is written, the program may take as long as \`shutdown.budget\`; each policy has it from the variable \`STOP_BUDGET\`, and without the variable the engine's own
  deadline counts. Set it a second below that deadline, and fdinit names what did not end by then ([the end](shutdown.md)).
- **Left over**: the processes that the program leaves when it ends. \`terminate\`: SIGTERM, then SIGKILL after the wait; \`wait\`: they are waited for.
- **Codes**: the program's exit codes that become another one of the container ([exit codes](exit-codes.md)).
- **Reload**: the signal by which the program reads its configuration again, which fdinit passes on and \`fdinit reload\` sends. Without one in the table the
  program has none: a SIGHUP ends most of these.
- **Readiness**: what \`fdinit health\`, \`fdinit status\` and dependants go by ([readiness](readiness.md)). Where no time is written, a check that does not succeed
  ends nothing: \`fdinit health\` is 1 and says why, for as long as it fails. "Started": the program has no way to say so that does not depend on what it is, and \`fdinit health\`
  is 0 while it runs; so it is with a command in the place of the policy's, which goes without the check.
- **Descriptors**: what happens to those that the container was started with beyond 0, 1 and 2 ([descriptors](descriptors.md)).
`;
}

const HEAD = [
  "Policy",
  "Command",
  "Begun by",
  "Stop",
  "Left over",
  "Codes",
  "Reload",
  "Readiness",
  "Open files, soft / hard",
  "Descriptors",
  "Variables",
];

function rowOf(name: string, bytes: Uint8Array): string[] {
  const loaded = loadPolicy({ name: `policies/${name}.yaml`, bytes }, () => undefined);
  if (!loaded.ok) throw new Error(`policies/${name}.yaml: ${JSON.stringify(loaded.issues)}`);
  const { services, shutdown, reaping, limits, fds, exitMap, intent } = loaded.policy;
  const [service, ...others] = services;
  if (others.length > 0) throw new Error(`policies/${name}.yaml has not one service`);
  const { default: byDefault, rules } = fds.inherited;
  if (rules.length > builtInPolicy(intent).fds.inherited.rules.length)
    throw new Error(`policies/${name}.yaml has rules, which this page has no words for`);
  return [
    `[${name}](../policies/${name}.yaml)`,
    code(flow(service.command)),
    shutdown.on.map(signalName).join(", "),
    stopOf(service, shutdown),
    reaping.orphans === "terminate" ? `terminate, ${duration(reaping.waitMs)}` : reaping.orphans,
    [...exitMap].map(([from, to]) => `${from} → ${to}`).join(", ") || "–",
    service.reload === undefined ? "–" : signalName(service.reload),
    readinessOf(service.ready),
    `${limitOf(limits.nofile.soft)} / ${limits.nofile.hard}`,
    byDefault,
    variablesOf(new TextDecoder().decode(bytes)).map(code).join(", "),
  ];
}

function stopOf(service: Service, shutdown: Policy["shutdown"]): string {
  const steps = stopSteps(service, shutdown) ?? shutdown.on.map((signal) => ({ signal, waitMs: undefined }));
  const words = steps.map(({ signal, waitMs }) =>
    waitMs === undefined ? signalName(signal) : `${signalName(signal)} for ${duration(waitMs)}`,
  );
  const { to } = service.signals;
  return words.join(", then ") + (to === "process" ? "" : ` to the ${to}`);
}

function readinessOf(ready: ReadyCheck | undefined): string {
  if (!ready) return "started";
  const { by, timeoutMs } = ready;
  const until = timeoutMs === undefined ? "" : ` within ${duration(timeoutMs)}`;
  if (by === "sdNotify") return `sdNotify${until}`;
  if (by === "notify") return `notify ${ready.fd}${until}`;
  const what = by === "exec" ? flow(ready.command) : by === "file" ? ready.path : ready.written;
  return `${by} ${code(what)}${until}`;
}

function limitOf(soft: Policy["limits"]["nofile"]["soft"]): string {
  return typeof soft === "object" ? `at most ${soft.atMost}` : String(soft);
}

/** The variables that a policy reads, each once. Comments are no part of it. */
function variablesOf(text: string): string[] {
  const lines = text.split("\n").map((line) => line.replace(/(^| )#.*/, ""));
  const names = lines.flatMap((line) => [...line.matchAll(/\$\{(\w+)/g)].map(([, name = ""]) => name));
  return [...new Set(names)];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function code(text: string): string {
  return `\`${text}\``;
}
