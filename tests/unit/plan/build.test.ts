import { describe, expect, test } from "bun:test";
import { buildPlan } from "../../../init/plan/build.ts";
import { questions as ask, stretches as cut, decide } from "../../../init/plan/decide.ts";
import type { Step } from "../../../init/plan/plan.ts";
import { builtInPolicy } from "../../../init/policy/meaning/built-in.ts";
import type { InheritedAction, InheritedPolicy, Intent, Policy } from "../../../init/policy/types.ts";
import { LAST_FD } from "../../../init/policy/types.ts";
import type { Facts } from "../../../init/sys/facts.ts";

const COMMAND = { program: new TextEncoder().encode("true"), arguments: { commandLineFrom: 1 } };

const FACTS: Facts = {
  pid: 1,
  nofile: { soft: 1024, hard: 524288 },
  own: [5],
  runtime: { certain: true, numbers: [3, 4] },
  inherited: [],
  announced: [],
  rungs: {},
};

function policyWith(inherited: NumberPolicy, intent: Intent = "security"): Policy {
  const base = builtInPolicy(intent);
  return { ...base, fds: { ...base.fds, inherited: { expect: [], ...inherited } } };
}

/** A policy by numbers alone. */
type NumberPolicy = Pick<InheritedPolicy, "default" | "rules">;
const questions = (policy: NumberPolicy) => ask(policyWith(policy, "simplicity"));
const stretches = (policy: NumberPolicy) => cut({ expect: [], ...policy }, "simplicity", []);
const actionOf = (policy: NumberPolicy, fd: number) =>
  decide({ expect: [], ...policy }, "performance", { fd }).action;

function rules(...list: [first: number, last: number, action: InheritedAction][]): InheritedPolicy["rules"] {
  return list.map(([first, last, action]) => ({ match: { fd: [{ first, last }] }, action }));
}

function stepsOf(policy: Policy, facts: Facts = FACTS): readonly Step[] {
  const result = buildPlan(policy, facts, COMMAND);
  if (!result.ok) throw new Error(JSON.stringify(result.refusals));
  return result.plan.steps;
}

function inherited(...fds: number[]): Facts["inherited"] {
  return fds.map((fd) => ({ fd, link: `thing ${fd}` }));
}

/** The state of a number in PID 1 after the steps, found by following them one by one. */
function outcome(steps: readonly Step[], fd: number): string {
  let state = "open";
  for (const step of steps) {
    const inRange = "ranges" in step && step.ranges.some(({ first, last }) => first <= fd && fd <= last);
    if (step.do === "close" && inRange) state = "closed";
    if (step.do === "cloexec" && inRange) state = "marked";
    if ((step.do === "devnull" || step.do === "occupy") && step.fd === fd) state = "null";
  }
  return state;
}

