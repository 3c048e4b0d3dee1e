// `fds.open` and what a service is given of it: what the keys mean, and every complaint with its place.

import { describe, expect, test } from "bun:test";
import { complaint, complaints, policyWith, serviceWith } from "./reading.ts";

const opened = (text: string) => policyWith(`fds: { open: { a: { ${text} } } }`).fds.open[0];
/** Each complaint about an opening called a, whose braces end at column 20. */
const wrong = (text: string) => complaints(`fds: { open: { a: { ${text} } } }`);
const zeros = (count: number) => Array<number>(count).fill(0);

describe("fds.open", () => {
  test.each([
    [
      "listen: '*:80'",
      {
        open: "listen",
        written: "*:80",
        address: { family: "dual", host: zeros(16), port: 80 },
        type: "stream",
        backlog: 4096,
        reusePort: false,
        mode: 0o600,
      },
    ],
    [
      "listen: 'udp:10.0.0.1:53', reusePort: true",
      { type: "dgram", reusePort: true, address: { family: "inet", host: [10, 0, 0, 1], port: 53 } },
    ],
    ["listen: '[::1]:80', backlog: 7", { backlog: 7, address: { family: "inet6", port: 80 } }],
    [
      "listen: 'unix:/run/a.sock', mode: '0660', owner: 'app:1000'",
      {
        mode: 0o660,
        owner: { user: "app", group: "1000" },
        address: { family: "unix", path: "/run/a.sock" },
      },
    ],
    ["listen: 'unix:@a', type: seqpacket", { type: "seqpacket", address: { path: "@a" } }],
    ["listen: 'udp:*:53', type: dgram", { type: "dgram" }],
    ["listen: '*:53', type: dgram", { type: "dgram" }],
    ["file: /var/log/a", { open: "file", path: "/var/log/a", access: "read", mode: 0o600 }],
    [
      "file: /a, access: append, mode: '640', owner: app",
      { open: "file", path: "/a", access: "append", mode: 0o640, owner: { user: "app" } },
    ],
    ["token: true", { open: "token" }],
    ["pipe: write", { open: "pipe", end: "write" }],
    ["socketpair: dgram", { open: "socketpair", type: "dgram" }],
    ["memfd: hello", { open: "memfd", content: { text: "hello" } }],
    ["memfd: ''", { open: "memfd", content: { text: "" } }],
    ["memfd: { file: /run/key }", { open: "memfd", content: { file: "/run/key" } }],
    ["devnull: true", { open: "devnull" }],
    ["devnull: true, token: false", { open: "devnull" }],
  ])("{ %s }", (text, what) => {
    expect(opened(text)).toMatchObject({ name: "a", hold: false, what });
  });

  test("is held where it says so", () => expect(opened("pipe: read, hold: true")?.hold).toBe(true));
  test("keeps the order of the text", () => {
    const names = policyWith("fds: { open: { c: { devnull: true }, a: { token: true } } }").fds.open.map(
      ({ name }) => name,
    );
    expect(names).toEqual(["c", "a"]);
  });
  test("takes variables in addresses and paths", () => {
    expect(opened("listen: '*:${PORT}'")).toMatchObject({
      what: { address: { port: 8080 }, written: "*:8080" },
    });
  });

  test.each([
    ["nothing", "hold: true", "bad-value /fds/open/a 2:16"],
    ["nothing but what is false", "token: false", "bad-value /fds/open/a 2:16"],
    ["two kinds", "pipe: read, devnull: true", "bad-value /fds/open/a 2:16"],
    ["an address without a port", "listen: '*'", "bad-value /fds/open/a/listen 2:29"],
    ["a host's name", "listen: 'localhost:80'", "bad-value /fds/open/a/listen 2:29"],
    ["a port that is none", "listen: '*:99999'", "bad-value /fds/open/a/listen 2:29"],
    ["a stream at udp:", "listen: 'udp:*:53', type: stream", "bad-value /fds/open/a/type 2:41"],
    [
      "packets that are no Unix socket's",
      "listen: '*:53', type: seqpacket",
      "bad-value /fds/open/a/type 2:37",
    ],
    ["the mode of a port", "listen: '*:53', mode: '0600'", "bad-value /fds/open/a/mode 2:37"],
    ["the mode of an abstract name", "listen: 'unix:@a', mode: '0600'", "bad-value /fds/open/a/mode 2:40"],
    ["the owner of a port", "listen: '*:53', owner: app", "bad-value /fds/open/a/owner 2:37"],
    [
      "the port of a Unix socket",
      "listen: 'unix:/a', reusePort: true",
      "bad-value /fds/open/a/reusePort 2:40",
    ],
    ["a type that there is not", "listen: '*:53', type: raw", "not-one-of /fds/open/a/type 2:43"],
    ["a mode that is not octal", "file: /a, mode: '0698'", "bad-pattern /fds/open/a/mode 2:37"],
    ["a relative path", "file: a", "bad-pattern /fds/open/a/file 2:27"],
    ["a name with a capital", "}, B: { token: true", "bad-pattern /fds/open/B 2:24"],
  ])("complains about %s", (_, text, brief) => expect(wrong(text)).toEqual([brief]));

  test("lists what it can be", () => {
    expect(complaint("fds: { open: { a: { hold: true } } }")).toMatchObject({
      message: expect.stringContaining("nothing says what it is"),
      expected: "one of: listen, file, token, pipe, socketpair, memfd, devnull",
    });
    expect(complaint("fds: { open: { a: { token: true, pipe: read } } }").message).toContain(
      "token and pipe",
    );
  });

  const VALUES: Record<string, string> = {
    type: "stream",
    mode: "'0600'",
    owner: "app",
    backlog: "1",
    reusePort: "true",
    access: "read",
    hold: "true",
  };
  test.each([
    ["file: /a", ["type", "backlog", "reusePort"]],
    ["token: true", ["type", "mode", "owner", "backlog", "reusePort", "access", "hold"]],
    ["pipe: read", ["type", "mode", "owner", "backlog", "reusePort", "access"]],
    ["socketpair: stream", ["type", "mode", "owner", "backlog", "reusePort", "access"]],
    ["memfd: a", ["type", "mode", "owner", "backlog", "reusePort", "access"]],
    ["devnull: true", ["type", "mode", "owner", "backlog", "reusePort", "access"]],
    ["listen: 'unix:/a'", ["reusePort", "access"]],
  ])("{ %s } has no meaning for some keys, and says so for each", (text, meaningless) => {
    const refused = Object.entries(VALUES).filter(([key, value]) => {
      const entry = `${text}, ${key}: ${value}`;
      if (!meaningless.includes(key)) return !opened(entry);
      return wrong(entry).join() === `bad-value /fds/open/a/${key} 2:${23 + text.length}`;
    });
    expect(refused.map(([key]) => key)).toEqual(meaningless);
  });

  test("complains about datagrams at tcp:", () => {
    expect(wrong("listen: 'tcp:*:53', type: dgram")).toEqual(["bad-value /fds/open/a/type 2:41"]);
  });
});

