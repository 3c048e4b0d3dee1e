import { describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtInPolicy } from "../../../init/policy/built-in.ts";
import { loadPolicy } from "../../../init/policy/load.ts";
import { describeOrigins } from "../../../init/policy/origins.ts";
import type { Intent, Policy, PolicyIssue } from "../../../init/policy/types.ts";

const VARIABLES: Readonly<Record<string, string>> = {
  PORT: "8080",
  COUNT: "2048",
  EMPTY: "",
  MONEY: "$$${X}",
  YES: "true",
};
const environment = (name: string) => VARIABLES[name];

function load(text: string | Uint8Array, intent?: Intent) {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  return loadPolicy({ name: "policy.yaml", bytes }, environment, intent === undefined ? {} : { intent });
}

function policyOf(text: string, intent?: Intent): Policy {
  const result = load(text, intent);
  if (!result.ok) throw new Error(JSON.stringify(result.issues));
  return result.policy;
}

function issuesOf(text: string | Uint8Array): readonly PolicyIssue[] {
  const result = load(text);
  if (result.ok) throw new Error(`no complaint about ${JSON.stringify(text)}`);
  return result.issues;
}

/** `code pointer line:column` of each. */
function brief(text: string | Uint8Array): string[] {
  return issuesOf(text).map(({ code, pointer, line, column }) => `${code} ${pointer} ${line}:${column}`);
}

describe("a policy of one line", () => {
  test("closes what is inherited and lowers the soft limit, as intent security has it", () => {
    const policy = policyOf("version: 1\n");
    expect(policy.intent).toBe("security");
    expect(policy.fds).toEqual({
      inherited: {
        default: "close",
        rules: [{ match: { outsideRoot: true }, action: "refuse" }],
        expect: [],
      },
      method: "auto",
      scanLimit: 65536,
    });
    expect(policy.limits.nofile).toEqual({ soft: { atMost: 65536 }, hard: "inherit" });
    expect(policy.log).toEqual({ level: "warn", format: "text" });
    expect(policy.services).toEqual([
      {
        name: "main",
        command: undefined,
        type: "default",
        cwd: undefined,
        env: {},
        stdin: "inherit",
        essential: true,
      },
    ]);
  });
  test("is the built-in policy but for its source", () => {
    for (const intent of ["security", "performance", "simplicity"] as const) {
      const { source: _written, ...written } = policyOf(`version: 1\nintent: ${intent}\n`);
      const { source: _builtIn, ...builtIn } = builtInPolicy(intent);
      expect(written).toEqual(builtIn);
    }
  });
});

describe("the intent", () => {
  test("performance marks, simplicity keeps and leaves the limit alone", () => {
    expect(builtInPolicy("performance").fds.inherited.default).toBe("cloexec");
    expect(builtInPolicy("performance").limits.nofile.soft).toEqual({ atMost: 65536 });
    expect(builtInPolicy("simplicity").fds.inherited.default).toBe("keep");
    expect(builtInPolicy("simplicity").limits.nofile.soft).toBe("inherit");
  });
  test("given as an option takes the place of the policy's own", () => {
    expect(policyOf("version: 1\nintent: performance\n", "simplicity").fds.inherited.default).toBe("keep");
  });
  test("does not touch what the policy sets", () => {
    expect(
      policyOf("version: 1\nfds: { inherited: { default: refuse } }\n", "simplicity").fds.inherited.default,
    ).toBe("refuse");
  });
});

test("descriptor sets become ascending ranges that do not touch", () => {
  const text =
    'version: 1\nfds: { inherited: { rules: [{ match: { fd: [9, "3-5", 6, 20-] }, action: keep }] } }\n';
  expect(policyOf(text).fds.inherited.rules[0]?.match.fd).toEqual([
    { from: 3, to: 6 },
    { from: 9, to: 9 },
    { from: 20, to: 0x7fffffff },
  ]);
});