describe("buildPlan", () => {
  test("closes from 3 up around its own and the runtime's descriptors, with one call", () => {
    const steps = stepsOf(builtInPolicy("security"));
    expect(steps.filter(({ do: what }) => what === "close")).toMatchObject([
      { do: "close", ranges: [{ first: 6, last: LAST_FD }], rungs: ["closeRange", "procfs", "scan"] },
    ]);
  });

  test("closes the runtime's descriptors too, and occupies them, when they cannot be told apart", () => {
    const facts = { ...FACTS, own: [7], runtime: { certain: false, numbers: [3, 4, 5, 6] } };
    const steps = stepsOf(builtInPolicy("security"), facts);
    for (const fd of [3, 4, 5, 6]) expect(outcome(steps, fd)).toBe("null");
    expect(outcome(steps, 7)).toBe("open");
    expect(outcome(steps, 8)).toBe("closed");
  });

  test("marks everything with one call under intent performance", () => {
    const steps = stepsOf(builtInPolicy("performance"));
    expect(steps.filter(({ do: what }) => what === "cloexec")).toMatchObject([
      { do: "cloexec", ranges: [{ first: 3, last: LAST_FD }] },
    ]);
    expect(steps.some(({ do: what }) => what === "close")).toBe(false);
  });

  test("hands on what is kept under the same number and drops its own copy after the spawn", () => {
    const policy = policyWith({ default: "close", rules: rules([7, 9, "keep"]) });
    const steps = stepsOf(policy, { ...FACTS, inherited: inherited(0, 1, 2, 7, 9) });
    const spawned = steps.findIndex(({ do: what }) => what === "spawn");
    expect(steps[spawned]).toMatchObject({
      launch: {
        pass: [
          { from: 7, to: 7 },
          { from: 9, to: 9 },
        ],
      },
    });
    expect(steps.slice(spawned + 1)).toEqual([
      { do: "drop", fd: 7 },
      { do: "drop", fd: 9 },
    ]);
    expect(outcome(steps, 7)).toBe("open");
    expect(outcome(steps, 10)).toBe("closed");
  });

  test("does not hand on a number that may be the runtime's own", () => {
    const facts = {
      ...FACTS,
      own: [7],
      runtime: { certain: false, numbers: [3, 4, 5, 6] },
      inherited: inherited(3, 4, 5, 6, 9),
    };
    const steps = stepsOf(policyWith({ default: "keep", rules: [] }, "simplicity"), facts);
    expect(steps.find(({ do: what }) => what === "spawn")).toMatchObject({
      launch: { pass: [{ from: 9, to: 9 }] },
    });
  });

  test("refuses with every number and kind named", () => {
    const policy = policyWith({ default: "refuse", rules: [] });
    const result = buildPlan(policy, { ...FACTS, inherited: inherited(0, 1, 2, 7, 8) }, COMMAND);
    const messages = [7, 8].map(
      (fd) => `descriptor ${fd} (thing ${fd}) was inherited and the policy refuses it`,
    );
    expect(result).toEqual({
      ok: false,
      refusals: messages.map((message) => ({ code: "descriptor", message })),
      code: "descriptor",
    });
  });

  test("refuses to start on numbers that could not be looked at, under intent security only", () => {
    const facts = { ...FACTS, unseenFrom: 65536 };
    const list: NumberPolicy = { default: "keep", rules: [] };
    expect(buildPlan(policyWith(list, "security"), facts, COMMAND)).toMatchObject({
      refusals: [{ code: "descriptor", message: expect.stringContaining("descriptors from 65536 up") }],
    });
    for (const intent of ["performance", "simplicity"] as const)
      expect(buildPlan(policyWith(list, intent), facts, COMMAND)).toMatchObject({
        plan: { warnings: [{ message: expect.stringContaining("descriptors from 65536 up") }] },
      });
  });

  test("replaces 0, 1 and 2 rather than leave their numbers free", () => {
    const steps = stepsOf(policyWith({ default: "close", rules: rules([0, 1, "close"]) }));
    expect([0, 1, 2].map((fd) => outcome(steps, fd))).toEqual(["null", "null", "open"]);
  });

  test("becomes a subreaper only when it is not PID 1", () => {
    const has = (pid: number) =>
      stepsOf(builtInPolicy("security"), { ...FACTS, pid }).some((s) => s.do === "subreaper");
    expect([has(1), has(2)]).toEqual([false, true]);
  });

  test("says what is missing when neither the command line nor the policy names a program", () => {
    const result = buildPlan(builtInPolicy("security"), FACTS, undefined);
    expect(result).toMatchObject({ ok: false, refusals: [{ code: "command-line" }] });
  });

  describe("limits.nofile", () => {
    const limitOf = (nofile: Policy["limits"]["nofile"], soft: number, hard: number) => {
      const policy = { ...builtInPolicy("security"), limits: { nofile } };
      return stepsOf(policy, { ...FACTS, nofile: { soft, hard } }).find((step) => step.do === "nofile");
    };
    test("leaves an inherited limit of at most 65536 alone", () => {
      expect(limitOf({ soft: { atMost: 65536 }, hard: "inherit" }, 65536, 1048576)).toBeUndefined();
    });
    test("lowers a higher one", () => {
      expect(limitOf({ soft: { atMost: 65536 }, hard: "inherit" }, 1048576, 1048576)).toEqual({
        do: "nofile",
        limit: { soft: 65536, hard: 1048576 },
      });
    });
    test("sets what is written, max being the hard limit", () => {
      expect(limitOf({ soft: "max", hard: 4096 }, 1024, 524288)).toMatchObject({
        limit: { soft: 4096, hard: 4096 },
      });
      expect(limitOf({ soft: 100, hard: "inherit" }, 1024, 524288)).toMatchObject({
        limit: { soft: 100, hard: 524288 },
      });
    });
    test("takes the hard limit where the runtime grants less than is written", () => {
      expect(limitOf({ soft: 65536, hard: "inherit" }, 1024, 20000)).toMatchObject({
        limit: { soft: 20000, hard: 20000 },
      });
    });
  });
});

