// Twenty mistakes of a person who has never used fdinit, each with the message it must give. No message is a stack trace, and
// none is without something to do.

import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FDINIT } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";

leaveNothingBehind();

interface Mistake {
  readonly name: string;
  readonly words: readonly string[];
  /** Files in the working directory. */
  readonly files?: Readonly<Record<string, string>>;
  readonly code: number;
  /** The words that the message has to have. */
  readonly says: readonly string[];
}

const withPolicy = (text: string, words: readonly string[] = ["true"]) => ({
  files: { "p.yaml": `version: 1\n${text}\n` },
  words: ["--policy", "p.yaml", ...words],
});

const MISTAKES: readonly Mistake[] = [
  { name: "no program at all", words: [], code: 64, says: ["command"] },
  {
    name: "a mistyped subcommand",
    words: ["chek", "p.yaml"],
    code: 127,
    says: ['did you mean the subcommand "check"?'],
  },
  { name: "an option of the program before its name", words: ["-p", "80"], code: 64, says: ["-p", "--"] },
  {
    name: "a mistyped option of a subcommand",
    words: ["check", "--fromat", "json"],
    code: 64,
    says: ["did you mean --format?"],
  },
  {
    name: "a policy that is not there",
    words: ["--policy", "polciy.yaml", "true"],
    code: 78,
    says: ["polciy.yaml", "no such file"],
  },
  {
    name: "a mistyped name of an embedded policy",
    words: ["--policy", "ngnix", "true"],
    code: 78,
    says: ["nginx, node"],
  },
  {
    name: "the folder in place of the policy",
    words: ["--policy", ".", "true"],
    code: 78,
    says: ["name the file in it"],
  },
  {
    name: "an intent that does not exist",
    words: ["--intent", "secure", "true"],
    code: 64,
    says: ["security, performance, simplicity"],
  },
  {
    name: "the version forgotten",
    ...{ files: { "p.yaml": "intent: security\n" }, words: ["--policy", "p.yaml", "true"] },
    code: 78,
    says: ['add "version: 1"', "[missing-key]"],
  },
  {
    name: "a Compose file for a policy",
    ...withPolicy("services: { web: { image: nginx, restart: always } }"),
    code: 78,
    says: ['unknown key "image"', "write restart: { policy: always }"],
  },
  {
    name: "a mistyped key",
    ...withPolicy("fds: { inherited: { defualt: close } }"),
    code: 78,
    says: ["p.yaml:2:21", 'did you mean "default"?', "[unknown-key]"],
  },
  {
    name: "a command as one text",
    ...withPolicy('services: { app: { command: "node server.js" } }'),
    code: 78,
    says: ['write command: ["node", "server.js"]'],
  },
  {
    name: "a number for a text",
    ...withPolicy("services: { app: { env: { PORT: 8080 } } }"),
    code: 78,
    says: ['put it in quotes: "8080"'],
  },
  {
    name: "seconds without a unit",
    ...withPolicy("shutdown: { budget: 25 }"),
    code: 78,
    says: ["write 25s"],
  },
  {
    name: "a mode without quotes",
    ...withPolicy('fds: { open: { a: { listen: "unix:/run/a", mode: 0660 } } }'),
    code: 78,
    says: ['write "0660"'],
  },
  {
    name: "an address as Go writes it",
    ...withPolicy('fds: { open: { a: { listen: ":8080" } } }'),
    code: 78,
    says: ['write "*:8080"'],
  },
  {
    name: "a tab for indentation",
    ...{ files: { "p.yaml": "version: 1\nfds:\n\tinherited: {}\n" }, words: ["--policy", "p.yaml", "true"] },
    code: 78,
    says: ["p.yaml:3", "tab"],
  },
  {
    name: "steps that take longer than the budget",
    ...withPolicy("shutdown: { budget: 5s, steps: [{ signal: TERM, wait: 10s }, { signal: KILL }] }"),
    code: 78,
    says: ["10000 ms", "budget of 5000 ms", "[bad-value]"],
  },
  {
    name: "a variable that is not set",
    ...withPolicy("report: ${NOBODY_SET_THIS}"),
    code: 78,
    says: ["NOBODY_SET_THIS", "[unknown-variable]"],
  },
  {
    name: "a program that is not in the image",
    words: ["--", "/no/such/program"],
    code: 127,
    says: ["/no/such/program", "no such file"],
  },
  {
    name: "a file that may not be executed",
    files: { "app.sh": "echo\n" },
    words: ["--", "./app.sh"],
    code: 126,
    says: ["permission denied", "chmod +x"],
  },
  { name: "a folder for a program", words: ["--", "/etc"], code: 126, says: ["it is a directory"] },
  {
    name: "a working directory that does not exist",
    ...withPolicy("services: { app: { cwd: /no/such } }"),
    code: 126,
    says: ["p.yaml:2:25", "/no/such", "no such file", "(services.app.cwd)", "[cannot-start]"],
  },
  {
    name: "a user that is not in the image",
    ...withPolicy("services: { app: { user: nobody-here } }"),
    code: 126,
    says: ["p.yaml:2:26", "nobody-here", "(services.app.user)", "[cannot-start]"],
  },
  {
    name: "an address that no machine has",
    ...withPolicy('fds: { open: { a: { listen: "999.0.0.1:80" } } }'),
    code: 78,
    says: ["p.yaml:2:29", "fds.open.a.listen"],
  },
  {
    name: "a socket in a folder that does not exist",
    ...withPolicy(
      'fds: { open: { a: { listen: "unix:/no/such/a" } } }\nservices: { app: { fds: { pass: { a: 3 } } } }',
    ),
    code: 70,
    says: ["p.yaml:2:29", "/no/such/a", "no such file", "(fds.open.a.listen)", "[kernel]"],
  },
  {
    name: "a program of the policy that is not in the image",
    ...withPolicy("services: { app: { command: [/no/such/program] } }", []),
    code: 127,
    says: ["p.yaml:2:30", "(services.app.command[0])", "[not-found]"],
  },
  {
    name: "a descriptor that the launcher was to bring",
    ...withPolicy(
      "fds: { inherited: { rules: [{ match: { fd: 77 }, action: keep, name: web }], expect: [web] } }",
    ),
    code: 77,
    says: [
      "p.yaml:2:87",
      '"web" is expected and did not arrive',
      "(fds.inherited.expect[0])",
      "[descriptor]",
    ],
  },
  {
    name: "a dependency on a service that is not there",
    ...withPolicy("services: { app: { command: [a], dependsOn: { db: ready } }, web: { command: [b] } }", []),
    code: 78,
    says: ["p.yaml:2:", "db"],
  },
]; // prettier-ignore

test.each(MISTAKES.map((mistake) => [mistake.name, mistake] as const))(
  "%s",
  (_name, { words, files = {}, code, says }) => {
    const cwd = temporaryDirectory();
    mkdirSync(cwd, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
    const run = Bun.spawnSync([FDINIT, ...words], { cwd, stdin: "ignore" });
    const stderr = run.stderr.toString();
    expect({ code: run.exitCode, stderr }).toEqual({ code, stderr: expect.stringMatching(/^fdinit: /) });
    for (const part of says) expect(stderr.toLowerCase()).toContain(part.toLowerCase());
    expect(stderr).not.toMatch(/^\s+at .*:\d+|internal error|undefined|\[object/m);
  },
  20_000,
);