test("describes who gave each key its value", () => {
  const origins = describeOrigins(
    policyOf("version: 1\nfds: { inherited: { default: keep } }\n", "performance"),
  );
  expect(origins["intent"]).toBe("option");
  expect(origins["fds.inherited.default"]).toBe("policy");
  expect(origins["limits.nofile.soft"]).toBe("intent");
  expect(origins["limits.nofile.hard"]).toBe("default");
});

describe("variables", () => {
  const env = (value: string) =>
    policyOf(`version: 1\nservices:\n  app:\n    env:\n      A: '${value}'\n`).services[0].env["A"];
  test("are replaced by what the environment holds", () => expect(env("x${PORT}y")).toBe("x8080y"));
  test("take the default when they are not set or empty", () =>
    expect(env("${NOT:-a}${EMPTY:-b}${PORT:-c}")).toBe("ab8080"));
  test("may have an empty default", () => expect(env("${NOT:-}")).toBe(""));
  test("may be set and empty", () => expect(env("${EMPTY}")).toBe(""));
  test("hold texts that are not looked at again", () => expect(env("${MONEY}")).toBe("$$${X}"));
  test("leave $$ as one dollar sign, in defaults too", () =>
    expect(env("$$ $${PORT} ${NOT:-$$}")).toBe("$ ${PORT} $"));
  test("leave any other dollar sign alone", () => expect(env("$PORT a$ $1")).toBe("$PORT a$ $1"));
  test("are not replaced in keys", () => {
    expect(policyOf('version: 1\nservices: { app: { env: { "${PORT}": a } } }\n').services[0].env).toEqual({
      "${PORT}": "a",
    });
  });
  test("stand for a number, true or false where no text is accepted", () => {
    const text =
      'version: 1\nlimits: { nofile: { soft: "${COUNT}" } }\nservices: { app: { essential: "${YES}" } }\n';
    expect(policyOf(text).limits.nofile.soft).toBe(2048);
  });
  test("stay texts where a text is accepted", () => expect(env("${COUNT}")).toBe("2048"));
  test("that are not set are complained about where they stand", () => {
    expect(brief("version: 1\nservices:\n  app:\n    command: [a, 'b${NOPE}']\n")).toEqual([
      "unknown-variable /services/app/command/1 4:20",
    ]);
  });
  test("must be in quotes inside brackets, and the hint says so", () => {
    const [issue] = issuesOf("version: 1\nservices: { app: { command: [a, ${PORT}] } }\n");
    expect(issue).toMatchObject({ code: "yaml-syntax", line: 2, hint: expect.stringContaining("in quotes") });
  });
  test("of another form are complained about", () => {
    for (const bad of ["${", "${A", "${}", "${1}", "${A:+x}", "${A-b}", "${ A }"]) {
      expect(brief(`version: 1\nservices: { app: { env: { A: '${bad}' } } }\n`)).toEqual([
        "bad-variable /services/app/env/A 2:31",
      ]);
    }
  });
  test("are no way around the schema", () => {
    expect(brief("version: 1\nintent: ${PORT}\n")).toEqual(["not-one-of /intent 2:9"]);
    expect(issuesOf("version: 1\nintent: ${PORT}\n")[0]?.message).toContain('"8080"');
    expect(brief("version: 1\nlimits:\n  nofile:\n    soft: ${YES}\n")).toEqual([
      "not-one-of /limits/nofile/soft 4:11",
    ]);
  });
});

