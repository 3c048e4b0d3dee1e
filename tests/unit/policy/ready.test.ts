// `ready` and `watchdog` of a service: one check of one kind, numeric addresses, and each complaint at its key.

import { describe, expect, test } from "bun:test";
import { readablePath } from "../../../init/policy/key-path.ts";
import { parseCheckAddresses, parseCheckUrl } from "../../../init/policy/meaning/services/check-addresses.ts";
import {
  checkNotifyNumber,
  readyOf,
  type WrittenReady,
  watchdogOf,
} from "../../../init/policy/meaning/services/resolve-ready.ts";
import type { ReadyCheck } from "../../../init/policy/types.ts";
import type { Finding } from "../../../init/policy/wording/finding.ts";

const AT = ["services", "app", "ready"];
const TIMES = { periodMs: 1_000, timeoutMs: 60_000 };
const LOCALHOST = (port: number) => [
  { family: "inet" as const, host: [127, 0, 0, 1], port },
  { family: "inet6" as const, host: [...Array(15).fill(0), 1], port },
];

function read(written: WrittenReady | undefined) {
  const findings: Finding[] = [];
  const check = readyOf(written, AT, findings);
  return { check, findings };
}

function checkOf(written: WrittenReady): ReadyCheck | undefined {
  const { check, findings } = read(written);
  expect(findings).toEqual([]);
  return check;
}

/** `path: message` of each complaint. */
function said(findings: readonly Finding[]): string[] {
  return findings.map(
    ({ at, message }) => `${readablePath(at)}: ${message.replace(/^bad value for [^:]+: /, "")}`,
  );
}

const complaints = (written: WrittenReady) => said(read(written).findings);

describe("ready", () => {
  test("is not known of a service without it", () => {
    expect(read(undefined)).toEqual({ check: undefined, findings: [] });
  });

  test("is one check of each kind, with its times", () => {
    expect(checkOf({ notify: 4 })).toEqual({ by: "notify", fd: 4, ...TIMES });
    expect(checkOf({ sdNotify: true, timeout: "5m" })).toEqual({
      by: "sdNotify",
      periodMs: 1_000,
      timeoutMs: 300_000,
    });
    expect(checkOf({ sdNotify: true, timeout: "none" })).toEqual({
      by: "sdNotify",
      periodMs: 1_000,
      timeoutMs: undefined,
    });
    expect(checkOf({ exec: ["pg_isready", "-q"] })).toEqual({
      by: "exec",
      command: ["pg_isready", "-q"],
      ...TIMES,
    });
    expect(checkOf({ file: "/run/app", sdNotify: false })).toEqual({
      by: "file",
      path: "/run/app",
      ...TIMES,
    });
    expect(checkOf({ tcp: ":80", period: "250ms" })).toEqual({
      by: "tcp",
      written: ":80",
      addresses: LOCALHOST(80),
      periodMs: 250,
      timeoutMs: 60_000,
    });
    expect(checkOf({ http: "http://localhost:8080/up" })).toMatchObject({
      by: "http",
      written: "http://localhost:8080/up",
      addresses: LOCALHOST(8080),
      host: "localhost:8080",
      path: "/up",
    });
  });

  test("says one thing", () => {
    expect(complaints({})).toEqual(["services.app.ready: nothing says how the service is known to be ready"]);
    expect(complaints({ sdNotify: false })).toHaveLength(1);
    expect(complaints({ notify: 4, tcp: ":1" })).toEqual([
      "services.app.ready: it cannot be notify and tcp at once",
    ]);
    expect(complaints({ sdNotify: true, exec: ["x"], file: "/x" })).toHaveLength(1);
  });

  test("has a period only where fdinit looks, and times that can be kept", () => {
    expect(complaints({ notify: 3, period: "1s" })[0]).toStartWith(
      "services.app.ready.period: it has no meaning",
    );
    expect(complaints({ sdNotify: true, period: "1s" })).toHaveLength(1);
    expect(complaints({ tcp: ":1", period: "9ms" })).toEqual([
      "services.app.ready.period: it is shorter than 10ms",
    ]);
    expect(complaints({ tcp: ":1", period: "10ms" })).toEqual([]);
    expect(complaints({ tcp: ":1", timeout: "0s" })).toEqual([
      "services.app.ready.timeout: no service is ready at once",
    ]);
  });

  test("needs the name of a program", () => {
    expect(complaints({ exec: ["", "x"] })).toEqual([
      "services.app.ready.exec[0]: the program's name is empty",
    ]);
  });

  test("points at the address that is wrong", () => {
    expect(complaints({ tcp: "db:5432" })[0]).toStartWith(
      'services.app.ready.tcp: "db" is no numeric address',
    );
    expect(complaints({ http: "http://db/" })[0]).toStartWith('services.app.ready.http: "db" is no numeric');
  });

  test("has a number of its own for the notification descriptor", () => {
    const findings: Finding[] = [];
    const notify = { by: "notify", fd: 4, ...TIMES } as const;
    const pass = [
      { name: "web", as: 3 },
      { name: "api", as: 4 },
    ];
    checkNotifyNumber(notify, pass, AT, findings);
    expect(said(findings)).toEqual(["services.app.ready.notify: fds.pass has api at 4 already"]);
    checkNotifyNumber({ ...notify, fd: 5 }, pass, AT, findings);
    checkNotifyNumber(notify, undefined, AT, findings);
    checkNotifyNumber(undefined, pass, AT, findings);
    expect(findings).toHaveLength(1);
  });
});

