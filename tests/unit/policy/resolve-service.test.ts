// A service's own keys, the signals', the shutdown's and the rest: what they mean, and every complaint with its place.

import { describe, expect, test } from "bun:test";
import { parseCapability } from "../../../init/policy/meaning/capabilities.ts";
import { SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM } from "../../../init/sys/libc/constants.ts";
import { complaint, complaints, policyWith, serviceWith } from "./reading.ts";

const SIGUSR1 = 10;
const service = (text: string) => complaints(`services: { app: { ${text} } }`);

describe("a service", () => {
  test("runs as a user by name or number, with groups and a mask", () => {
    expect(serviceWith("user: app").user).toEqual({ user: "app" });
    expect(serviceWith("user: 'app:www'").user).toEqual({ user: "app", group: "www" });
    expect(serviceWith("user: 1000").user).toEqual({ user: "1000" });
    expect(serviceWith("user: '1000:0'").user).toEqual({ user: "1000", group: "0" });
    expect(serviceWith("user: 0").user).toEqual({ user: "0" });
    expect(serviceWith("groups: [www, 27]").groups).toEqual(["www", "27"]);
    expect(serviceWith("groups: []").groups).toEqual([]);
    expect(serviceWith("umask: '0027'").umask).toBe(0o27);
    expect(serviceWith("umask: '000'").umask).toBe(0);
  });
  test("has its priority, session and privileges as they are written", () => {
    const text =
      "nice: -5, oomScoreAdj: 0, setsid: true, noNewPrivileges: true, pdeathsig: KILL, limits: { nofile: { soft: 9, hard: max } }";
    expect(serviceWith(text)).toMatchObject({
      nice: -5,
      oomScoreAdj: 0,
      setsid: true,
      noNewPrivileges: true,
      parentDeathSignal: SIGKILL,
      limits: { nofile: { soft: 9, hard: "max" } },
    });
  });
  test("leaves what is not written as it is", () => {
    const keys = Object.keys(serviceWith("pdeathsig: none"));
    for (const key of [
      "user",
      "groups",
      "umask",
      "nice",
      "oomScoreAdj",
      "limits",
      "capabilities",
      "parentDeathSignal",
    ])
      expect(keys).not.toContain(key);
  });
  test("may have a soft limit as high as the hard one", () => {
    expect(serviceWith("limits: { nofile: { soft: 9, hard: 9 } }").limits?.nofile.soft).toBe(9);
  });
  test("takes the limits that it does not name from the policy's", () => {
    const text =
      "limits: { nofile: { soft: 100, hard: 200 } }\nservices: { app: { limits: { nofile: { soft: 50 } } } }";
    expect(policyWith(text).services[0].limits).toEqual({ nofile: { soft: 50, hard: 200 } });
    expect(policyWith(text).limits).toEqual({ nofile: { soft: 100, hard: 200 } });
  });
  test.each([
    [
      "a soft limit above its hard one",
      "limits: { nofile: { soft: 9, hard: 8 } }",
      "limits/nofile/soft 2:46",
      "bad-value",
    ],
    ["a nice value out of range", "nice: 20", "nice 2:26", "out-of-range"],
    ["an OOM score out of range", "oomScoreAdj: 1001", "oomScoreAdj 2:33", "out-of-range"],
    ["a user below 0", "user: -1", "user 2:26", "out-of-range"],
    ["a user of an odd form", "user: 'a:b:c'", "user 2:26", "bad-pattern"],
    ["a group of an odd form", "groups: [a b]", "groups/0 2:29", "bad-pattern"],
    ["a mask that is not octal", "umask: '0898'", "umask 2:27", "bad-pattern"],
    ["a death signal that is none", "pdeathsig: SIGNOPE", "pdeathsig 2:31", "bad-pattern"],
  ])("complains about %s", (_, text, at, code) => {
    expect(service(text)).toEqual([`${code} /services/app/${at}`]);
  });
});