describe("bytes that are no policy", () => {
  test("above 1 MiB", () => expect(issuesOf(new Uint8Array(1024 * 1024 + 1))[0]?.code).toBe("too-large"));
  test("nothing, white space, comments only, or an empty document", () => {
    for (const text of ["", "\n \n", "# a\n  # b", "---\n# a\n", "\ufeff"])
      expect(issuesOf(text).map(({ code }) => code)).toEqual(["empty"]);
  });
  test("not UTF-8, with the byte's place", () => {
    const bytes = Buffer.concat([Buffer.from("version: 1\n# é"), Buffer.from([0xe2, 0x82, 0x20])]);
    const [issue] = issuesOf(bytes);
    expect(issue).toMatchObject({ code: "not-utf8", line: 2, column: 4 });
    expect(issue?.message).toContain("byte offset 15");
  });
  test("overlong, surrogate and cut off sequences", () => {
    for (const bytes of [[0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82], [0x80]]) {
      expect(brief(Buffer.from([0x61, ...bytes]))).toEqual(["not-utf8  1:2"]);
    }
  });
  test("UTF-16, with a hint", () => {
    expect(issuesOf(Buffer.from("\ufeffversion: 1", "utf16le"))[0]).toMatchObject({
      code: "not-utf8",
      hint: expect.stringContaining("UTF-16"),
    });
  });
  test("but a byte order mark is tolerated", () => {
    expect(policyOf("\ufeffversion: 1\n").version).toBe(1);
    expect(brief("\ufeffversion: 2\n")).toEqual(["unsupported-version /version 1:10"]);
  });
});

describe("YAML that is refused", () => {
  const cases: Record<string, [text: string, ...briefs: string[]]> = {
    "a duplicate key": ["version: 1\nlog: {}\nversion: 1\n", "duplicate-key /version 3:1"],
    "a duplicate key in quotes": ['version: 1\n"version": 1\n', "duplicate-key /version 2:1"],
    "several documents": ["version: 1\n---\nversion: 1\n", "several-documents  2:1"],
    "a directive": ["%YAML 1.1\n---\nversion: 1\n", "unsupported-yaml  1:1"],
    "a tag of its own": ["version: !v 1\n", "unsupported-yaml /version 1:13"],
    "a binary value": ["version: !!binary aGVsbG8=\n", "unsupported-yaml /version 1:19"],
    "a list as key": ["version: 1\n? [a]\n: b\n", "unsupported-yaml  2:3"],
    "a merge key": ["version: 1\n<<: { intent: security }\n", "unknown-key /<< 2:1"],
    "an alias without an anchor": ["version: 1\nintent: *x\n", "yaml-syntax /intent 2:9"],
    "an alias in its own anchor": ["version: 1\nlog: &x { level: *x }\n", "yaml-syntax /log/level 2:18"],
    "an unquoted *:8080": ["version: 1\nreport: *:8080\n", "yaml-syntax /report 2:9"],
    "a tab as indentation": ["version: 1\nlog:\n\tlevel: warn\n", "yaml-syntax  3:1"],
    "a quote that is not closed": ['version: 1\nintent: "security\n', "yaml-syntax  3:1"],
    "a control character": ['version: 1\nreport: "\u001b[31m"\n', "yaml-syntax  2:10"],
    "100,000 brackets": [`version: 1\nx: ${"[".repeat(100_000)}`, "too-deep  2:104"],
    "100,000 closed brackets": [
      `version: 1\nx: ${"[".repeat(100_000)}${"]".repeat(100_000)}`,
      "too-deep  2:104",
    ],
    "100,000 dashes": [`version: 1\nx:\n  ${"- ".repeat(100_000)}a`, "too-deep  3:203"],
    "1,000 levels of indentation": [
      `version: 1\n${Array.from({ length: 1000 }, (_, n) => `${" ".repeat(n)}a:`).join("\n")}\n`,
      "too-deep  203:201",
    ],
  };
  for (const [name, [text, ...briefs]] of Object.entries(cases)) {
    test(name, () => expect(brief(text)).toEqual(briefs));
  }
  test("brackets that hide behind a quote in a block text", () => {
    expect(brief(`version: 1\nx: |\n  '\ny: ${"[".repeat(100_000)}'`)[0]).toStartWith("too-deep");
  });
  test("aliases that multiply, before they take memory", () => {
    const names = [..."abcdefghijkl"];
    const lines = names.map(
      (name, nth) =>
        `${name}: &${name} [${
          nth === 0
            ? "x"
            : Array(9)
                .fill(`*${names[nth - 1]}`)
                .join(", ")
        }]`,
    );
    const before = process.memoryUsage().rss;
    expect(brief(`version: 1\n${lines.join("\n")}\n`).map((issue) => issue.split(" ")[0])).toEqual([
      "too-many-aliases",
    ]);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });
  test("few aliases that multiply", () => {
    const names = [..."abcdefgh"];
    const lines = names.map(
      (name, nth) =>
        `${name}: &${name} [${
          nth === 0
            ? "x, ".repeat(50)
            : Array(10)
                .fill(`*${names[nth - 1]}`)
                .join(", ")
        }]`,
    );
    expect(brief(`version: 1\n${lines.join("\n")}\n`).map((issue) => issue.split(" ")[0])).toEqual([
      "too-many-aliases",
    ]);
  });
});

