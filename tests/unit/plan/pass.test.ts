// Which descriptors the program gets, under which numbers, how it is told of them, and what PID 1 keeps.

import { describe, expect, test } from "bun:test";
import { buildPlan } from "../../../init/plan/build.ts";
import type { Launch, Plan, Step } from "../../../init/plan/plan.ts";
import type { Facts } from "../../../init/sys/facts.ts";
import { policyWith } from "../policy/reading.ts";

const COMMAND = { program: new TextEncoder().encode("app"), arguments: { words: ["app"] } };

/** `inherited` are numbers that are open, `announced` the names that the launcher gave from 3 on. */
interface Situation extends Partial<Omit<Facts, "inherited">> {
  readonly inherited?: readonly number[];
  /** Rules, without their brackets. */
  readonly rules?: string;
  /** Entries of fds.open, without their braces. */
  readonly open?: string;
  /** Keys of the service. */
  readonly service?: string;
}

function planned({ inherited = [], rules = "", open = "", service = "", ...facts }: Situation) {
  const policy = policyWith(
    `fds: { inherited: { rules: [${rules}] }, open: { ${open} } }\nservices: { app: { ${service} } }`,
  );
  return buildPlan(
    policy,
    {
      pid: 1,
      nofile: { soft: 1024, hard: 4096 },
      own: [25],
      runtime: { certain: true, numbers: [26, 27] },
      announced: [],
      rungs: {},
      ...facts,
      inherited: inherited.map((fd) => ({ fd, link: `thing ${fd}` })),
    },
    COMMAND,
  );
}

function planOf(situation: Situation): Plan {
  const result = planned(situation);
  if (!result.ok) throw new Error(JSON.stringify(result.refusals));
  return result.plan;
}

function launchIn(steps: readonly Step[]): Launch {
  const [launch] = steps.flatMap((step) => (step.do === "spawn" ? [step.launch] : []));
  if (!launch) throw new Error("nothing is started");
  return launch;
}

const launchOf = (situation: Situation) => launchIn(planOf(situation).steps);

/** `7→3` of each. */
const passOf = (situation: Situation) => launchOf(situation).pass.map(({ from, to }) => `${from}→${to}`);

function refusalsOf(situation: Situation): readonly string[] {
  const result = planned(situation);
  if (result.ok) throw new Error("nothing was refused");
  expect(result.code).toBe("descriptor");
  return result.refusals.map(({ message }) => message);
}

const warningsOf = (situation: Situation) => planOf(situation).warnings.map(({ message }) => message);

const keep = (fd: number | string, more = "") => `{ match: { fd: ${fd} }, action: keep${more} }`;
const HTTP = "http: { listen: '*:80' }";

describe("without fds.pass", () => {
  test("every descriptor that a rule keeps is passed under its number, or under the rule's", () => {
    expect(passOf({ inherited: [0, 1, 2, 7, 8, 9], rules: `${keep(7)}, ${keep(9, ", as: 3")}` })).toEqual([
      "7→7",
      "9→3",
    ]);
  });
  test("what a rule replaces by /dev/null is passed on as that", () => {
    expect(passOf({ inherited: [7], rules: "{ match: { fd: 7 }, action: devnull }" })).toEqual(["7→7"]);
  });
  test("0, 1 and 2 need nothing done unless they get another number", () => {
    expect(passOf({ inherited: [0, 1, 2] })).toEqual([]);
    expect(passOf({ inherited: [0, 1, 2], rules: keep(1, ", as: 1, name: out") })).toEqual([]);
    expect(passOf({ inherited: [0, 1, 2], rules: keep(1, ", as: 9") })).toEqual(["1→9"]);
    expect(passOf({ inherited: [0, 1, 2, 3], rules: keep(3) })).toEqual(["3→3"]);
  });
  test("what fds.open names is passed to nobody, with a warning for each, once for both ends of a pipe", () => {
    const situation = { open: `${HTTP}, log: { pipe: read }, held: { devnull: true, hold: true }` };
    expect(launchOf(situation).pass).toEqual([]);
    expect(warningsOf(situation)).toEqual([
      expect.stringContaining('"http"'),
      expect.stringContaining('"log"'),
    ]);
  });
  test("one that stands in for 0, 1 or 2 takes its place", () => {
    expect(passOf({ inherited: [0, 1, 2, 7], rules: keep(7, ", as: 1") })).toEqual(["7→1"]);
  });
  test("two under one number are refused", () => {
    expect(refusalsOf({ inherited: [7, 9], rules: `${keep(7)}, ${keep(9, ", as: 7")}` })).toEqual([
      "descriptors 7 and 9 cannot both be passed as 7",
    ]);
  });
});

