import { describe, expect, test } from "bun:test";
import { parse } from "yaml";
import { countKeysOfPlainYaml, parsePlainYaml } from "../../../init/policy/reading/plain-yaml.ts";
import { readYamlDocument } from "../../../init/policy/reading/yaml-document.ts";

const PLAIN = `# yaml-language-server: $schema=../schema/policy.schema.json — a comment with a dash
---
version: 1
intent: security   # comment
fds:
  inherited:
    default: close
    rules:
      - { match: { fd: 0-2 }, action: keep }
      - match:
          fd: [3, "7-9", 100-]
        action: close
limits: { nofile: { soft: 1024, hard: inherit } }
services:
  app:
    command: [nginx, -g, "daemon off;"]
    cwd: /srv
    env:
      PORT: "8080"
      HOME: \${HOME}
    args:
    - ./run
    - --verbose
`;

test("lets a plain policy pass and reads it as the yaml package does", () => {
  expect(parsePlainYaml(PLAIN)?.value).toEqual(parse(PLAIN));
});

describe("leaves to the yaml package", () => {
  const cases: Record<string, string> = {
    "a duplicate key": "a: 1\na: 2\n",
    "a duplicate key in a flow mapping": "a: { b: 1, b: 2 }\n",
    "an anchor": "a: &x 1\n",
    "an alias": "a: *x\n",
    "a merge key": "<<: { a: 1 }\n",
    "a tag": "a: !!str 1\n",
    "several documents": "a: 1\n---\nb: 1\n",
    "a document end": "a: 1\n...\n",
    "a directive": "%YAML 1.1\n---\na: 1\n",
    "a tab": "a:\t1\n",
    "a literal block": "a: |\n  x\n",
    "a folded block": "a: >-\n  x\n",
    "a text over two lines": "a: b\n  c\n",
    "a flow list over two lines": "a: [1,\n  2]\n",
    yes: "a: yes\n",
    Off: "a: Off\n",
    NULL: "a: NULL\n",
    "a tilde": "a: ~\n",
    octal: "a: 0o17\n",
    "a leading zero": "a: 0777\n",
    hexadecimal: "a: 0x1F\n",
    "an underscored number": "a: 1_000\n",
    "a sexagesimal number": "a: 1:30\n",
    "a date": "a: 2001-01-01\n",
    "an exponent": "a: 1e3\n",
    "a fraction": "a: 1.5\n",
    infinity: "a: .inf\n",
    "a signed number": "a: -1\n",
    "a very large number": "a: 12345678901234567890\n",
    "an escape": 'a: "\\n"\n',
    "a doubled quote": "a: 'it''s'\n",
    "a complex key": "? a\n: b\n",
    "a number as key": "1: 2\n",
    "null as key": "null: 2\n",
    "a null in a flow mapping": "a: { b }\n",
    "a pair in a flow list": "a: [b: 1]\n",
    "a trailing comma": "a: [b, ]\n",
    "a list of lists in one line": "a:\n  - - b\n",
    "a list at the top": "- a\n",
    "bad indentation": "a:\n    b: 1\n  c: 2\n",
    "a nested value without a key for it": "a: 1\n  b: 2\n",
    __proto__: "__proto__: 1\n",
    "carriage returns": "a: 1\r\nb: 2\r\n",
    "a next line character": "a: 1 # \u0085b: 2\n",
    "a line separator": "a: 1 # \u2028b: 2\n",
    "text that is not ASCII": "a: é\n",
    "a control character": 'a: "\u0007"\n',
    nothing: "# only a comment\n",
    "deep nesting": `a: ${"[".repeat(40)}${"]".repeat(40)}\n`,
  };
  for (const [name, text] of Object.entries(cases)) {
    test(name, () => expect(parsePlainYaml(text)).toBeUndefined());
  }
});

test("takes no text that the two parsers read differently, in thousands of generated ones", () => {
  const seed = Number(process.env["FDINIT_TEST_SEED"] ?? Date.now() % 2 ** 31);
  console.log(`seed ${seed} (FDINIT_TEST_SEED)`);
  const generator = new Generator(seed);
  const documents = Number(process.env["FDINIT_TEST_DOCUMENTS"] ?? 15_000);
  let passed = 0;
  for (let nth = 0; nth < documents; nth++) {
    const text = generator.document();
    if (countKeysOfPlainYaml(text) === undefined) continue;
    const plain = parsePlainYaml(text);
    if (plain === undefined) continue; // Bun's parser refused it, or a key stands twice
    passed++;
    const thorough = readYamlDocument(text);
    if (!thorough.ok || !Bun.deepEquals(plain.value, thorough.value, true)) {
      throw new Error(
        `seed ${seed}, document ${nth}: ${JSON.stringify(text)} gives ${JSON.stringify(plain.value)}, yaml ${JSON.stringify(thorough)}`,
      );
    }
  }
  expect(passed).toBeGreaterThan(documents / 10);
}, 600_000);

/** Documents of a policy's kind, with odd pieces and random damage now and then. */
class Generator {
  private state: number;
  constructor(seed: number) {
    this.state = seed | 1;
  }

  document(): string {
    const lines = this.mapping(0, 0);
    if (this.chance(0.1)) lines.unshift("---");
    let text = lines.join("\n") + (this.chance(0.9) ? "\n" : "");
    for (let damage = this.chance(0.3) ? 1 + this.below(3) : 0; damage > 0; damage--)
      text = this.damaged(text);
    return text;
  }

