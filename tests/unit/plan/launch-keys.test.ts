// A service's keys in the launch, and what supervision goes by.

import { describe, expect, test } from "bun:test";
import { buildPlan } from "../../../init/plan/build.ts";
import { questions } from "../../../init/plan/decide.ts";
import type { Launch, Plan } from "../../../init/plan/plan.ts";
import type { Facts } from "../../../init/sys/facts.ts";
import { RLIMIT_NOFILE, SIGKILL, SIGQUIT, SIGTERM } from "../../../init/sys/libc/constants.ts";
import { policyWith } from "../policy/reading.ts";

const FACTS: Facts = {
  pid: 1,
  nofile: { soft: 1024, hard: 4096 },
  own: [5],
  runtime: { certain: true, numbers: [3, 4] },
  inherited: [],
  announced: [],
  rungs: {},
};

function planOf(text: string, facts: Partial<Facts> = {}): Plan {
  const command = { program: new TextEncoder().encode("app"), arguments: { words: ["app"] } };
  const result = buildPlan(policyWith(text), { ...FACTS, ...facts }, command);
  if (!result.ok) throw new Error(JSON.stringify(result.refusals));
  return result.plan;
}

function launchOf(service: string, facts?: Partial<Facts>, top = ""): Launch {
  const [launch] = planOf(`${top}\nservices: { app: { ${service} } }`, facts).steps.flatMap((step) =>
    step.do === "spawn" ? [step.launch] : [],
  );
  return launch as Launch;
}

describe("a launch", () => {
  test("names nothing that is not asked for, so that a plain start stays plain", () => {
    expect(Object.keys(launchOf("")).sort()).toEqual(
      ["service", "program", "arguments", "environment", "pass", "devNullAsStdin", "group"].sort(),
    );
  });
  test("has every key of the service", () => {
    const launch = launchOf(
      "user: 'app:www', groups: [1], cwd: /srv, umask: '027', nice: 3, oomScoreAdj: -5, noNewPrivileges: true, pdeathsig: KILL, capabilities: { keep: [CAP_KILL] }, env: { A: b }",
    );
    expect(launch).toMatchObject({
      user: { user: "app", group: "www" },
      groups: ["1"],
      cwd: "/srv",
      umask: 0o27,
      nice: 3,
      oomScoreAdj: -5,
      noNewPrivileges: true,
      parentDeathSignal: SIGKILL,
      capabilities: { keep: [5], ambient: [] },
      environment: { A: "b" },
    });
  });
  test("sets a limit of the service's own in the child, against the inherited one", () => {
    const limits = (text: string) => launchOf(`limits: { nofile: ${text} }`).limits;
    expect(limits("{ soft: 100 }")).toEqual([
      { resource: RLIMIT_NOFILE, name: "nofile", limit: { soft: 100, hard: 4096 } },
    ]);
    expect(limits("{ soft: max, hard: 2000 }")?.[0]?.limit).toEqual({ soft: 2000, hard: 2000 });
    expect(limits("{ soft: inherit }")?.[0]?.limit).toEqual({ soft: 1024, hard: 4096 });
    expect(launchOf("").limits).toBeUndefined();
  });
});