describe("with fds.pass", () => {
  const rules = `${keep(7, ", name: web")}, ${keep(8, ", name: log")}`;
  const named = (pass: string, more: Situation = {}) => ({
    inherited: [7, 8],
    rules,
    service: `fds: { pass: ${pass} }`,
    ...more,
  });

  test("only what is named is passed, under the number that is named", () => {
    expect(passOf(named("{ log: 3 }"))).toEqual(["8→3"]);
    expect(passOf(named("{}"))).toEqual([]);
    expect(passOf(named("{ web: 8, log: 7 }"))).toEqual(["7→8", "8→7"]);
  });
  test("a rule's own number does not count", () => {
    expect(passOf(named("{ web: 5 }", { rules: keep(7, ", as: 3, name: web") }))).toEqual(["7→5"]);
  });
  test("one of 0 to 2 can be passed by its name", () => {
    expect(
      passOf({ inherited: [0, 1, 2], rules: keep(2, ", name: err"), service: "fds: { pass: { err: 7 } }" }),
    ).toEqual(["2→7"]);
  });
  test("what fds.open names is passed by its name, both ends of a pipe too", () => {
    const open = `${HTTP}, feed: { pipe: read }`;
    expect(passOf(named("{ http: 3, feed: 4, feedPeer: 5 }", { open }))).toEqual([
      "http→3",
      "feed→4",
      "feedPeer→5",
    ]);
    const warnings = warningsOf(named("{ http: 3, feedPeer: 4 }", { open }));
    expect(warnings.filter((warning) => warning.includes("fds.open"))).toEqual([]);
  });
  test("a variable holds the lowest number that is nobody's", () => {
    const open = `${HTTP}, a: { token: true }, b: { token: true }, c: { devnull: true }`;
    const launch = launchOf(named("{ a: A_FD, http: 3, b: B_FD, web: 5, c: C_FD }", { open }));
    expect(launch.pass.map(({ from, to }) => `${from}→${to}`)).toEqual([
      "a→4",
      "http→3",
      "b→6",
      "7→5",
      "c→7",
    ]);
    expect(launch.environment).toEqual({ A_FD: "4", B_FD: "6", C_FD: "7" });
  });
  test("a variable stands over one that the policy's env sets", () => {
    const service = "env: { A_FD: x, B: y }, fds: { pass: { web: A_FD } }";
    expect(launchOf(named("", { service })).environment).toEqual({ A_FD: "3", B: "y" });
  });
  test("a name that did not arrive is refused, whatever else did", () => {
    expect(refusalsOf(named("{ web: 3, log: LOG_FD }", { inherited: [8] }))).toEqual([
      'descriptor "web" is to be passed to app and did not arrive',
    ]);
  });
  test("a name of several descriptors is refused with their numbers", () => {
    expect(refusalsOf(named("{ web: 3 }", { rules: keep("7-8", ", name: web") }))).toEqual([
      '"web", passed to app, is the name of several descriptors: 7, 8',
    ]);
  });
  test("the same descriptor may be passed as two numbers, by its name and as standard input", () => {
    const service = "stdin: web, fds: { pass: { web: 7 } }";
    expect(passOf(named("", { service }))).toEqual(["7→7", "7→0"]);
  });
  test("a name of fds.open is not taken for one that the launcher gave", () => {
    const situation = { inherited: [3], announced: ["http"], rules: keep(3), open: HTTP };
    expect(passOf({ ...situation, service: "fds: { pass: { http: 4 } }" })).toEqual(["http→4"]);
  });
  test("what is kept and not passed cannot be inherited", () => {
    // Bun has marked every number from 4 up close-on-exec before main.ts runs, but not 3.
    const { steps } = planOf(named("{}", { inherited: [3], rules: keep(3, ", name: web") }));
    const spawned = steps.findIndex((step) => step.do === "spawn");
    const isGone = steps.slice(0, spawned).some((step) => step.do === "hide" && step.fd === 3);
    expect(isGone).toBe(true);
  });
});