  private damaged(text: string): string {
    const at = this.below(text.length + 1);
    const piece = this.pick([
      ..."-:#,[]{}'\"&*!|>%@`~? \n\t\\$.0_=+<",
      " #",
      ": ",
      "- ",
      "\n  ",
      "\n\n",
      "<<: ",
      "---\n",
      "yes",
      "é",
    ]);
    return (
      text.slice(0, at) +
      (this.chance(0.7) ? piece : "") +
      text.slice(this.chance(0.5) ? at : at + 1 + this.below(3))
    );
  }

  private mapping(indent: number, depth: number): string[] {
    const lines: string[] = [];
    for (let left = 1 + this.below(4); left > 0; left--) {
      const key = `${" ".repeat(indent)}${this.key()}:`;
      const kind = depth < 4 ? this.below(6) : 0;
      if (kind === 4) lines.push(key, ...this.mapping(indent + 1 + this.below(4), depth + 1));
      else if (kind === 5) lines.push(key, ...this.list(indent + this.below(4), depth + 1));
      else lines.push(`${key}${this.chance(0.9) ? " " : ""}${this.value(0)}${this.comment()}`);
      if (this.chance(0.1)) lines.push(this.pick(["", "   ", "# c: d", "      # - x", "\t"]));
    }
    return lines;
  }

  private list(indent: number, depth: number): string[] {
    const lines: string[] = [];
    for (let left = 1 + this.below(3); left > 0; left--) {
      const dash = `${" ".repeat(indent)}-${this.chance(0.9) ? " " : "  "}`;
      if (this.chance(0.5)) lines.push(`${dash}${this.value(0)}${this.comment()}`);
      else {
        const [first = "", ...rest] = this.mapping(dash.length, depth + 1);
        lines.push(dash + first.trimStart(), ...rest);
      }
    }
    return lines;
  }

  private value(depth: number): string {
    if (depth < 3 && this.chance(0.25)) {
      const items = Array.from({ length: this.below(4) }, () => this.value(depth + 1));
      const pad = this.chance(0.5) ? " " : "";
      if (this.chance(0.5)) return `[${pad}${items.join(", ")}${pad}]`;
      return `{${pad}${items.map((item) => `${this.key()}: ${item}`).join(", ")}${pad}}`;
    }
    if (this.chance(0.2)) return this.pick(ODD);
    return this.pick(USUAL);
  }

  private key(): string {
    const plain = this.pick([
      "version",
      "fds",
      "a",
      "b-c",
      "d.e",
      "PORT",
      "SIGTERM",
      "x_y",
      "default",
      "match",
    ]);
    const key = plain + (this.chance(0.7) ? this.below(50) : "");
    if (this.chance(0.05))
      return this.pick(["<<", "yes", "null", "1", "__proto__", "constructor", "é", "? a", "-", "a b"]);
    return this.chance(0.1) ? `"${key}"` : this.chance(0.05) ? `'${key}'` : key;
  }

  private comment(): string {
    return this.chance(0.15) ? this.pick([" # c", " #", "  # a: b — c", "#d", " # 'x", "   "]) : "";
  }

  private pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  private chance(probability: number): boolean {
    return this.below(1_000_000) < probability * 1_000_000;
  }

  /** xorshift32 */
  private below(limit: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % limit;
  }
}

const USUAL = [
  ..."close keep true false null 0 1 1024 10s 500ms 64Ki 0-2 7- 3-9 SIGTERM /srv ./run -g --verbose nginx".split(
    " ",
  ),
  "${HOME}/x",
  "${A:-b}",
  '"*:8080"',
  "'daemon off;'",
  '""',
  "''",
  '"a: b # c"',
  "a b  c",
  "a:b",
  "a#b",
  "/a,b",
  "-e5",
  "-inf",
  "a[0]",
  "x{y}",
  "e3",
  "9-",
  "0-0",
  "a\\b",
  "/x:",
  "Infinity",
  "NaN",
  "undefined",
  "-x -y",
];
const ODD = [
  "yes",
  "off",
  "True",
  "NULL",
  "~",
  "0777",
  "0o17",
  "0x1F",
  "1_000",
  "1:30",
  "2001-01-01",
  "1e3",
  ".5",
  "5.",
  ".inf",
  "-1",
  "+1",
  "00",
  "12345678901234567890",
  "&a x",
  "*a",
  "!t x",
  "!!str 1",
  "|",
  ">-",
  "@x",
  "`x`",
  "%x",
  "? x",
  "- x",
  "-",
  "x: y",
  "'it''s'",
  '"\\n"',
  "é",
  '"é"',
  "=",
  "<<",
  "--- x",
  "...",
  "#x",
  "a #",
  "[a, b",
  "{a}",
  "[a: b]",
  "[,]",
  "[a,]",
  "{a: 1,}",
  "'x' y",
  "'x'#y",
  '"x" "y"',
  "[a]b",
  "{a: b}c",
  "[a] # c",
  "a\tb",
  "[a,b]",
  "{a:b}",
  "{a: {b: [c]}}",
  "$x",
  "$",
  "./",
  "--",
  "-",
  "---",
];
