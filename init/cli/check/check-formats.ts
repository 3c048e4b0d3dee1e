// Writes the findings of `check` for programs: one JSON document, GitHub's annotations, SARIF 2.1.0.

import { version } from "../../../package.json";
import type { PolicyIssue } from "../../policy/issue.ts";
import { visible, visibleJson } from "../../sys/text/visible.ts";
import { MESSAGES } from "../help/messages.ts";
import { isWarning } from "./warnings.ts";

/** One policy, and what was found. */
export interface Checked {
  readonly name: string;
  readonly ok: boolean;
  readonly text: string | undefined;
  readonly issues: readonly PolicyIssue[];
}

function levelOf(issue: PolicyIssue): "error" | "warning" {
  return isWarning(issue) ? "warning" : "error";
}

/** Message and what helps, in one text. */
function wordsOf({ message, expected, nearest, hint }: PolicyIssue): string {
  return [
    message.replace(/^warning: /, ""),
    ...(expected === undefined ? [] : [`expected ${expected}`]),
    ...(nearest === undefined ? [] : [`did you mean ${JSON.stringify(nearest)}?`]),
    ...(hint === undefined ? [] : [hint]),
  ].join("\n");
}

export function asJson(checked: readonly Checked[]): string {
  const files = checked.map(({ name, ok, issues }) => ({
    name,
    ok,
    issues: issues.map((issue) => ({ level: levelOf(issue), ...issue })),
  }));
  return `${visibleJson({ version: 1, ok: checked.every(({ ok }) => ok), files }, 2)}\n`;
}

/** https://docs.github.com/actions/reference/workflow-commands-for-github-actions: `%`, line ends and, in properties, `:` and `,` are escaped. */
export function asGithub(checked: readonly Checked[]): string {
  const escaped = (text: string) => text.replaceAll("%", "%25").split("\n").map(visible).join("%0A");
  const property = (text: string) => escaped(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const lines = checked.flatMap(({ name, issues }) =>
    issues.map((issue) => {
      const { line, column = 1, length = 1, code } = issue;
      const place = line === undefined ? "" : `,line=${line},col=${column},endColumn=${column + length}`;
      return `::${levelOf(issue)} file=${property(name)}${place},title=${property(code)}::${escaped(wordsOf(issue))}\n`;
    }),
  );
  return lines.join("");
}

export function asSarif(checked: readonly Checked[]): string {
  const codes = [...new Set(checked.flatMap(({ issues }) => issues.map(({ code }) => code)))];
  const results = checked.flatMap(({ name, issues }) =>
    issues.map((issue) => {
      const { line, column = 1, length = 1, code } = issue;
      const region =
        line === undefined
          ? {}
          : { region: { startLine: line, startColumn: column, endColumn: column + length } };
      return {
        ruleId: code,
        level: levelOf(issue),
        message: { text: wordsOf(issue) },
        locations: [{ physicalLocation: { artifactLocation: { uri: encodeURI(name) }, ...region } }],
      };
    }),
  );
  const rules = codes.map((code) => ({
    id: code,
    shortDescription: { text: MESSAGES[code].means },
    help: { text: MESSAGES[code].remedy },
  }));
  const driver = { name: "fdinit", version, rules };
  const run = { tool: { driver }, columnKind: "utf16CodeUnits", results };
  const document = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [run],
  };
  return `${visibleJson(document, 2)}\n`;
}
