// Writes docs/intents.md for scripts/generate.ts: which key each intent fills, and what it does where no key is.
// Every cell is what the code answers: the resolved built-in policies, and plans made of facts that are
// made up here. Nothing here runs in fdinit.

import { resolvedKeys } from "../init/cli/reports/resolved-keys.ts";
import { buildPlan } from "../init/plan/build.ts";
import { questions } from "../init/plan/decide.ts";
import { builtInPolicy } from "../init/policy/meaning/built-in.ts";
import type { InheritedRule, Intent, Policy } from "../init/policy/types.ts";
import { flow } from "../init/policy/wording/flow.ts";
import type { Facts } from "../init/sys/facts.ts";
import { EPERM } from "../init/sys/libc/errno.ts";

const INTENTS: readonly Intent[] = ["security", "performance", "simplicity"];
const COMMAND = { program: new Uint8Array([120]), arguments: { commandLineFrom: 1 } };

const FACTS: Facts = {
  pid: 1,
  nofile: { soft: 1024, hard: 1_048_576 },
  own: [5],
  runtime: { certain: true, numbers: [3, 4] },
  inherited: [],
  announced: [],
  rungs: {},
};

export function intentsPage(header: string): string {
  const filled = keyRows((origin) => origin === "intent");
  const same = keyRows((origin) => origin === "default");
  for (const [key, ...values] of same)
    if (new Set(values).size > 1) throw new Error(`intents differ in ${key}, and origins.ts says otherwise`);
  return `<!-- ${header} -->
# Intents

The intent fills the keys that a policy leaves unset. It is chosen by the key \`intent\`, by \`--intent\` or by \`FDINIT_INTENT\`;
without any of them it is \`security\`. A key that the policy sets itself always stands. \`fdinit plan\` names, for each key, its origin.

## Keys that the intents fill differently

${table(["Key", ...INTENTS], [...filled, ruleRow()])}

## What has no key

${table(["When", ...INTENTS], SITUATIONS.map(situationRow))}

## Keys that every intent fills alike

${table(
  ["Key", "Value"],
  same.map(([key = "", value = ""]) => [key, value]),
)}
`;
}

/** One row for each key that someone of this origin gives its value. */
function keyRows(wanted: (origin: string) => boolean): string[][] {
  const columns = INTENTS.map((intent) => resolvedKeys(builtInPolicy(intent)));
  const rows: string[][] = [];
  for (const { key, origin } of columns[0] ?? []) {
    if (key === "intent" || key === "fds.inherited.rules" || !wanted(origin)) continue;
    const values = columns.map((keys) => keys.find((other) => other.key === key)?.value);
    rows.push([code(key.replace("services.main.", "services.NAME.")), ...values.map(valueInWords)]);
  }
  return rows;
}

function valueInWords(value: unknown): string {
  if (typeof value === "object" && value !== null && "atMost" in value)
    return `as inherited, at most ${value.atMost}`;
  return value === null || value === undefined ? "–" : code(flow(value));
}

function ruleRow(): string[] {
  const words = (rules: readonly InheritedRule[]) =>
    rules.map(({ match, action }) => code(flow({ match, action }))).join(", ") || "none";
  return [
    `${code("fds.inherited.rules")}, behind the policy's own`,
    ...INTENTS.map((intent) => words(builtInPolicy(intent).fds.inherited.rules)),
  ];
}

interface Situation {
  readonly words: string;
  readonly facts: (policy: Policy) => Facts;
}

const SITUATIONS: readonly Situation[] = [
  {
    words: "a rule asks what cannot be found out about a descriptor",
    facts: () => ({
      ...FACTS,
      inherited: [
        {
          fd: 6,
          what: "something",
          descriptor: { fd: 6, kinds: ["undetermined"], access: "read", deleted: false, evidence: "" },
        },
      ],
    }),
  },
  {
    words:
      "neither `close_range(2)` nor `/proc/self/fd` works, and more may be open than `fds.scanLimit` lets be tried",
    facts: () => ({ ...FACTS, rungs: { closing: EPERM, marking: EPERM, procfs: false } }),
  },
  {
    words:
      "`/proc/self/fd` cannot list what must be looked at, and more may be open than `fds.scanLimit` lets be tried",
    facts: () => ({ ...FACTS, unseenFrom: 65_536 }),
  },
  {
    words: "the working directory lies outside the root",
    facts: (policy) =>
      questions(policy).workingDirectory ? { ...FACTS, workingDirectoryOutside: "(unreachable)/" } : FACTS,
  },
];

/** The outcome of a start with a policy that asks about a kind and closes the rest. */
function situationRow({ words, facts }: Situation): string[] {
  const outcome = (intent: Intent): string => {
    const base = builtInPolicy(intent);
    const asks: InheritedRule = { match: { kind: ["pipe"] }, action: "close", index: 0 };
    const inherited = { ...base.fds.inherited, default: "close", rules: [asks] } as const;
    const policy: Policy = { ...base, fds: { ...base.fds, inherited } };
    const planned = buildPlan(policy, facts(policy), COMMAND);
    if (!planned.ok) return "nothing starts: exit code 77";
    return planned.plan.warnings.length > 0 ? "goes on, with a warning" : "goes on";
  };
  return [words, ...INTENTS.map(outcome)];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function code(text: string): string {
  return `\`${text}\``;
}