describe("stdin", () => {
  test("of a name is passed as 0", () => {
    const feed = { open: "feed: { file: /a }", service: "stdin: feed" };
    expect(passOf(feed)).toEqual(["feed→0"]);
    expect(planOf(feed).warnings).toEqual([]);
    expect(passOf({ inherited: [7], rules: keep(7, ", name: feed"), service: "stdin: feed" })).toEqual([
      "7→7",
      "7→0",
    ]);
  });
  test("devnull asks for /dev/null, and inherit for nothing", () => {
    expect(launchOf({ service: "stdin: devnull" })).toMatchObject({ devNullAsStdin: true, pass: [] });
    expect(launchOf({ service: "stdin: inherit" })).toMatchObject({ devNullAsStdin: false, pass: [] });
  });
  test("of a name that did not arrive is refused", () => {
    expect(refusalsOf({ rules: keep(7, ", name: feed"), service: "stdin: feed" })).toHaveLength(1);
  });
  test("and another descriptor cannot both be 0", () => {
    const open = "feed: { file: /a }, b: { devnull: true }";
    expect(refusalsOf({ open, service: "stdin: feed, fds: { pass: { b: 0 } }" })).toEqual([
      "descriptors b and feed cannot both be passed as 0",
    ]);
  });
  test("devnull and another descriptor cannot both be 0", () => {
    expect(
      planned({ open: "b: { devnull: true }", service: "stdin: devnull, fds: { pass: { b: 0 } }" }).ok,
    ).toBe(false);
  });
});

