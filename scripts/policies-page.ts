// Writes docs/policies.md for scripts/generate.ts: what each policy of policies/ does at the stop, how its program is found ready,
// and what limits and descriptors it gives. Every cell is read from the file, variables as they are written. Nothing here runs in fdinit.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { embeddedNames } from "../init/cli/policy-source/embedded.ts";
import { flow } from "../init/policy/wording/flow.ts";

const ROOT = join(import.meta.dir, "..");

interface Written {
  readonly fds?: { readonly inherited?: { readonly default?: string; readonly rules?: readonly unknown[] } };
  readonly limits?: { readonly nofile?: { readonly soft?: unknown; readonly hard?: unknown } };
  readonly services: Readonly<Record<string, WrittenService>>;
  readonly reaping?: { readonly orphans?: string; readonly wait?: string };
  readonly exit?: { readonly map?: Readonly<Record<string, unknown>> };
  readonly shutdown?: {
    readonly on?: readonly string[];
    readonly budget?: string;
    readonly steps?: readonly { readonly signal: string; readonly wait?: string }[];
  };
}

interface WrittenService {
  readonly command: readonly string[];
  readonly ready?: Readonly<Record<string, unknown>>;
  readonly reload?: string;
  readonly signals?: { readonly to?: string };
  readonly stop?: { readonly signal?: string; readonly wait?: string };
}

export function policiesPage(header: string): string {
  const rows = embeddedNames().map((name) =>
    rowOf(name, parse(readFileSync(join(ROOT, "policies", `${name}.yaml`), "utf8")) as Written),
  );
  return `<!-- ${header} -->
# The policies in the executable

\`--policy NAME\` takes one of these; \`fdinit policies NAME\` prints it, with the upstream source of each choice as a comment. Words behind it
on the command line take the place of the command. A variable (\`\${NAME:-default}\`) is set in the environment of the container.

${table(HEAD, rows)}

- **Stop**: the signal that the program gets when a signal of "begun by" comes, and to whom it goes where that is more than the program itself. Where no wait
  is written, the program may take as long as \`shutdown.budget\`; each policy has it from the variable \`STOP_BUDGET\`, and without the variable the engine's own
  deadline counts. Set it a second below that deadline, and fdinit names what did not end by then ([the end](shutdown.md)).
- **Left over**: the processes that the program leaves when it ends. \`terminate\`: SIGTERM, then SIGKILL after the wait; \`wait\`: they are waited for.
- **Codes**: the program's exit codes that become another one of the container ([exit codes](exit-codes.md)).
- **Reload**: the signal by which the program reads its configuration again, which fdinit passes on and \`fdinit reload\` sends. Without one in the table the
  program has none: a SIGHUP ends most of these.
- **Readiness**: what \`fdinit status\` and dependants go by ([readiness](readiness.md)). "Started": the policy has no check, because the program has no way to say
  so that does not depend on how it is built or configured, and a check that never succeeds stops the program. \`fdinit health\`
  is 0 while the program runs, asked by root or the user that fdinit runs as ([control](control.md)).
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
];

function rowOf(name: string, policy: Written): string[] {
  const found = Object.values(policy.services);
  const [service] = found;
  if (!service || found.length > 1) throw new Error(`policies/${name}.yaml has not one service`);
  const { shutdown = {}, reaping = {}, limits, fds } = policy;
  const { soft = "inherit", hard = "inherit" } = limits?.nofile ?? {};
  const { default: byDefault = "close", rules = [] } = fds?.inherited ?? {};
  return [
    `[${name}](../policies/${name}.yaml)`,
    code(service.command.join(" ")),
    (shutdown.on ?? ["SIGTERM"]).join(", "),
    stopOf(service, shutdown),
    reaping.orphans === "wait" ? "wait" : `terminate, ${reaping.wait ?? "5s"}`,
    Object.entries(policy.exit?.map ?? {})
      .map(([from, to]) => `${from} → ${to}`)
      .join(", ") || "–",
    service.reload ?? "–",
    service.ready === undefined ? "started" : code(flow(service.ready)),
    `${soft} / ${hard}`,
    [byDefault, ...rules.map((rule) => code(flow(rule)))].join(", "),
  ];
}

function stopOf({ stop, signals }: WrittenService, { steps }: NonNullable<Written["shutdown"]>): string {
  const taken = steps ?? [{ signal: stop?.signal ?? "SIGTERM", ...(stop?.wait && { wait: stop.wait }) }];
  const words = taken.map(({ signal, wait }) => (wait === undefined ? signal : `${signal} for ${wait}`));
  return words.join(", then ") + (signals?.to === undefined ? "" : ` to the ${signals.to}`);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function code(text: string): string {
  return `\`${text}\``;
}