test("takes an anchor and its alias as the same value written twice", () => {
  const text = "version: 1\nservices:\n  app:\n    cwd: &dir /srv\n    env: { DIR: *dir }\n";
  expect(policyOf(text).services[0]).toMatchObject({ cwd: "/srv", env: { DIR: "/srv" } });
});

test("keeps a variable named __proto__ a variable", () => {
  const { env } = policyOf("version: 1\nservices: { app: { env: { __proto__: a } } }\n").services[0];
  expect(Object.entries(env)).toEqual([["__proto__", "a"]]);
});

describe("a lot of trouble ends with few complaints, and soon", () => {
  const much = (piece: string) => `version: 1\n${piece.repeat(200_000 / piece.length)}`;
  const cases: Record<string, string> = {
    "the same key again": much("a: 1\n"),
    "unknown keys": `version: 1\n${Array.from({ length: 20_000 }, (_, nth) => `key${nth}: 1`).join("\n")}`,
    "closing brackets": much("]"),
    documents: much("---\n"),
    quotes: much('"'),
    "variables that are not set": `version: 1\nreport: "${"${A}".repeat(50_000)}"`,
  };
  for (const [name, text] of Object.entries(cases)) {
    test(name, () => {
      const start = Bun.nanoseconds();
      expect(issuesOf(text).length).toBeLessThan(1000);
      expect((Bun.nanoseconds() - start) / 1e9).toBeLessThan(10);
    });
  }
});

