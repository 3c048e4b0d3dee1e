// Writes the manual pages fdinit(8) and fdinit-policy(5), each as roff and as Markdown, and docs/messages.md, for
// scripts/generate.ts: from the table of the command line, the table of messages and the schema.

import {
  COMMANDS,
  EXIT_TABLE,
  OPTIONS,
  OTHER_VARIABLES,
  optionInWords,
  usageOf,
} from "../init/cli/help/command-table.ts";
import { type Explained, MESSAGES, START_MESSAGES, WARNINGS } from "../init/cli/help/messages.ts";
import { flow } from "../init/policy/wording/flow.ts";
import { version } from "../package.json";
import { phraseOf, type Schema } from "./schema-words.ts";

type Block =
  | { readonly text: string }
  /** The term that is explained, and its words; blocks may stand below. */
  | { readonly terms: readonly (readonly [term: string, words: string])[] }
  | { readonly code: string };

interface Page {
  readonly name: string;
  readonly section: number;
  readonly title: string;
  readonly parts: readonly { readonly head: string; readonly blocks: readonly Block[] }[];
}

export function manualPages(schema: Schema, header: string): [path: string, text: string][] {
  return [commandPage(), policyPage(schema)].flatMap((page) => {
    const path = `docs/man/${page.name}.${page.section}`;
    return [
      [path, roff(page, header)],
      [`${path}.md`, markdown(page, header)],
    ] as [string, string][];
  });
}

function commandPage(): Page {
  return {
    name: "fdinit",
    section: 8,
    title: "a container init that decides about every inherited file descriptor",
    parts: [
      {
        head: "Synopsis",
        blocks: [{ code: ["fdinit [OPTIONS] [--] COMMAND [ARGS...]", ...COMMANDS.map(usageOf)].join("\n") }],
      },
      {
        head: "Description",
        blocks: [
          {
            text: "Runs one program as process 1 of a container, or below it. It decides by a policy about every file descriptor that was open when it started, starts the program with exactly those it is promised, forwards signals, reaps every child, shuts down in order, and exits with the program's own code. fdinit-policy(5) describes the policy.",
          },
          {
            text: "A policy comes from --policy, else FDINIT_POLICY, else /etc/fdinit/policy.yaml; without one the built-in policy of the intent holds. Started under the name of tini, docker-init, dumb-init, catatonit or podman-init it takes that program's options.",
          },
        ],
      },
      {
        head: "Options",
        blocks: [
          { terms: OPTIONS.map((option) => [optionInWords(option), option.words]) },
          { terms: [["--", "what follows is the program, even when it has a subcommand's name"]] },
        ],
      },
      {
        head: "Subcommands",
        blocks: COMMANDS.flatMap((command): Block[] => [
          {
            terms: [
              [usageOf(command), `${command.words} Exit code: ${command.exits}. Example: ${command.example}`],
            ],
          },
          { terms: command.options.map((option) => [optionInWords(option), option.words]) },
        ]),
      },
      {
        head: "Environment",
        blocks: [
          {
            terms: [
              ...OPTIONS.flatMap(({ name, variable }): [string, string][] =>
                variable === undefined
                  ? []
                  : [[variable, `as ${name}, which takes precedence; empty counts as unset`]],
              ),
              ...OTHER_VARIABLES,
            ],
          },
        ],
      },
      {
        head: "Exit status",
        blocks: [
          {
            terms: EXIT_TABLE.map(({ code, means, remedy }) => [
              code,
              remedy === "" ? means : `${means}. ${remedy}`,
            ]),
          },
        ],
      },
      {
        head: "Files",
        blocks: [
          {
            terms: [
              [
                "/etc/fdinit/policy.yaml",
                "the policy when none is named; a folder /etc/fdinit without it is an error",
              ],
            ],
          },
        ],
      },
      {
        head: "Messages",
        blocks: [
          {
            text: "Everything fdinit says goes to standard error, and a full pipe never holds it up: lines are dropped and counted. A complaint about a policy ends with its code in brackets; fdinit help CODE explains it.",
          },
        ],
      },
      {
        head: "See also",
        blocks: [{ text: "fdinit-policy(5), signal(7), capabilities(7), sd_listen_fds(3), close_range(2)" }],
      },
    ],
  };
}

function policyPage(schema: Schema): Page {
  return {
    name: "fdinit-policy",
    section: 5,
    title: "the policy of fdinit",
    parts: [
      {
        head: "Description",
        blocks: [
          {
            text: "A policy is one YAML document. It says what happens to inherited descriptors, what runs and as whom, what signals do, and how the container ends. Only version: 1 has to be there; the intent fills what is left unset. Unknown keys are errors; keys of the top level that begin with x- are free.",
          },
          {
            text: "Durations are 500ms, 10s, 2m, 1h. Signals are SIGTERM, TERM, 15 or RTMIN+3. Modes are octal, in quotes. ${NAME} and ${NAME:-default} in values are replaced by environment variables of fdinit; $$ is a dollar sign. NAME in a key below stands for a name that you choose, [] for the entries of a list.",
          },
        ],
      },
      {
        head: "Example",
        blocks: [
          {
            code: "version: 1\nintent: security\nfds:\n  inherited:\n    default: close\nservices:\n  app:\n    command: [node, server.js]\nshutdown:\n  budget: 25s\n  steps: [{ signal: SIGTERM, wait: 15s }, { signal: SIGKILL }]",
          },
        ],
      },
      { head: "Keys", blocks: [{ terms: keyTerms(schema) }] },
      { head: "See also", blocks: [{ text: "fdinit(8)" }] },
    ],
  };
}