describe("capabilities", () => {
  test("have the kernel's numbers, from 0 to 40", () => {
    expect(
      ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE"].map(
        parseCapability,
      ),
    ).toEqual([0, 5, 10, 21, 40]);
    for (const bad of ["CAP_", "CAP_NOPE", "cap_kill", "", "CAP_CAP_KILL", "CAP_KILL "])
      expect([bad, parseCapability(bad)]).toEqual([bad, undefined]);
  });
  test("are kept, and ambient ones among them", () => {
    expect(
      serviceWith("capabilities: { keep: [CAP_KILL, CAP_NET_BIND_SERVICE], ambient: [CAP_KILL] }")
        .capabilities,
    ).toEqual({
      keep: [5, 10],
      ambient: [5],
    });
    expect(serviceWith("capabilities: { keep: [] }").capabilities).toEqual({ keep: [], ambient: [] });
  });
  test.each([
    ["one that there is not", "{ keep: [CAP_KILL, CAP_NOPE] }", "keep/1 2:53"],
    ["an ambient one that there is not", "{ ambient: [CAP_NOPE] }", "ambient/0 2:46"],
    ["an ambient one that is not kept", "{ keep: [CAP_KILL], ambient: [CAP_CHOWN] }", "ambient/0 2:64"],
  ])("complains about %s", (_, text, at) => {
    expect(service(`capabilities: ${text}`)).toEqual([`bad-value /services/app/capabilities/${at}`]);
  });
  test("wants the names as the kernel writes them", () => {
    expect(service("capabilities: { keep: [kill] }")).toEqual([
      "bad-pattern /services/app/capabilities/keep/0 2:43",
    ]);
  });
});

describe("restart", () => {
  test("is never unless it is written", () => {
    expect(serviceWith("").restart).toEqual({
      policy: "never",
      backoff: { leastMs: 500, mostMs: 30_000 },
      limit: { count: 5, withinMs: 60_000 },
      onLimit: "exit",
    });
  });
  test("has its pauses and its limit in milliseconds", () => {
    expect(
      serviceWith("restart: { policy: always, backoff: 0ms..2m, limit: 3/1h, onLimit: stop }").restart,
    ).toEqual({
      policy: "always",
      backoff: { leastMs: 0, mostMs: 120_000 },
      limit: { count: 3, withinMs: 3_600_000 },
      onLimit: "stop",
    });
    expect(serviceWith("restart: { policy: onFailure, backoff: 5s..5s }").restart.backoff).toEqual({
      leastMs: 5000,
      mostMs: 5000,
    });
  });
  test.each([
    ["pauses that become shorter", "backoff: 10s..5s", "backoff 2:40", "bad-value"],
    ["one pause", "backoff: 10s", "backoff 2:40", "bad-pattern"],
    ["a limit of none", "limit: 0/1m", "limit 2:38", "bad-pattern"],
    ["a limit in no time", "limit: 5/0s", "limit 2:38", "bad-pattern"],
    ["an unknown policy", "policy: on-failure", "policy 2:39", "not-one-of"],
  ])("complains about %s", (_, text, at, code) => {
    expect(service(`restart: { ${text} }`)).toEqual([`${code} /services/app/restart/${at}`]);
  });
});