describe("a name that is there twice", () => {
  const RULE = (name: string) => `inherited: { rules: [{ match: { fd: 7 }, action: keep, name: ${name} }] }`;
  test("in a rule and in fds.open", () => {
    expect(complaints(`fds: { ${RULE("a")}, open: { a: { token: true } } }`)).toEqual([
      "bad-value /fds/open/a 2:85",
    ]);
  });
  test("as the other end of a pipe", () => {
    expect(complaints("fds: { open: { a: { pipe: read }, aPeer: { token: true } } }")).toEqual([
      "bad-value /fds/open/aPeer 2:35",
    ]);
    expect(complaint("fds: { open: { a: { pipe: read }, aPeer: { token: true } } }").message).toContain(
      '"a"',
    );
  });
  test("is none where there is no other end", () => {
    const text = "fds: { open: { a: { token: true }, aPeer: { token: true } } }";
    expect(policyWith(text).fds.open).toHaveLength(2);
  });
  test("as the other end of a pipe that stands behind it", () => {
    expect(complaints("fds: { open: { aPeer: { token: true }, a: { pipe: read } } }")).toHaveLength(1);
  });
  test("in a rule, and as the other end of a pipe", () => {
    expect(complaints(`fds: { ${RULE("aPeer")}, open: { a: { pipe: read } } }`)).toHaveLength(1);
  });
});

test("fds.inherited.expect names what a rule names, and nothing else", () => {
  const inherited = (expected: string) =>
    `fds: { inherited: { expect: [${expected}], rules: [{ match: { fd: 7 }, action: keep, name: web }, { match: { fd: 8 }, action: keep }] } }`;
  expect(policyWith(inherited("web")).fds.inherited.expect).toEqual(["web"]);
  expect(complaints(inherited("web, log"))).toEqual(["bad-value /fds/inherited/expect/1 2:35"]);
});