describe("a process group", () => {
  const HAS = { terminal: { isForeground: true, isOutputToo: true } };
  test.each([
    ["", "", "own"],
    ["", "tty: none", undefined],
    ["signals: { to: group }", "", "own"],
    ["signals: { to: group }", "tty: none", "own"],
    ["signals: { to: all }", "", "own"],
    ["setsid: true", "", "session"],
    ["setsid: true, signals: { to: group }", "", "session"],
    ["", "tty: foreground", "own"],
  ] as const)("of a service with { %s } and { %s } is %p", (service, top, group) => {
    expect(launchOf(service, {}, top).group).toBe(group as "own");
  });
  test("gets the terminal when fdinit has it, and nobody says otherwise", () => {
    expect(launchOf("setsid: true", HAS).terminal).toBe(true);
    expect(launchOf("signals: { to: group }", HAS).terminal).toBe(true);
    expect(launchOf("", HAS, "tty: foreground").terminal).toBe(true);
    expect(launchOf("setsid: true", HAS, "tty: none").terminal).toBeUndefined();
    expect(
      launchOf("setsid: true", { terminal: { isForeground: false, isOutputToo: true } }).terminal,
    ).toBeUndefined();
    expect(launchOf("setsid: true").terminal).toBeUndefined();
    expect(launchOf("", HAS).terminal).toBe(true);
    expect(launchOf("", HAS, "tty: none").terminal).toBeUndefined();
  });
  test("gets it when it asks, where others of a shell's pipeline need it too", () => {
    const pipeline = { terminal: { isForeground: true, isOutputToo: false } };
    expect(launchOf("", pipeline).terminal).toBeUndefined();
    expect(planOf("", pipeline).supervision).toMatchObject({ hasTerminal: false, isJob: true });
    expect(launchOf("", pipeline, "tty: foreground").terminal).toBe(true);
    expect(launchOf("setsid: true", pipeline).terminal).toBe(true);
  });
  test("is what the terminal is asked about for", () => {
    const asks = (text: string) => questions(policyWith(text)).terminal;
    expect(asks("")).toBe(true);
    expect(asks("tty: none")).toBe(false);
    expect(asks("tty: foreground")).toBe(true);
    for (const key of ["setsid: true", "signals: { to: group }"]) {
      expect(asks(`services: { app: { ${key} } }`)).toBe(true);
      expect(asks(`tty: none\nservices: { app: { ${key} } }`)).toBe(false);
    }
  });
});

test("becomes a subreaper as reaping.subreaper says", () => {
  const becomes = (subreaper: string, pid: number) =>
    planOf(`reaping: { subreaper: ${subreaper} }`, { pid }).steps.some((step) => step.do === "subreaper");
  expect(["auto", "always", "never"].map((word) => [becomes(word, 1), becomes(word, 2)])).toEqual([
    [false, true],
    [true, true],
    [false, false],
  ]);
});

describe("dropPrivileges", () => {
  const kept = (service: string) => {
    const { steps } = planOf(`dropPrivileges: true\nservices: { app: { ${service} } }`);
    expect(steps.at(-1)?.do).toBe("dropPrivileges");
    return steps.flatMap((step) => (step.do === "dropPrivileges" ? step.keep : []));
  };
  test("comes last, and keeps what signals need", () => expect(kept("user: app")).toEqual([5]));
  test("keeps what a further start needs", () => {
    const again = "restart: { policy: always }";
    expect(kept(again)).toEqual([5]);
    expect(kept(`${again}, user: app`)).toEqual([5, 6, 7]);
    expect(kept(`${again}, capabilities: { keep: [CAP_CHOWN] }`)).toEqual([5, 8, 0]);
  });
  test("is not there unless it is written", () => {
    expect(planOf("").steps.some((step) => step.do === "dropPrivileges")).toBe(false);
  });
});

test("supervision goes by the policy's keys", () => {
  const text = `signals: { to: group, forward: [HUP] }
shutdown: { budget: 20s, steps: [{ signal: QUIT }] }
reaping: { orphans: wait, wait: 1s, log: all }
exit: { map: { "143": 0 } }
report: /r
services: { app: { restart: { policy: always } } }`;
  expect(planOf(text, { terminal: { isForeground: true, isOutputToo: true } }).supervision).toMatchObject({
    service: "app",
    signals: { to: "group", forward: [1] },
    hasOwnGroup: true,
    hasTerminal: true,
    restart: { policy: "always" },
    shutdown: { on: [SIGTERM], budgetMs: 20_000, steps: [{ signal: SIGQUIT }] },
    reaping: { orphans: "wait", waitMs: 1000, log: "all" },
    exitMap: new Map([[143, 0]]),
    report: "/r",
  });
  expect(planOf("").supervision).toMatchObject({ hasOwnGroup: true, hasTerminal: false });
  expect(planOf("").supervision.report).toBeUndefined();
});