describe("signals", () => {
  test("go by name, short name, number and place among the real-time ones", () => {
    const { signals } = policyWith(
      "signals: { forward: [SIGHUP, INT, 15, 10, RTMIN+3, SIGRTMAX, RTMAX-30], rewrite: { SIGTERM: QUIT, HUP: ignore, '10': 12, RTMIN: 64 }, delay: { TERM: 5s }, to: group }",
    ).services[0];
    expect(signals).toEqual({
      forward: [1, 2, 15, 10, 37, 64, 34],
      to: "group",
      rewrite: new Map<number, number | "ignore">([
        [SIGTERM, SIGQUIT],
        [SIGHUP, "ignore"],
        [SIGUSR1, 12],
        [34, 64],
      ]),
      delayMs: new Map([[SIGTERM, 5000]]),
    });
  });
  test("of a service take the place of the policy's, key by key", () => {
    const policy = policyWith(
      "signals: { to: group, forward: [HUP], rewrite: { TERM: QUIT } }\nservices: { app: { signals: { forward: all, rewrite: {} } } }",
    );
    expect(policy.services[0].signals).toEqual({
      forward: "all",
      to: "group",
      rewrite: new Map(),
      delayMs: new Map(),
    });
  });
  test.each([
    ["SIGKILL as a key", "rewrite: { SIGKILL: TERM }", "bad-value", "rewrite/SIGKILL 2:23"],
    ["its number as a key", "rewrite: { '9': TERM }", "bad-value", "rewrite/9 2:23"],
    ["SIGSTOP to be held back", "delay: { STOP: 1s }", "bad-value", "delay/STOP 2:21"],
    ["SIGCHLD to be rewritten", "rewrite: { CLD: HUP }", "bad-value", "rewrite/CLD 2:23"],
    ["SIGCHLD to be passed on", "forward: [HUP, SIGCHLD]", "bad-value", "forward/1 2:27"],
    ["SIGKILL to be passed on", "forward: [9]", "bad-value", "forward/0 2:22"],
    ["a signal under two names", "rewrite: { TERM: HUP, SIGTERM: INT }", "bad-value", "rewrite/SIGTERM 2:34"],
    ["a signal beyond all", "forward: [65]", "out-of-range", "forward/0 2:22"],
    ["a real-time signal beyond all", "forward: [RTMIN+31]", "bad-pattern", "forward/0 2:22"],
    ["a key that is none", "rewrite: { TERMINATE: HUP }", "bad-pattern", "rewrite/TERMINATE 2:23"],
    ["a delay without a unit", "delay: { TERM: '5' }", "bad-pattern", "delay/TERM 2:27"],
  ])("complain about %s", (_, text, code, at) => {
    expect(complaints(`signals: { ${text} }`)).toEqual([`${code} /signals/${at}`]);
  });
  test("of a service are complained about there", () => {
    expect(service("signals: { rewrite: { KILL: TERM } }")).toEqual([
      "bad-value /services/app/signals/rewrite/KILL 2:42",
    ]);
  });
  test("may become any other, SIGKILL too", () => {
    const { rewrite } = policyWith("signals: { rewrite: { TERM: KILL } }").services[0].signals;
    expect(rewrite).toEqual(new Map([[SIGTERM, SIGKILL]]));
  });
});