describe("an address of a check", () => {
  test.each<[string, number[]]>([
    ["10.0.0.1:80", [10, 0, 0, 1]],
    ["[::1]:80", [...Array(15).fill(0), 1]],
    ["[::ffff:1.2.3.4]:80", [...Array(10).fill(0), 255, 255, 1, 2, 3, 4]],
  ])("%s is one", (written, host) => {
    expect(parseCheckAddresses(written)).toMatchObject([{ host, port: 80 }]);
  });

  test.each(["localhost:80", "*:80", ":80"])("%s is this machine, by IPv4 and then IPv6", (written) => {
    expect(parseCheckAddresses(written)).toEqual(LOCALHOST(80));
  });

  test.each([
    ["80", "no port"],
    ["[::1]", "no port"],
    ["127.0.0.1", "no port"],
    ["127.0.0.1:", "not a number from 1 to 65535"],
    [":0", "not a number from 1 to 65535"],
    [":65536", "not a number from 1 to 65535"],
    [":99999999999", "not a number from 1 to 65535"],
    [":+80", "not a number from 1 to 65535"],
    ["::1:80", "stands in brackets: [::1]"],
    ["[1.2.3.4]:80", "no numeric address"],
    ["01.2.3.4:80", "no numeric address"],
    ["example.org:80", "looks up no names"],
  ])("%s is refused: %s", (written, reason) => {
    expect(parseCheckAddresses(written)).toContain(reason);
  });
});

describe("a URL of a check", () => {
  test.each([
    ["http://127.0.0.1", "127.0.0.1", "/", 80],
    ["http://127.0.0.1:80/", "127.0.0.1", "/", 80],
    ["http://:8080/a/b?c=d", "localhost:8080", "/a/b?c=d", 8080],
    ["http://*:8080", "localhost:8080", "/", 8080],
    ["http://[::1]:8080?x", "[::1]:8080", "/?x", 8080],
    ["http://[::1]/%20", "[::1]", "/%20", 80],
  ])("%s asks %s for %s", (written, host, path, port) => {
    const parsed = parseCheckUrl(written);
    expect(parsed).toMatchObject({ host, path });
    expect(typeof parsed === "string" ? [] : parsed.addresses.map((one) => one.port)).toContain(port);
  });

  test.each([
    ["https://127.0.0.1/", "does not begin with http://"],
    ["http://user:word@127.0.0.1/", "no user and password"],
    ["http://127.0.0.1/#top", "behind #"],
    ["http://127.0.0.1/a b", "percent-encoded"],
    ["http://127.0.0.1/\r\nX: y", "percent-encoded"],
    ["http://127.0.0.1/ü", "percent-encoded"],
    ["http://127.0.0.1:/", "not a number"],
    ["http://127.0.0.1:8o/", "not a number"],
    ["http://[::1/", "no host and port"],
    ["http://::1/", "stands in brackets"],
    ["http://[::1]x/", "no host and port"],
    ["http://example.org/", "looks up no names"],
    [`http://127.0.0.1/${"x".repeat(2048)}`, "more than 2048"],
  ])("%s is refused: %s", (written, reason) => {
    expect(parseCheckUrl(written)).toContain(reason);
  });
});

describe("watchdog", () => {
  const watchdog = (written: string | undefined, ready: ReadyCheck | undefined) => {
    const findings: Finding[] = [];
    const everyMs = watchdogOf(written, ready, ["services", "app", "watchdog"], findings);
    return { everyMs, said: said(findings) };
  };
  const SD_NOTIFY = { by: "sdNotify", ...TIMES } as const;

  test("is a time, of a service that can say that it lives", () => {
    expect(watchdog("30s", SD_NOTIFY)).toEqual({ everyMs: 30_000, said: [] });
    expect(watchdog(undefined, undefined)).toEqual({ everyMs: undefined, said: [] });
  });
  test("needs sdNotify", () => {
    for (const ready of [undefined, { by: "file", path: "/x", ...TIMES } as const])
      expect(watchdog("30s", ready).said[0]).toContain("services.app.watchdog");
  });
  test("is more than nothing", () => {
    expect(watchdog("0s", SD_NOTIFY).said).toHaveLength(1);
  });
});
