import { describe, expect, test } from "bun:test";
import { brief, issuesOf } from "./reading.ts";

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
