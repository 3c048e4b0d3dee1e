import { describe, expect, test } from "bun:test";
import { parse, parseDocument } from "yaml";
import type { PolicyIssue } from "../../../init/policy/issue.ts";
import { loadPolicy } from "../../../init/policy/load.ts";
import { Random } from "../random.ts";
import { complaint, issuesOf } from "./reading.ts";

/** The suggestion in the place of the first mistake in `text`. */
const suggested = (text: string) => complaint(text).suggestion?.text;
const inService = (text: string) => `services: { app: { ${text} } }`;
const listening = (address: string) => `fds: { open: { web: { listen: ${address} } } }`;
const budget = (text: string) => `shutdown: { budget: ${text} }`;

describe("the form that other programs have is answered with that of a policy", () => {
  const cases: readonly (readonly [text: string, suggestion: string | undefined])[] = [
    ['fds: { open: { a: { listen: "unix:/a", mode: 0o660 } } }', '"0660"'],
    ['fds: { open: { a: { listen: "unix:/a", mode: 0660 } } }', '"0660"'],
    ['fds: { open: { a: { listen: "unix:/a", mode: rw-rw---- } } }', '"0660"'],
    [inService("umask: 0o022"), '"0022"'],
    [inService("umask: 027"), '"0027"'],
    [inService("umask: 999"), undefined],
    ["signals: { rewrite: { TERM: none } }", "ignore"],
    ["signals: { rewrite: { TERM: sigquit } }", "SIGQUIT"],
    ["signals: { rewrite: { SIGTREM: QUIT } }", "SIGTERM"],
    ['signals: { rewrite: "15:3" }', "{ SIGTERM: SIGQUIT }"],
    ["shutdown: { steps: [{ signal: SIGTREM }] }", "SIGTERM"],
    ["shutdown: { steps: [SIGTERM] }", "{ signal: SIGTERM }"],
    ["shutdown: { on: SIGTERM }", "[SIGTERM]"],
    [budget("25"), "25s"],
    [budget("25.5"), "25500ms"],
    [budget("-1"), undefined],
    [budget("1m30s"), "90s"],
    [budget("10sec"), "10s"],
    [budget("25 s"), "25s"],
    [budget("5min"), "5m"],
    [budget("1d"), "24h"],
    [budget("PT30S"), "30s"],
    [budget("infinity"), "none"],
    [budget("soon"), undefined],
    [inService("restart: always"), "{ policy: always }"],
    [inService("restart: unless-stopped"), "{ policy: always }"],
    [inService("restart: on-failure:5"), "{ policy: onFailure, limit: 5/1m }"],
    [inService('restart: "no"'), "{ policy: never }"],
    [inService("restart: { backoff: 500ms - 30s }"), "500ms..30s"],
    [inService("restart: { limit: 5 }"), "5/1m"],
    [inService("stop: 10s"), "{ wait: 10s }"],
    [inService("stop: SIGQUIT"), "{ signal: SIGQUIT }"],
    ["log: debug", "{ level: debug }"],
    ["log: json", "{ format: json }"],
    ["log: { level: warning }", "warn"],
    [inService("env: [A=1]"), '{ A: "1" }'],
    [inService("env: [{ name: A, value: b }]"), "{ A: b }"],
    [inService("env: { A: 1.10 }"), '"1.10"'],
    ["services: { app: { command: [a], dependsOn: [db] }, db: { command: [b] } }", "{ db: started }"],
    ["limits: { nofile: 65536 }", "{ soft: 65536, hard: 65536 }"],
    ['limits: { nofile: "1024:4096" }', "{ soft: 1024, hard: 4096 }"],
    ["limits: { nofile: { soft: unlimited } }", "max"],
    [inService('command: "a b"'), '["a", "b"]'],
    [listening('":8080"'), '"*:8080"'],
    [listening("8080"), '"*:8080"'],
    [listening("/run/a.sock"), '"unix:/run/a.sock"'],
    [listening("tcp://0.0.0.0:80"), '"0.0.0.0:80"'],
    [listening("8080:80"), '"*:80"'],
    [listening("53/udp"), '"udp:*:53"'],
    [listening("localhost:80"), '"127.0.0.1:80"'],
    [listening('"::1:80"'), '"[::1]:80"'],
    [inService("capabilities: { keep: [NET_BIND_SERVICE] }"), "CAP_NET_BIND_SERVICE"],
    [inService("capabilities: { keep: [10] }"), "CAP_NET_BIND_SERVICE"],
    [inService("capabilities: [CHOWN]"), "{ keep: [CAP_CHOWN] }"],
    [inService("user: root:root:x"), '"root:root"'],
    [inService("essential: yes"), "true"],
    [inService('nice: "5"'), "5"],
    ["services: { command: [a] }", "{ app: { command: [a] } }"],
    ["services: [{ name: web, command: [a] }]", "{ web: { command: [a] } }"],
    ['log: { level: "debug\u00a0" }', "debug"],
    ["exit: { map: [143] }", '{ "143": 0 }'],
    ["exit: { map: { 143: success } }", undefined],
    ["fds: { inherited: { rules: [{ match: { kind: sockt }, action: keep }] } }", "socket"],
    ["fds: { inherited: { rules: [{ match: { fd: 3..9 }, action: keep }] } }", "3-9"],
    [
      "fds: { inherited: { rules: { match: { fd: 3 }, action: keep } } }",
      "[{ match: { fd: 3 }, action: keep }]",
    ],
    ["fds: { inherited: { rules: [{ match: { fd: 3 }, action: allow }] } }", "keep"],
    ["fds: { inherited: close }", "{ default: close }"],
    ["report: off", "none"],
    ["signals: { forward: [SIGTREM] }", "SIGTERM"],
    ["exit: { map: { SIGTERM: 0 } }", '"143"'],
    ['fds: { open: { a: "unix:/run/a" } }', '{ listen: "unix:/run/a" }'],
    ["fds: { open: { a: 8080 } }", '{ listen: "*:8080" }'],
    ["fds: { open: { a: /run/a.sock } }", '{ listen: "unix:/run/a.sock" }'],
    ["fds: { open: { a: /var/log/a } }", '{ file: "/var/log/a" }'],
    ["fds: { open: { a: /dev/null } }", "{ devnull: true }"],
    ['fds: { open: { a: { devnull: true } } }\nservices: { app: { fds: { pass: { a: "3" } } } }', "3"],
  ];
  for (const [text, suggestion] of cases)
    test(`${text} → ${suggestion}`, () => expect(suggested(text)).toBe(suggestion as string));

  test.each([
    ["shutdown: { timeout: 10s }", "budget"],
    ["exit: { 143: 0 }", "exit.map"],
    ["stop_grace_period: 10s", "shutdown.budget"],
    ["terminationGracePeriodSeconds: 30", "shutdown.budget"],
    [inService("stop_signal: SIGQUIT"), "services.app.stop.signal"],
    [inService("cap_add: [CAP_CHOWN]"), "services.app.capabilities.keep"],
  ])("%s: the key is %s", (text, nearest) => expect(complaint(text).nearest).toBe(nearest));

  test("a key that is nearly one is known by its sound", () => {
    expect(complaint(inService("redy: { notify: 3 }")).nearest).toBe("ready");
  });

  test("a character that nobody sees is named", () => {
    expect(complaint("log: { level:\u00a0debug }").hint).toContain("U+00A0");
  });
});