describe("the shape", () => {
  const cases: Record<string, [text: string, ...briefs: string[]]> = {
    "no version": ["intent: security\n", "missing-key  1:1"],
    "another version": ["version: 2\n", "unsupported-version /version 1:10"],
    "the version as a text": ['version: "1"\n', "unsupported-version /version 1:10"],
    "a list": ["- a\n", "wrong-type  1:1"],
    "a text": ["hello\n", "wrong-type  1:1"],
    "a key without a value": ["version: 1\nlog:\n", "wrong-type /log 2:1"],
    "an unknown intent": ["version: 1\nintent: secure\n", "not-one-of /intent 2:9"],
    "a limit that is neither number nor word": [
      "version: 1\nlimits: { nofile: { soft: lots } }\n",
      "not-one-of /limits/nofile/soft 2:27",
    ],
    "a limit of the wrong type": [
      "version: 1\nlimits: { nofile: { soft: true } }\n",
      "wrong-type /limits/nofile/soft 2:27",
    ],
    "a limit below 1": [
      "version: 1\nlimits: { nofile: { soft: 0 } }\n",
      "out-of-range /limits/nofile/soft 2:27",
    ],
    "a fraction": ["version: 1\nlimits: { nofile: { soft: 1.5 } }\n", "wrong-type /limits/nofile/soft 2:27"],
    infinity: ["version: 1\nlimits: { nofile: { soft: .inf } }\n", "wrong-type /limits/nofile/soft 2:27"],
    "a command as a text": [
      "version: 1\nservices: { app: { command: node server.js } }\n",
      "wrong-type /services/app/command 2:29",
    ],
    "an empty command": [
      "version: 1\nservices: { app: { command: [] } }\n",
      "too-few /services/app/command 2:29",
    ],
    "an empty program": [
      'version: 1\nservices: { app: { command: [""] } }\n',
      "bad-value /services/app/command/0 2:30",
    ],
    "a number as argument": [
      "version: 1\nservices: { app: { command: [sleep, 1] } }\n",
      "wrong-type /services/app/command/1 2:37",
    ],
    "a number as variable": [
      "version: 1\nservices: { app: { env: { A: 1 } } }\n",
      "wrong-type /services/app/env/A 2:30",
    ],
    "a relative directory": [
      "version: 1\nservices: { app: { cwd: srv } }\n",
      "bad-pattern /services/app/cwd 2:25",
    ],
    "yes for true": [
      "version: 1\nservices: { app: { essential: yes } }\n",
      "wrong-type /services/app/essential 2:31",
    ],
    "a service with a bad name": [
      "version: 1\nservices: { My App: { command: [a] } }\n",
      "bad-pattern /services/My App 2:13",
    ],
    "no services at all": ["version: 1\nservices: {}\n", "too-few /services 2:11"],
    "an empty match": [
      "version: 1\nfds: { inherited: { rules: [{ match: {}, action: keep }] } }\n",
      "too-few /fds/inherited/rules/0/match 2:38",
    ],
    "a rule without an action": [
      "version: 1\nfds: { inherited: { rules: [{ match: { fd: 3 } }] } }\n",
      "missing-key /fds/inherited/rules/0 2:29",
    ],
    "a bad entry in a list of descriptors": [
      'version: 1\nfds: { inherited: { rules: [{ match: { fd: [3, x, "4-"] }, action: keep }] } }\n',
      "bad-pattern /fds/inherited/rules/0/match/fd/1 2:48",
    ],
    "a range that ends before it starts": [
      "version: 1\nfds: { inherited: { rules: [{ match: { fd: [1, 9-3] }, action: keep }] } }\n",
      "bad-value /fds/inherited/rules/0/match/fd/1 2:48",
    ],
    "a descriptor beyond all": [
      "version: 1\nfds: { inherited: { rules: [{ match: { fd: 3-4294967296 }, action: keep }] } }\n",
      "bad-value /fds/inherited/rules/0/match/fd 2:44",
    ],
    "a soft limit above the hard one": [
      "version: 1\nlimits: { nofile: { soft: 2, hard: 1 } }\n",
      "bad-value /limits/nofile/soft 2:27",
    ],
    "many mistakes at once, in the order of the text": [
      "log: { level: loud }\nversion: 3\nfds:\n  inherited:\n    defualt: close\n    rules: no\nintnet: a\n",
      "not-one-of /log/level 1:15",
      "unsupported-version /version 2:10",
      "unknown-key /fds/inherited/defualt 5:5",
      "wrong-type /fds/inherited/rules 6:12",
      "unknown-key /intnet 7:1",
    ],
  };
  for (const [name, [text, ...briefs]] of Object.entries(cases)) {
    test(`complains once about ${name}`, () => expect(brief(text)).toEqual(briefs));
  }
});

