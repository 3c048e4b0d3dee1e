// Replaces ${VAR}, ${VAR:-default} and $$ in the texts of a parsed policy. Keys are left alone, and what a
// variable holds is not looked at again. Any other dollar sign stays as it is.

import type { KeyPath } from "../key-path.ts";
import type { Environment } from "../types.ts";
import type { Finding } from "../wording/finding.ts";

/** More than anybody reads. */
const MOST_FINDINGS = 100;

export interface Replaced {
  /** A copy; the lists and mappings in it may be changed. */
  readonly value: unknown;
  readonly findings: readonly Finding[];
  /** Where a text was one variable and nothing else: it may stand for a number, true or false. */
  readonly whole: readonly KeyPath[];
}

export function replaceVariables(given: unknown, environment: Environment): Replaced {
  const findings: Finding[] = [];
  const whole: KeyPath[] = [];
  const visit = (value: unknown, at: KeyPath): unknown => {
    if (typeof value === "string") {
      if (!value.includes("$")) return value;
      if (/^\$\{[^{}]*\}$/.test(value)) whole.push(at);
      return replaceIn(value, at, environment, findings);
    }
    if (Array.isArray(value)) return value.map((item, index) => visit(item, [...at, index]));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, visit(child, [...at, key])]));
  };
  const value = visit(given, []);
  return { value, findings, whole };
}

function replaceIn(text: string, at: KeyPath, environment: Environment, findings: Finding[]): string {
  if (findings.length >= MOST_FINDINGS) return text;
  return text.replace(/\$\$|\$\{([^{}]*)(\}?)/g, (part: string, inner: string | undefined, close: string) => {
    if (part === "$$") return "$";
    const [, name, byDefault] = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inner ?? "") ?? [];
    if (name === undefined || close === "") {
      const hint = 'write ${NAME} or ${NAME:-default}; "$$" is a dollar sign';
      findings.push({
        code: "bad-variable",
        message: `${JSON.stringify(part)} is no variable`,
        at,
        on: "value",
        part,
        hint,
      });
      return part;
    }
    const value = environment(name);
    if (byDefault !== undefined)
      return value === undefined || value === "" ? byDefault.replaceAll("$$", () => "$") : value;
    if (value !== undefined) return value;
    const hint = `set it, write \${${name}:-default}, or write $\${${name}} for the text itself`;
    findings.push({
      code: "unknown-variable",
      message: `the variable ${name} is not set`,
      at,
      on: "value",
      part,
      hint,
    });
    return part;
  });
}

/** The number, true or false that a variable's text looks like; undefined when it looks like none. */
export function scalarOf(text: unknown): number | boolean | undefined {
  if (typeof text !== "string") return undefined;
  if (text === "true") return true;
  if (text === "false") return false;
  return /^-?(0|[1-9]\d{0,14})$/.test(text) ? Number(text) : undefined;
}
