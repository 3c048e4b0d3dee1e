import { describe, expect, test } from "bun:test";
import { parse } from "yaml";
import { parsePlainYaml } from "../../../init/policy/reading/plain-yaml.ts";
import { readYamlDocument } from "../../../init/policy/reading/yaml-document.ts";
import { PolicyTexts } from "../../harness/policy-texts.ts";

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
    "a number with a sign as key": "-1: 2",
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
  const texts = new PolicyTexts(seed);
  const documents = Number(process.env["FDINIT_TEST_DOCUMENTS"] ?? 15_000);
  let passed = 0;
  for (let nth = 0; nth < documents; nth++) {
    const text = texts.next();
    const plain = parsePlainYaml(text);
    if (plain === undefined) continue;
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