function keyTerms(schema: Schema): [string, string][] {
  const terms: [string, string][] = [];
  const visit = (node: Schema, path: string): void => {
    if (path !== "") {
      const byDefault =
        "default" in node && node["type"] !== "object" ? ` Default: ${flow(node["default"])}.` : "";
      terms.push([path, `${String(node["description"])} Value: ${phraseOf(node)}.${byDefault}`]);
    }
    for (const [key, child] of Object.entries((node["properties"] ?? {}) as Record<string, Schema>))
      visit(child, path === "" ? key : `${path}.${key}`);
    if (typeof node["additionalProperties"] === "object")
      visit(node["additionalProperties"] as Schema, `${path}.NAME`);
    const items = node["items"] as Schema | undefined;
    if (items?.["type"] === "object") visit(items, `${path}[]`);
  };
  visit(schema, "");
  return terms;
}

function markdown({ name, section, title, parts }: Page, header: string): string {
  const lines = [`<!-- ${header} -->`, `# ${name}(${section})`, "", `${name} - ${title}`, ""];
  for (const { head, blocks } of parts) {
    lines.push(`## ${head}`, "");
    for (const block of blocks) {
      if ("text" in block) lines.push(escapedHtml(block.text), "");
      else if ("code" in block) lines.push("```", block.code, "```", "");
      else {
        for (const [term, words] of block.terms) lines.push(`- \`${term}\`: ${escapedHtml(words)}`);
        lines.push("");
      }
    }
  }
  return `${lines.join("\n").trimEnd()}\n`;
}

function escapedHtml(text: string): string {
  return text.replaceAll("<", "&lt;");
}

/** man(7): a backslash, and a dot or quote that begins a line, mean something. */
function roff({ name, section, title, parts }: Page, header: string): string {
  const escaped = (text: string) =>
    text
      .replaceAll("\\", "\\e")
      .replaceAll("-", "\\-")
      .replaceAll("`", "")
      .split("\n")
      .map((line) => (/^[.']/.test(line) ? `\\&${line}` : line))
      .join("\n");
  const lines = [
    `.\\" ${header}`,
    `.TH ${name.toUpperCase()} ${section} "" "fdinit ${version}" ""`,
    ".SH NAME",
    `${escaped(name)} \\- ${escaped(title)}`,
  ];
  for (const { head, blocks } of parts) {
    lines.push(`.SH ${head.toUpperCase()}`);
    for (const block of blocks) {
      if ("text" in block) lines.push(".PP", escaped(block.text));
      else if ("code" in block) lines.push(".PP", ".nf", escaped(block.code), ".fi");
      else for (const [term, words] of block.terms) lines.push(".TP", `.B ${escaped(term)}`, escaped(words));
    }
  }
  return `${lines.join("\n")}\n`;
}

export function messagesPage(header: string): string {
  const section = (code: string, { means, remedy, wrong, right }: Explained, more = "") => [
    `### ${code}`,
    "",
    `${means}${more}`,
    "",
    `${remedy}`,
    "",
    ...(wrong === undefined ? [] : ["```yaml", "# wrong", wrong, "```", ""]),
    ...(right === undefined ? [] : ["```yaml", "# right", right, "```", ""]),
  ];
  const codes = Object.entries(MESSAGES) as [keyof typeof MESSAGES, Explained][];
  const isWarning = (code: keyof typeof MESSAGES) => WARNINGS.includes(code);
  return `${[
    `<!-- ${header} -->`,
    "# Messages",
    "",
    "A complaint about a policy ends with its code in brackets. `fdinit help CODE` says the same as this page. Codes are stable: tools may",
    "go by them (`fdinit check --format json`). Each suggestion of a complaint has been tried in its place before it is said.",
    "",
    "```",
    'fdinit: policy.yaml:2:21: unknown key "defualt" in fds.inherited [unknown-key]',
    "    2 | fds: { inherited: { defualt: close } }",
    "      |                     ^~~~~~~",
    "    expected one of: default, rules, expect",
    '    did you mean "default"?',
    "```",
    "",
    "## Complaints about a policy",
    "",
    "Exit code 78.",
    "",
    ...codes.filter(([code]) => !isWarning(code)).flatMap(([code, explained]) => section(code, explained)),
    "## Warnings of check",
    "",
    "A start goes on. With `check --strict` they count as mistakes.",
    "",
    ...codes.filter(([code]) => isWarning(code)).flatMap(([code, explained]) => section(code, explained)),
    "## Refusals of a start",
    "",
    "What `plan --json` names as `code`, and what a launch ends with.",
    "",
    ...Object.entries(START_MESSAGES).flatMap(([code, explained]) =>
      section(code, explained, ` Exit code ${explained.exit}.`),
    ),
  ]
    .join("\n")
    .trimEnd()}\n`;
}