describe("stretches and questions", () => {
  test("asks about nothing when everything is closed or marked", () => {
    for (const action of ["close", "cloexec"] as const) {
      expect(questions({ default: action, rules: [] })).toMatchObject({ enumerate: false, lookAt: [] });
    }
  });

  test("asks number by number for a few, and for a listing beyond that", () => {
    expect(questions({ default: "close", rules: rules([7, 9, "keep"]) })).toMatchObject({
      enumerate: false,
      lookAt: [{ first: 7, last: 9 }],
    });
    expect(questions({ default: "keep", rules: [] }).enumerate).toBe(true);
  });

  test("asks nothing about numbers that a rule by number has decided before a rule about kinds", () => {
    const outside: InheritedPolicy["rules"] = [{ match: { outsideRoot: true }, action: "refuse" }];
    const all = { default: "close", rules: [...rules([3, LAST_FD, "close"]), ...outside] } as const;
    expect(questions(all)).toMatchObject({ classify: false, enumerate: false, lookAt: [] });
    const some = { default: "close", rules: [...rules([3, 99, "close"]), ...outside] } as const;
    expect(questions(some)).toMatchObject({ classify: true, lookAt: [{ first: 100, last: LAST_FD }] });
    const behind = { default: "close", rules: [...outside, ...rules([3, LAST_FD, "close"])] } as const;
    expect(questions(behind)).toMatchObject({ classify: true, lookAt: [{ first: 3, last: LAST_FD }] });
  });

  test("agree with the rules for every number, whatever the rules", () => {
    const ACTIONS: InheritedAction[] = ["close", "cloexec", "keep", "refuse", "devnull"];
    let seed = 42;
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return Math.floor((seed / 2147483648) * below);
    };
    const pick = () => ACTIONS[random(ACTIONS.length)] as InheritedAction;
    for (let round = 0; round < 500; round++) {
      const policy: NumberPolicy = {
        default: pick(),
        rules: rules(
          ...Array.from({ length: random(6) }, (): [number, number, InheritedAction] => {
            const from = random(30);
            return [from, random(4) === 0 ? LAST_FD : from + random(6), pick()];
          }),
        ),
      };
      const cut = stretches(policy);
      expect(cut[0]?.first).toBe(0);
      expect(cut.at(-1)?.last).toBe(LAST_FD);
      cut.forEach((stretch, index) => {
        if (index > 0) expect(stretch.first).toBe((cut[index - 1]?.last ?? 0) + 1);
      });
      for (const fd of [...Array(40).keys(), 1000, LAST_FD]) {
        const stretch = cut.find(({ first, last }) => first <= fd && fd <= last);
        expect(stretch?.action).toBe(actionOf(policy, fd));
      }
    }
  });

  test("leave a number in PID 1 as its rule says, for random rules and facts", () => {
    const expected: Record<InheritedAction, string> = {
      close: "closed",
      cloexec: "marked",
      keep: "open",
      devnull: "null",
      refuse: "-",
    };
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return Math.floor((seed / 2147483648) * below);
    };
    const ACTIONS: InheritedAction[] = ["close", "cloexec", "keep", "devnull"];
    for (let round = 0; round < 300; round++) {
      const pick = () => ACTIONS[random(ACTIONS.length)] as InheritedAction;
      const policy: NumberPolicy = {
        default: pick(),
        rules: rules(
          ...Array.from({ length: random(5) }, (): [number, number, InheritedAction] => {
            const from = 3 + random(30);
            return [from, from + random(8), pick()];
          }),
        ),
      };
      const own = 3 + random(20);
      const runtime = { certain: true, numbers: [own + 1, own + 2] };
      const others = [...Array(40).keys()].filter((fd) => fd !== own && !runtime.numbers.includes(fd));
      const steps = stepsOf(policyWith(policy, "simplicity"), {
        ...FACTS,
        own: [own],
        runtime,
        inherited: inherited(...others),
      });
      for (const fd of others.filter((fd) => fd > 2))
        expect(outcome(steps, fd)).toBe(expected[actionOf(policy, fd)]);
      for (const fd of [own, ...runtime.numbers]) expect(["open", "marked"]).toContain(outcome(steps, fd));
    }
  });
});
