import { describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtInPolicy } from "../../../init/policy/meaning/built-in.ts";
import { describeOrigins } from "../../../init/policy/origins.ts";
import { SIGTERM } from "../../../init/sys/libc/constants.ts";
import { brief, issuesOf, policyOf } from "./reading.ts";

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
      open: [],
      method: "auto",
      scanLimit: 65536,
    });
    expect(policy.limits.nofile).toEqual({ soft: { atMost: 65536 }, hard: "inherit" });
    expect(policy.log).toEqual({ level: "warn", format: "text", services: "raw" });
    expect(policy.services).toEqual([
      {
        name: "main",
        command: undefined,
        type: "service",
        cwd: undefined,
        env: {},
        pass: undefined,
        protocol: "auto",
        stdin: "inherit",
        restart: {
          policy: "never",
          backoff: { leastMs: 500, mostMs: 30_000 },
          limit: { count: 5, withinMs: 60_000 },
          onLimit: "exit",
        },
        signals: { forward: "all", to: "process", rewrite: new Map(), delayMs: new Map() },
        setsid: false,
        noNewPrivileges: false,
        essential: true,
      },
    ]);
    expect(policy.shutdown).toEqual({ on: [SIGTERM], budgetMs: undefined, steps: [] });
    expect(policy.reaping).toEqual({ subreaper: "auto", orphans: "terminate", waitMs: 5000, log: "none" });
    expect(policy).toMatchObject({ tty: "auto", exitMap: new Map(), dropPrivileges: false });
    expect(policy.report).toBeUndefined();
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
    { first: 3, last: 6 },
    { first: 9, last: 9 },
    { first: 20, last: 0x7fffffff },
  ]);
});

test("describes who gave each key its value", () => {
  const policy = policyOf("version: 1\nfds: { inherited: { default: keep } }\n", "performance");
  const origins = Object.fromEntries(
    describeOrigins(policy).map(({ path, origin }) => [path.join("."), origin]),
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
    "a tag on a key": ["version: 1\n!x intent: security\n", "unsupported-yaml /intent 2:4"],
    "a tag of another type on a key": [
      "version: 1\n!!int intent: security\n",
      "unsupported-yaml /intent 2:7",
    ],
    "a tag without a name on a key": ["version: 1\n! intent: security\n", "unsupported-yaml /intent 2:3"],
    "a tag on a key of ?": ["version: 1\n? !x intent\n: security\n", "unsupported-yaml /intent 2:6"],
    "a tag that the value belies": ["version: 1\nintent: !!int security\n", "unsupported-yaml /intent 2:15"],
    "a directive for tags": ["# c\n%TAG !e! tag:x,2000:\n---\nversion: 1\n", "unsupported-yaml  2:1"],
    "half of a surrogate pair": ['version: 1\nreport: "/\\ud800"\n', "unsupported-yaml /report 2:9"],
    "half of a surrogate pair in a key": [
      'version: 1\nservices: { app: { command: [a], env: { "A\\udfff": b } } }\n',
      "unsupported-yaml /services/app/env/A\udfff 2:41",
    ],
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

test("reads a plain policy without a mistake where the yaml package does not even exist", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fdinit-policy-"));
  try {
    for (const room of ["policy", "sys"])
      cpSync(join(import.meta.dir, "../../../init", room), join(folder, room), { recursive: true });
    const script = `
      const { builtInPolicy } = await import(${JSON.stringify(join(folder, "policy/meaning/built-in.ts"))});
      const { loadPolicy } = await import(${JSON.stringify(join(folder, "policy/load.ts"))});
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
