// The meaning of a policy with several services, and the mistakes in one.

import { describe, expect, test } from "bun:test";
import { complaint, policyWith } from "./reading.ts";

describe("several services", () => {
  test("have other defaults than one: standard input, descriptors, jitter", () => {
    const [one] = policyWith("services: { a: { command: [a] } }").services;
    expect(one).toMatchObject({ stdin: "inherit", pass: undefined });
    expect(one?.restart.jitter).toBeUndefined();
    const [first, second] = policyWith(
      "services: { a: { command: [a] }, b: { command: [b], stdin: inherit } }",
    ).services;
    expect(first).toMatchObject({ stdin: "devnull", pass: [], restart: { jitter: 0.1 } });
    expect(second).toMatchObject({ stdin: "inherit" });
  });

  test("a oneshot is not essential, and what is not essential stays stopped at its limit", () => {
    const { services } = policyWith(
      "services: { a: { command: [a], type: oneshot }, b: { command: [b], essential: false }, c: { command: [c] }, d: { command: [d], type: oneshot, essential: true } }",
    );
    expect(services.map(({ essential, restart }) => [essential, restart.onLimit])).toEqual([
      [false, "stop"],
      [false, "stop"],
      [true, "exit"],
      [true, "exit"],
    ]);
  });

  test("each has its own stop; shutdown.steps are for those without", () => {
    const policy = policyWith(
      "services: { a: { command: [a], stop: { signal: QUIT, wait: 3s } }, b: { command: [b] } }\nshutdown: { steps: [{ signal: INT, wait: 1s }, { signal: KILL }] }",
    );
    expect(policy.services[0]?.stop?.map(({ signal }) => signal)).toEqual([3, 9]);
    expect(policy.services[1]?.stop).toBeUndefined();
    expect(policy.shutdown.steps.map(({ signal }) => signal)).toEqual([2, 9]);
  });
});

describe("is refused", () => {
  test.each([
    [
      "a name that is not there",
      "services: { a: { command: [a], dependsOn: { bb: ready } }, b: { command: [b] } }",
      'no service is called "bb"',
    ],
    [
      "a circle, which is shown",
      "services:\n  a: { command: [a], dependsOn: { b: ready } }\n  b: { command: [b], dependsOn: { c: started } }\n  c: { command: [c], dependsOn: { a: ready } }",
      "a needs b needs c needs a",
    ],
    [
      "a service that needs itself",
      "services: { a: { command: [a], dependsOn: { a: started } }, b: { command: [b] } }",
      "a needs a",
    ],
    [
      "a service without a command, which the command line cannot give",
      "services: { a: { command: [a] }, b: { type: oneshot } }",
      "each of several services needs a command",
    ],
    [
      "completed of what never completes",
      "services: { a: { command: [a] }, b: { command: [b], dependsOn: { a: completed } } }",
      "a is no oneshot",
    ],
  ])("%s", (_what, text, words) => {
    expect(complaint(text).message).toContain(words);
    expect(complaint(text).code).toBe("bad-value");
    expect(complaint(text).line).toBeGreaterThan(1);
  });

  test("a worst case that does not fit the budget, with the sum", () => {
    const text = `services:
  db: { command: [a], stop: { wait: 10s } }
  app: { command: [a], stop: { wait: 8s }, dependsOn: { db: ready } }
  web: { command: [a], stop: { wait: 5s }, dependsOn: { app: ready } }
  side: { command: [a], stop: { wait: 20s } }
shutdown: { budget: 20s }`;
    expect(complaint(text).message).toContain("web 5000 ms + app 8000 ms + db 10000 ms = 23000 ms");
    expect(policyWith(text.replace("budget: 20s", "budget: 23s")).shutdown.budgetMs).toBe(23_000);
  });
});
