// One service that the machine of several supervises, because it has a readiness check or its control in fdinit's hands: its
// stop is that of a single program.

import { expect, test } from "bun:test";
import { deadline } from "../../../../init/supervise/services/machine/state.ts";
import { SIGKILL, SIGTERM } from "../../../../init/sys/libc/constants.ts";
import { service, supervisionOf, World } from "./world.ts";

const CHECK = { by: "notify", fd: 4, periodMs: 1000, timeoutMs: 60_000 } as const;
const LATER = 3_600_000;

function only(budgetMs?: number, changes: Parameters<typeof service>[1] = {}): World {
  const shutdown = { on: [SIGTERM], budgetMs, steps: [] };
  const world = new World(supervisionOf([service("app", { ready: CHECK, ...changes })], { shutdown }));
  world.begin();
  world.event({ type: "ready", service: "app" });
  return world;
}

test("without a budget it has as long as it takes: no SIGKILL comes, and each further SIGTERM reaches it", () => {
  const world = only();
  world.signal(SIGTERM);
  world.passUntil(LATER);
  world.signal(SIGTERM);
  expect(world.signals.filter(({ signal }) => signal === SIGTERM).map(({ at }) => at)).toEqual([0, LATER]);
  expect(world.killed("app")).toBe(false);
  world.ends("app", 15);
  expect(world.exit).toBe(143);
});

test("a step without a wait is not followed by SIGKILL either, and a further SIGTERM changes nothing", () => {
  const world = only(undefined, { stop: [{ signal: SIGTERM, waitMs: undefined }] });
  world.signal(SIGTERM);
  world.passUntil(LATER);
  world.signal(SIGTERM);
  expect(world.signals.filter(({ signal }) => signal === SIGTERM)).toHaveLength(1);
  expect(world.killed("app")).toBe(false);
});

test("a written wait and a budget end it by SIGKILL", () => {
  const steps = [
    { signal: SIGTERM, waitMs: 3000 },
    { signal: SIGKILL, waitMs: undefined },
  ];
  for (const world of [only(undefined, { stop: steps }), only(3000)]) {
    world.signal(SIGTERM);
    world.passUntil(LATER);
    expect(world.killed("app") || world.exit === 137).toBe(true);
  }
});

test("with `timeout: none` it is not ready for as long as its check says so, and is never stopped for that", () => {
  const supervision = supervisionOf([service("app", { ready: { ...CHECK, timeoutMs: undefined } })]);
  const world = new World(supervision);
  world.begin();
  expect(deadline(world.state)).toBeUndefined();
  world.passUntil(100 * LATER);
  expect(world.signals).toEqual([]);
  expect(world.state.services.get("app")?.phase).toBe("starting");
  world.event({ type: "ready", service: "app" });
  expect(world.state.services.get("app")?.phase).toBe("ready");
});

test("a request to stop it does not wait for ever", () => {
  const world = only();
  world.event({ type: "request", service: "app", request: "stop" });
  world.passUntil(10_000);
  expect(world.killed("app")).toBe(true);
});