describe("shutdown", () => {
  const shutdown = (text: string) => policyWith(text).shutdown;
  test("starts with SIGTERM, asks once and waits, unless more is written", () => {
    expect(shutdown("")).toEqual({ on: [SIGTERM], budgetMs: undefined, steps: [] });
  });
  test("has signals, a budget and steps", () => {
    const text =
      "shutdown: { on: [TERM, INT], budget: 25s, steps: [{ signal: QUIT, wait: 10s }, { signal: KILL, wait: none }] }";
    expect(shutdown(text)).toEqual({
      on: [SIGTERM, SIGINT],
      budgetMs: 25_000,
      steps: [
        { signal: SIGQUIT, waitMs: 10_000 },
        { signal: SIGKILL, waitMs: undefined, isPatient: true },
      ],
    });
    expect(shutdown("shutdown: { budget: none, on: [] }")).toMatchObject({ budgetMs: undefined, on: [] });
  });
  test("takes a service's stop for its steps, with SIGKILL when it may not take for ever", () => {
    const stop = (text: string) => shutdown(`services: { app: { stop: { ${text} } } }`).steps;
    expect(stop("signal: QUIT")).toEqual([{ signal: SIGQUIT, waitMs: undefined }]);
    expect(stop("wait: none")).toEqual([{ signal: SIGTERM, waitMs: undefined, isPatient: true }]);
    expect(stop("signal: QUIT, wait: 3s")).toEqual([
      { signal: SIGQUIT, waitMs: 3000 },
      { signal: SIGKILL, waitMs: undefined },
    ]);
  });
  test("may take exactly its budget", () => {
    const text = "shutdown: { budget: 10s, steps: [{ signal: TERM, wait: 10s }, { signal: KILL }] }";
    expect(shutdown(text).budgetMs).toBe(10_000);
  });
  test.each([
    [
      "stop beside steps",
      "services: { app: { stop: { signal: QUIT } } }\nshutdown: { steps: [{ signal: TERM }] }",
      "bad-value /services/app/stop 2:20",
    ],
    [
      "steps that take longer than the budget",
      "shutdown: { budget: 10s, steps: [{ signal: TERM, wait: 6s }, { signal: QUIT, wait: 5s }] }",
      "bad-value /shutdown/budget 2:21",
    ],
    [
      "a stop that takes longer than the budget",
      "services: { app: { stop: { wait: 30s } } }\nshutdown: { budget: 10s }",
      "bad-value /shutdown/budget 3:21",
    ],
    ["SIGKILL as a start", "shutdown: { on: [TERM, KILL] }", "bad-value /shutdown/on/1 2:24"],
    ["SIGCHLD as a start", "shutdown: { on: [CHLD] }", "bad-value /shutdown/on/0 2:18"],
    ["a step without a signal", "shutdown: { steps: [{ wait: 1s }] }", "missing-key /shutdown/steps/0 2:21"],
    ["a budget that is no time", "shutdown: { budget: 10 }", "wrong-type /shutdown/budget 2:21"],
  ])("complains about %s", (_, text, brief) => expect(complaints(text)).toEqual([brief]));
  test("says how long the steps can take", () => {
    const text = "shutdown: { budget: 1s, steps: [{ signal: TERM, wait: 6s }] }";
    expect(complaint(text).message).toMatch(/6000 ms.*1000 ms/);
  });
});

describe("the rest", () => {
  test("reaping has words and a time", () => {
    const text = "reaping: { subreaper: always, orphans: wait, wait: 250ms, log: unexpected }";
    expect(policyWith(text).reaping).toEqual({
      subreaper: "always",
      orphans: "wait",
      waitMs: 250,
      log: "unexpected",
    });
    expect(policyWith("", "performance").reaping.orphans).toBe("leave");
  });
  test("reaping may not wait longer than the whole budget", () => {
    expect(complaints("shutdown: { budget: 4s }\nreaping: { wait: 5s }")).toEqual([
      "bad-value /reaping/wait 3:18",
    ]);
    expect(policyWith("shutdown: { budget: 5s }\nreaping: { wait: 5s }").reaping.waitMs).toBe(5000);
  });
  test("exit.map names codes from 0 to 255", () => {
    expect(policyWith("exit: { map: { '143': 0, 1: 255 } }").exitMap).toEqual(
      new Map([
        [143, 0],
        [1, 255],
      ]),
    );
    expect(complaints("exit: { map: { '256': 0 } }")).toEqual(["bad-pattern /exit/map/256 2:16"]);
    expect(complaints("exit: { map: { '1': 256 } }")).toEqual(["out-of-range /exit/map/1 2:21"]);
  });
  test("tty, log, report and dropPrivileges are taken as they are written", () => {
    const policy = policyWith(
      "tty: foreground\nlog: { level: debug, format: json }\nreport: /dev/termination-log\ndropPrivileges: true",
    );
    expect(policy).toMatchObject({
      tty: "foreground",
      log: { level: "debug", format: "json" },
      report: "/dev/termination-log",
      dropPrivileges: true,
    });
    expect(policyWith("log: { format: json }").log).toEqual({
      level: "warn",
      format: "json",
      services: "raw",
    });
    expect(policyWith("report: none").report).toBeUndefined();
    expect(complaints("report: log.txt")).toEqual(["bad-pattern /report 2:9"]);
  });
});