describe("the help that comes with a complaint", () => {
  const first = (text: string) => issuesOf(`version: 1\n${text}\n`)[0];
  test("names the nearest key of the same mapping", () => {
    expect(first("intnet: a")?.nearest).toBe("intent");
    expect(first("fds: { inherited: { defualt: close } }")?.nearest).toBe("default");
    expect(first("services: { app: { no_new_privileges: true } }")?.nearest).toBe("noNewPrivileges");
    expect(first("services: { app: { environment: {} } }")?.nearest).toBe("env");
  });
  test("names the place where a key belongs", () => {
    expect(first("default: close")?.nearest).toBe("fds.inherited.default");
    expect(first("command: [a]")?.nearest).toBe("services.NAME.command");
    expect(first("fds: { rules: [] }")?.nearest).toBe("fds.inherited.rules");
    expect(first("services: { app: { soft: 1 } }")?.nearest).toBe("services.app.limits.nofile.soft");
  });
  test("names no key that is far from it", () => expect(first("zebra: 1")?.nearest).toBeUndefined());
  test("names the nearest word", () => expect(first("intent: Security")?.nearest).toBe("security"));
  test("says what a union accepts", () => {
    expect(first("limits: { nofile: { soft: [] } }")?.expected).toBe('a number, "inherit" or "max"');
  });
  test("shows a command as a list", () => {
    expect(first("services: { app: { command: node server.js } }")?.hint).toBe(
      'write command: ["node", "server.js"]',
    );
    expect(first("services: { app: { command: 'a | b' } }")?.hint).toBe(
      'write command: ["/bin/sh", "-c", "a | b"]',
    );
  });
  test("says to quote a number", () =>
    expect(first("services: { app: { env: { A: 8080 } } }")?.hint).toBe('put it in quotes: "8080"'));
  test("says to write true for yes", () =>
    expect(first("services: { app: { essential: yes } }")?.hint).toBe("write true"));
});

describe("keys without effect yet", () => {
  const cases: Record<string, [text: string, ...briefs: string[]]> = {
    "a descriptor to open": ["fds: { open: { admin: { listen: '*:80' } } }", "unsupported-key /fds/open 2:8"],
    "a whole mapping, once": ["shutdown: { budget: 10, nope: 1 }", "unsupported-key /shutdown 2:1"],
    "another type of service": [
      "services: { app: { type: oneshot } }",
      "unsupported-value /services/app/type 2:26",
    ],
    "a service that is not essential": [
      "services: { app: { essential: false } }",
      "unsupported-value /services/app/essential 2:31",
    ],
    "standard input from elsewhere": [
      "services: { app: { stdin: http } }",
      "unsupported-value /services/app/stdin 2:27",
    ],
    "JSON lines": ["log: { format: json }", "unsupported-value /log/format 2:16"],
    "a second service, whose mistakes are named too": [
      "services:\n  a: { command: [a] }\n  b: { command: b }",
      "unsupported-value /services/b 4:3",
      "wrong-type /services/b/command 4:17",
    ],
  };
  for (const [name, [text, ...briefs]] of Object.entries(cases)) {
    test(`are refused: ${name}`, () => expect(brief(`version: 1\n${text}\n`)).toEqual(briefs));
  }
  test("are accepted with the value that is today's behaviour", () => {
    const text =
      "fds: { method: auto }\nsignals: { forward: all, to: process }\nlog: { format: text }\nservices: { app: { type: default, essential: true, stdin: inherit } }";
    expect(policyOf(`version: 1\n${text}\n`).services[0].name).toBe("app");
  });
});

test("reads a plain policy without a mistake where the yaml package does not even exist", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fdinit-policy-"));
  try {
    cpSync(join(import.meta.dir, "../../../init/policy"), folder, { recursive: true });
    const script = `
      const { builtInPolicy } = await import(${JSON.stringify(join(folder, "built-in.ts"))});
      const { loadPolicy } = await import(${JSON.stringify(join(folder, "load.ts"))});
      const load = (text) => loadPolicy({ name: "p", bytes: Buffer.from(text) }, () => undefined).ok;
      console.log(builtInPolicy("security").version, load("version: 1\\nintent: performance\\n"));
      try { load("version: 2\\n"); } catch (error) { console.log(error.message.includes("yaml")); }`;
    const child = Bun.spawn([process.execPath, "--no-install", "-e", script], {
      cwd: folder,
      stdout: "pipe",
    });
    expect(await new Response(child.stdout).text()).toBe("1 true\ntrue\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