const LISTEN = ["LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "LISTEN_PIDFDID"];

describe("protocol systemd", () => {
  const told = (situation: Situation) => {
    const { environment, withoutVariables, pidVariable, pass } = launchOf(situation);
    return { environment, withoutVariables, pidVariable, pass: pass.map(({ from, to }) => `${from}→${to}`) };
  };
  const protocol = (pass: string) => `fds: { pass: ${pass}, protocol: systemd }`;

  test("announces what is passed from 3 on, with its names, in the order of the numbers", () => {
    const open = `${HTTP}, admin: { listen: '*:81' }`;
    expect(told({ open, service: protocol("{ admin: 4, http: 3 }") })).toEqual({
      environment: { LISTEN_FDS: "2", LISTEN_FDNAMES: "http:admin" },
      withoutVariables: LISTEN,
      pidVariable: "LISTEN_PID",
      pass: ["admin→4", "http→3"],
    });
  });
  test("leaves out what a variable holds and what stands below 3", () => {
    const open = `${HTTP}, log: { file: /a }, out: { file: /b }`;
    expect(told({ open, service: protocol("{ log: LOG_FD, out: 1, http: 3 }") })).toMatchObject({
      environment: { LOG_FD: "4", LISTEN_FDS: "1", LISTEN_FDNAMES: "http" },
      pass: ["log→4", "out→1", "http→3"],
    });
  });
  test("announces nothing as nothing", () => {
    expect(told({ service: "fds: { protocol: systemd }" }).environment).toEqual({
      LISTEN_FDS: "0",
      LISTEN_FDNAMES: "",
    });
  });
  test("without fds.pass moves what has no number of its own together, around those that have", () => {
    const rules = `${keep(7, ", name: a")}, ${keep(8, ", as: 4, name: fixed")}, ${keep(9)}, ${keep(20, ", name: b")}`;
    expect(told({ inherited: [7, 8, 9, 20], rules, service: "fds: { protocol: systemd }" })).toMatchObject({
      environment: { LISTEN_FDS: "4", LISTEN_FDNAMES: "a:fixed:unknown:b" },
      pass: ["7→3", "8→4", "9→5", "20→6"],
    });
  });
  test("moves 3 too, where a rule gives that number to another", () => {
    const rules = `${keep(3, ", name: a")}, ${keep(7, ", as: 3, name: b")}`;
    expect(told({ inherited: [3, 7], rules, service: "fds: { protocol: systemd }" })).toMatchObject({
      environment: { LISTEN_FDNAMES: "b:a" },
      pass: ["3→4", "7→3"],
    });
  });
  test("moves nothing that fds.pass gives a number", () => {
    const rules = `${keep(7, ", name: a")}, ${keep(8, ", name: b")}`;
    expect(told({ inherited: [7, 8], rules, service: protocol("{ a: 4, b: 3 }") })).toMatchObject({
      environment: { LISTEN_FDNAMES: "b:a" },
      pass: ["7→4", "8→3"],
    });
  });
  test("refuses numbers of rules that leave a gap", () => {
    const situation = { inherited: [7], rules: keep(7, ", as: 9"), service: "fds: { protocol: systemd }" };
    expect(refusalsOf(situation)).toEqual([expect.stringContaining("without a gap, and these are 9")]);
  });
  test("names what the launcher named, and a rule's name before that", () => {
    const situation = {
      inherited: [3, 4],
      announced: ["web", "tls"],
      rules: `${keep(3)}, ${keep(4, ", name: mine")}`,
      service: "fds: { protocol: systemd }",
    };
    expect(told(situation).environment["LISTEN_FDNAMES"]).toBe("web:mine");
  });
});

describe("protocol auto", () => {
  const told = (situation: Situation) => {
    const { environment, withoutVariables, pidVariable } = launchOf(situation);
    return [environment["LISTEN_FDS"], environment["LISTEN_FDNAMES"], withoutVariables, pidVariable];
  };
  const UNSAID = [undefined, undefined, LISTEN, undefined];
  const BOTH = { inherited: [3, 4], announced: ["web", "tls"] };

  test("hands an announcement on", () => {
    expect(told({ ...BOTH, rules: keep("3-4") })).toEqual(["2", "web:tls", LISTEN, "LISTEN_PID"]);
  });
  test("hands on the part of it that is kept, when that is a row from 3 on", () => {
    expect(told({ ...BOTH, rules: keep(3) })).toEqual(["1", "web", LISTEN, "LISTEN_PID"]);
    expect(told({ ...BOTH, rules: keep(4, ", as: 3") })).toEqual(["1", "tls", LISTEN, "LISTEN_PID"]);
  });
  test("moves nothing, and says nothing where there is a gap", () => {
    const situation = { ...BOTH, rules: keep(4) };
    expect(told(situation)).toEqual(UNSAID);
    expect(passOf(situation)).toEqual(["4→4"]);
  });
  test("takes the launcher's variables away when nothing of it is passed on", () => {
    expect(told(BOTH)).toEqual(UNSAID);
  });
  test("does not announce what the launcher did not, and leaves the variables alone without an announcement", () => {
    expect(told({ inherited: [3], rules: keep(3, ", name: web") })).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(told({ open: HTTP, service: "fds: { pass: { http: 3 } }" })[0]).toBeUndefined();
  });
  test("goes by what fds.pass makes of it", () => {
    const rules = `${keep(3, ", name: web")}, ${keep(4, ", name: tls")}`;
    expect(told({ ...BOTH, rules, service: "fds: { pass: { tls: 3 } }" })).toEqual([
      "1",
      "tls",
      LISTEN,
      "LISTEN_PID",
    ]);
    expect(told({ ...BOTH, rules, service: "fds: { pass: { tls: 9 } }" })).toEqual(UNSAID);
  });
});

test("protocol none takes the three variables away, announced or not", () => {
  for (const announced of [[], ["web"]]) {
    const launch = launchOf({
      inherited: [3],
      announced,
      rules: keep(3),
      service: "fds: { protocol: none }",
    });
    expect(launch).toMatchObject({ environment: {}, withoutVariables: LISTEN });
    expect(launch.pidVariable).toBeUndefined();
  }
});

describe("what PID 1 keeps of it", () => {
  /** The names and numbers given up, and what is opened, of one start. */
  const moves = (steps: readonly Step[]) =>
    steps.flatMap((step) =>
      step.do === "drop"
        ? [`drop ${step.fd}`]
        : step.do === "open"
          ? [`open ${step.name}`]
          : step.do === "spawn"
            ? ["spawn"]
            : [],
    );
  const open = `${HTTP}, log: { pipe: read }, held: { listen: '*:81', hold: true }, lease: { token: true }`;
  const pass = "fds: { pass: { http: 3, log: 4, held: 5, lease: 6, web: 7 } }";
  const situation = { inherited: [0, 1, 2, 3], rules: keep(3, ", name: web") };

  test("is only what is held, when the service is never started again", () => {
    const plan = planOf({ ...situation, open, service: pass });
    expect(moves(plan.steps)).toEqual([
      "open http",
      "open log",
      "open held",
      "open lease",
      "spawn",
      "drop http",
      "drop log",
      "drop logPeer",
      "drop lease",
      "drop 3",
    ]);
    expect(plan.again).toEqual([]);
  });
  test("is what was inherited and what is held, when it is; the rest is opened anew for each start", () => {
    const plan = planOf({ ...situation, open, service: `${pass}, restart: { policy: always }` });
    const given = ["drop http", "drop log", "drop logPeer", "drop lease"];
    expect(moves(plan.steps)).toEqual([
      "open http",
      "open log",
      "open held",
      "open lease",
      "spawn",
      ...given,
    ]);
    expect(moves(plan.again)).toEqual(["open http", "open log", "open lease", "spawn", ...given]);
    expect(launchIn(plan.again)).toEqual(launchIn(plan.steps));
    expect(plan.again.every((step) => ["open", "spawn", "drop"].includes(step.do))).toBe(true);
  });
  test("is never one of 0 to 2 given up", () => {
    const plan = planOf({ inherited: [0, 1, 2], rules: keep(1, ", as: 9") });
    expect(moves(plan.steps)).toEqual(["spawn"]);
  });
});

describe("a warning", () => {
  test("names what LISTEN_FDS announced and no rule keeps, with the rule that would", () => {
    expect(warningsOf({ inherited: [3], announced: ["web"] })).toEqual([
      'descriptor 3 ("web" of LISTEN_FDS) is not passed on; the rule { match: { fd: 3 }, action: keep } would keep it',
    ]);
  });
  test("names what is kept and given to nobody", () => {
    const situation = { inherited: [3, 4], announced: ["web", "tls"], rules: keep("3-4", "") };
    const warnings = warningsOf({ ...situation, open: HTTP, service: "fds: { pass: { http: 3 } }" });
    expect(warnings).toEqual(
      [3, 4].map((fd) => expect.stringMatching(new RegExp(`descriptor ${fd} .*given to no service`))),
    );
  });
  test("is not given of what is passed under another number", () => {
    expect(planOf({ inherited: [3], announced: ["web"], rules: keep(3, ", as: 9") }).warnings).toEqual([]);
  });
});