describe("fds.pass", () => {
  const FDS = "fds: { open: { http: { listen: '*:80' }, log: { pipe: read } } }";
  const passed = (text: string) => `${FDS}\nservices: { app: { fds: ${text} } }`;
  const passOf = (text: string) => policyWith(passed(text)).services[0];

  test("names numbers and variables, of both ends of a pipe too", () => {
    expect(passOf("{ pass: { http: 3, log: LOG_FD, logPeer: 7 } }").pass).toEqual([
      { name: "http", as: 3 },
      { name: "log", as: { variable: "LOG_FD" } },
      { name: "logPeer", as: 7 },
    ]);
  });
  test("that is empty is not the same as none", () => {
    expect(passOf("{ pass: {} }").pass).toEqual([]);
    expect(passOf("{ protocol: none }")).toMatchObject({ pass: undefined, protocol: "none" });
  });
  test("takes the names of rules", () => {
    const rules = "fds: { inherited: { rules: [{ match: { fd: 7 }, action: keep, name: http }] } }";
    expect(complaints(`${rules}\nservices: { app: { fds: { pass: { htpp: 3 } } } }`)).toEqual([
      "bad-value /services/app/fds/pass/htpp 3:35",
    ]);
    expect(
      policyWith(`${rules}\nservices: { app: { fds: { pass: { http: 3 } } } }`).services[0].pass,
    ).toEqual([{ name: "http", as: 3 }]);
  });
  test("names what was probably meant, and what there is", () => {
    expect(complaint(passed("{ pass: { htpp: 3 } }"))).toMatchObject({
      line: 3,
      column: 35,
      nearest: "http",
      expected: "one of: http, log, logPeer",
    });
    expect(complaint("services: { app: { fds: { pass: { http: 3 } } } }")).toMatchObject({
      expected: "a name that fds.open or a rule of fds.inherited gives",
    });
    expect(complaint("services: { app: { fds: { pass: { http: 3 } } } }").nearest).toBeUndefined();
  });
  test.each([
    ["a number twice", "{ pass: { http: 3, log: 3 } }", "bad-value /services/app/fds/pass/log 3:49"],
    ["a variable twice", "{ pass: { http: FD, log: FD } }", "bad-value /services/app/fds/pass/log 3:50"],
    ["a variable in small letters", "{ pass: { http: fd } }", "bad-pattern /services/app/fds/pass/http 3:41"],
    ["a number below 0", "{ pass: { http: -1 } }", "out-of-range /services/app/fds/pass/http 3:41"],
    [
      "a gap that systemd's protocol cannot announce",
      "{ pass: { http: 3, log: 5 }, protocol: systemd }",
      "bad-value /services/app/fds/pass/log 3:49",
    ],
    [
      "a row that does not begin with 3",
      "{ pass: { http: 4 }, protocol: systemd }",
      "bad-value /services/app/fds/pass/http 3:41",
    ],
  ])("complains about %s", (_, text, brief) => expect(complaints(passed(text))).toEqual([brief]));
  test("says how far a row without a gap would go", () => {
    const gap = complaint(passed("{ pass: { http: 3, log: 5 }, protocol: systemd }"));
    expect(gap.message).toEndWith("without a gap, here up to 4");
  });
  test("has no gap where a number below 3 or a variable stands", () => {
    const text = "{ pass: { http: 0, log: 3, logPeer: FD }, protocol: systemd }";
    expect(passOf(text).pass).toHaveLength(3);
  });
  test("may have gaps where nobody announces them", () => {
    for (const protocol of ["auto", "none"])
      expect(passOf(`{ pass: { http: 9 }, protocol: ${protocol} }`).pass).toHaveLength(1);
  });
});

describe("stdin", () => {
  test("is inherited, /dev/null, or a name of fds", () => {
    expect(serviceWith("stdin: devnull").stdin).toBe("devnull");
    expect(serviceWith("").stdin).toBe("inherit");
    const text = "fds: { open: { feed: { file: /a } } }\nservices: { app: { stdin: feed } }";
    expect(policyWith(text).services[0].stdin).toBe("feed");
  });
  test("of an unknown name is complained about at the value", () => {
    const text = "fds: { open: { feed: { file: /a } } }\nservices: { app: { stdin: fed } }";
    expect(complaints(text)).toEqual(["bad-value /services/app/stdin 3:27"]);
    expect(complaint(text).nearest).toBe("feed");
    expect(complaints("services: { app: { stdin: http } }")).toEqual(["bad-value /services/app/stdin 2:27"]);
  });
});