test("keys of the top level that begin with x- are free, and a place for anchors", () => {
  const text = 'version: 1\nx-env: &env { PORT: "80" }\nservices: { app: { env: *env } }\n';
  const loaded = loadPolicy({ name: "p", bytes: Buffer.from(text) }, () => undefined);
  expect(loaded.ok && loaded.policy.services[0].env).toEqual({ PORT: "80" });
  expect(complaint(inService("x-a: 1")).code).toBe("unknown-key");
});

/** The policy's text with the suggestion in its place. */
function followed(
  text: string,
  { pointer, text: written, on }: NonNullable<PolicyIssue["suggestion"]>,
): string {
  const document = parseDocument(text);
  const path = pointer
    .slice(1)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  if (on === "value") document.setIn(path, parse(written));
  else {
    const value = document.getIn(path);
    document.deleteIn(path);
    document.setIn([...path.slice(0, -1), String(parse(written))], value);
  }
  return document.toString();
}

describe("whatever is written", () => {
  const keys = [
    "intent",
    "fds.method",
    "fds.scanLimit",
    "fds.inherited",
    "fds.inherited.default",
    "fds.inherited.expect",
    "fds.inherited.rules",
    "fds.open",
    "fds.open.web",
    "fds.open.web.listen",
    "limits",
    "limits.nofile",
    "limits.nofile.soft",
    "services",
    "services.app",
    "services.app.command",
    "services.app.user",
    "services.app.groups",
    "services.app.umask",
    "services.app.env",
    "services.app.env.A",
    "services.app.fds",
    "services.app.stdin",
    "services.app.restart",
    "services.app.restart.policy",
    "services.app.restart.backoff",
    "services.app.restart.limit",
    "services.app.stop",
    "services.app.stop.signal",
    "services.app.stop.wait",
    "services.app.capabilities",
    "services.app.capabilities.keep",
    "services.app.nice",
    "services.app.pdeathsig",
    "services.app.setsid",
    "signals",
    "signals.forward",
    "signals.to",
    "signals.rewrite",
    "signals.rewrite.TERM",
    "signals.delay.TERM",
    "tty",
    "shutdown",
    "shutdown.on",
    "shutdown.budget",
    "shutdown.steps",
    "reaping",
    "reaping.wait",
    "reaping.log",
    "exit.map",
    "log",
    "log.level",
    "report",
    "dropPrivileges",
    "typo",
    "services.app.typo",
    "shutdown.timeout",
    "signals.rewrite.sigtrem",
    "services.app.cap_drop",
  ]; // prettier-ignore
  const values: readonly unknown[] = [
    1,
    0,
    -1,
    25.5,
    65536,
    true,
    false,
    null,
    "",
    "always",
    "10s",
    "10 sec",
    "1m30s",
    "5min",
    "SIGTREM",
    "sigterm",
    "TERM",
    "none",
    "debug",
    "yes",
    "A=1",
    ["A=1"],
    ["SIGTERM"],
    "a b",
    ":8080",
    "8080",
    "/run/a.sock",
    "1024:4096",
    "15:3",
    432,
    "0o660",
    "rw-r--r--",
    "NET_ADMIN",
    "root:root:x",
    "a\u00a0b",
    "3..9",
    ["a", "b"],
    {},
    { a: 1 },
    "Close",
    "unlimited",
    [143],
    "5/1m",
    5,
    "infinity",
    [{ signal: "TERM" }],
    "stdout",
    "x".repeat(50),
  ]; // prettier-ignore

  test("a suggestion that is followed is accepted", () => {
    const random = new Random(20_26);
    let tried = 0;
    for (let round = 0; round < 1200; round++) {
      const document = parseDocument("version: 1\n");
      for (let count = 1 + random.below(3); count > 0; count--) {
        const path = random.pick(keys).split(".");
        try {
          document.setIn(path, random.pick(values));
        } catch {} // a scalar stands in the way
      }
      const text = document.toString();
      const loaded = loadPolicy({ name: "p", bytes: Buffer.from(text) }, () => undefined);
      if (loaded.ok) continue;
      for (const { suggestion, pointer, message } of loaded.issues) {
        if (!suggestion) continue;
        tried++;
        const next = followed(text, suggestion);
        const again = loadPolicy({ name: "p", bytes: Buffer.from(next) }, () => undefined);
        const left = again.ok
          ? []
          : again.issues.filter((issue) => issue.pointer === pointer && issue.message === message);
        expect({ text, suggestion, left }).toEqual({ text, suggestion, left: [] });
      }
    }
    expect(tried).toBeGreaterThan(250);
  }, 60_000);

  test("forty mistakes in one policy do not take long", () => {
    const lines = Array.from(
      { length: 300 },
      (_, index) => `    - { match: { kind: sockt${index} }, action: kep }`,
    );
    const text = `version: 1\nfds:\n  inherited:\n    rules:\n${lines.join("\n")}\n`;
    const before = performance.now();
    expect(issuesOf(text).length).toBeGreaterThan(100);
    expect(performance.now() - before).toBeLessThan(5000);
  }, 20_000);
});
