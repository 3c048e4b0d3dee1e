// The schema in a real editor's server: what it completes, explains and complains about.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { embeddedNames } from "../../init/cli/policy-source/embedded.ts";
import { LanguageServer } from "../harness/language-server.ts";

const ROOT = join(import.meta.dir, "../..");
const isThere = existsSync(join(ROOT, "node_modules/yaml-language-server"));
const server = isThere ? new LanguageServer() : undefined;

describe.skipIf(!isThere)("with yaml-language-server", () => {
  const editor = server as LanguageServer;
  beforeAll(() => editor.start(), 60_000);
  afterAll(() => editor.stop());

  test.each(embeddedNames())(
    "the embedded policy %s has nothing wrong",
    async (name) => {
      const text = readFileSync(join(ROOT, `policies/${name}.yaml`), "utf8").replace(
        /^# yaml-language-server.*\n/,
        "",
      );
      expect(await editor.check(text)).toEqual([]);
    },
    30_000,
  );

  test.each([
    ["version: 1\nshutdown: { budget: '${BUDGET:-25s}' }\n"],
    ["version: 1\nlog: { level: '${LEVEL:-warn}' }\n"],
    ["version: 1\nlimits: { nofile: { soft: '${SOFT}' } }\n"],
    ["version: 1\ndropPrivileges: '${DROP}'\n"],
    ["version: 1\nx-anchors: { a: 1 }\n"],
  ])(
    "%j is accepted: variables are replaced later, and x- is free",
    async (text) => {
      expect(await editor.check(text)).toEqual([]);
    },
    30_000,
  );

  test.each([
    ["version: 1\nintnet: security\n", 2, /intnet/],
    ["version: 1\nshutdown: { budget: 25 }\n", 2, /string|duration/i],
    ["version: 1\nshutdown: { budget: 1m30s }\n", 2, /a duration such as/],
    ["version: 1\nshutdown: { steps: [{ signal: SIGTREM }] }\n", 2, /a signal such as SIGTERM/],
    [
      "version: 1\nfds: { inherited: { rules: [{ match: { fd: 3..9 }, action: keep }] } }\n",
      2,
      /a range such as/,
    ],
    ["version: 1\nlog: { level: loud }\n", 2, /"?debug"?/],
    ["intent: security\n", 1, /version/],
    ["version: 1\nservices: { app: { restart: always } }\n", 2, /Restart/],
  ])(
    "%j is complained about",
    async (text, line, words) => {
      const found = await editor.check(text);
      expect(found.map(({ message }) => message).join("\n")).toMatch(words);
      expect(found[0]?.range.start.line).toBe(line);
    },
    30_000,
  );

  test.each([
    ["version: 1\n|", ["intent", "fds", "services", "shutdown", "report"]],
    ["version: 1\nintent: |", ["security", "performance", "simplicity"]],
    ["version: 1\nfds:\n  |", ["inherited", "open", "method"]],
    ["version: 1\nfds:\n  inherited:\n    default: |", ["close", "cloexec", "keep", "refuse", "devnull"]],
    ["version: 1\nservices:\n  app:\n    |", ["command", "user", "restart", "stop"]],
    ["version: 1\nservices:\n  app:\n    restart:\n      policy: |", ["never", "onFailure", "always"]],
    ["version: 1\nreaping:\n  orphans: |", ["terminate", "wait", "leave"]],
    ["version: 1\nfds:\n  inherited:\n    rules:\n      - match:\n          |", ["fd", "kind", "path"]],
  ])(
    "completes %j",
    async (marked, labels) => {
      const offered = await editor.complete(marked);
      for (const label of labels) expect(offered).toContain(label);
    },
    30_000,
  );

  test.each([
    ["version: 1\nint|ent: security\n", "Fills every key"],
    ["version: 1\nshutdown:\n  bud|get: 25s\n", "engine's own deadline"],
    ["version: 1\nservices:\n  app:\n    um|ask: '0022'\n", "umask"],
    ["version: 1\nservices:\n  app:\n    depends|On: {}\n", "how far they must have come"],
    ["version: 1\nreaping:\n  or|phans: leave\n", "Default"],
  ])(
    "explains %j",
    async (marked, words) => {
      expect(await editor.hover(marked)).toContain(words);
    },
    30_000,
  );
});
