// Properties of several services over generated policies and histories: nothing starts before what it depends on (world.ts
// holds that at each start), every start has one end, the budget is never exceeded, the exit code is the first essential
// end's, and every history comes to an end.

import { expect, test } from "bun:test";
import type { Condition, SupervisedService } from "../../../../init/plan/plan.ts";
import { SIGHUP, SIGKILL, SIGTERM } from "../../../../init/sys/libc/constants.ts";
import { Random } from "../../random.ts";
import { service, supervisionOf, World } from "./world.ts";

const HISTORIES = 3000;
const EVENTS = 60;
const TIMES = [0, 5, 100, 2000];

function servicesFrom(random: Random): SupervisedService[] {
  const services: SupervisedService[] = [];
  const count = 1 + random.below(6);
  for (let index = 0; index < count; index++) {
    const type = random.once(4) ? "oneshot" : "service";
    const dependsOn = new Map<string, Condition>();
    for (const other of services) {
      if (!random.once(3)) continue;
      const conditions: Condition[] =
        other.type === "oneshot" ? ["completed", "started"] : ["started", "ready"];
      dependsOn.set(other.name, random.pick(conditions));
    }
    const essential = type === "service" && !random.once(3);
    const check = { by: "notify", fd: 4, periodMs: 1000, timeoutMs: 1 + random.pick(TIMES) } as const;
    services.push(
      service(`s${index}`, {
        type,
        dependsOn,
        essential,
        ...(type === "service" && random.once(2) ? { ready: check } : {}),
        ...(random.once(4)
          ? {
              stop: [
                { signal: SIGTERM, waitMs: random.pick(TIMES) },
                { signal: SIGKILL, waitMs: undefined },
              ],
            }
          : {}),
        restart: {
          policy: random.pick(["never", "onFailure", "always"] as const),
          backoff: { leastMs: random.pick(TIMES), mostMs: 3000 },
          limit: { count: 1 + random.below(3), withinMs: 60_000 },
          onLimit: essential ? "exit" : "stop",
          jitter: 0.1,
        },
      }),
    );
  }
  return services;
}

function happen(world: World, names: readonly string[], random: Random): void {
  const name = random.pick(names);
  switch (random.below(9)) {
    case 0:
      world.ends(name, random.pick([0, 0x300, SIGKILL, 15]));
      return;
    case 1:
      world.event({ type: "ready", service: name });
      return;
    case 2:
      if (world.running(name)) world.children.set(name, 1);
      return;
    case 3:
      world.childrenEnd(name);
      return;
    case 4:
      if (random.once(6)) world.signal(SIGTERM);
      else world.signal(SIGHUP);
      return;
    case 5:
      world.event({
        type: "request",
        service: name,
        request: random.pick(["start", "stop", "restart", "reload"] as const),
      });
      return;
    case 6:
      world.event({ type: "extend", service: name, ms: random.pick(TIMES) });
      return;
    default:
      world.passUntil(world.now + random.pick(TIMES));
  }
}

/** From here on every process does as it is told, and time goes on: a history that does not come to an end hangs. */
function finish(world: World, names: readonly string[]): void {
  if (!world.state.shutdown) world.signal(SIGTERM);
  for (let round = 0; world.exit === undefined && round < 300; round++) {
    for (const name of names) {
      const { phase } = world.state.services.get(name) ?? {};
      if (world.running(name) && (phase === "stopping" || world.killed(name))) world.ends(name, 15);
      if (phase === "leaving" || world.state.ending) world.childrenEnd(name);
    }
    world.settle();
    world.pass();
  }
  expect(world.exit).toBeDefined();
}

test("every history of every policy keeps its promises and comes to an end", () => {
  const random = new Random(13);
  let shutdowns = 0;
  let restarts = 0;
  for (let history = 0; history < HISTORIES; history++) {
    const services = servicesFrom(random);
    const names = services.map(({ name }) => name);
    const budgetMs = random.once(2) ? undefined : 1 + random.pick(TIMES);
    const world = new World(
      supervisionOf(services, {
        shutdown: { on: [SIGTERM], budgetMs, steps: [] },
        reaping: { orphans: random.pick(["terminate", "wait", "leave"] as const), waitMs: 200, log: "none" },
      }),
    );
    if (random.once(5)) world.refusing = () => (random.once(3) ? 127 : undefined);
    world.begin();
    for (let event = 0; event < EVENTS && world.exit === undefined; event++) happen(world, names, random);
    finish(world, names);
    if (budgetMs !== undefined && world.shutdownAt !== undefined) {
      shutdowns++;
      expect(world.exitAt - world.shutdownAt).toBeLessThanOrEqual(budgetMs + 1);
    }
    for (const { starts } of world.state.services.values()) restarts += Math.max(0, starts - 1);
  }
  // The histories are of the interesting kind.
  expect(shutdowns).toBeGreaterThan(HISTORIES / 4);
  expect(restarts).toBeGreaterThan(HISTORIES / 4);
}, 60_000);

const CONDITIONS: readonly (Condition | undefined)[] = [undefined, "started", "ready", "completed"];
const ENDS = [0, 0x300] as const;

/** Every graph of up to three services, in which each needs only earlier ones. */
function* graphs(): Generator<SupervisedService[]> {
  for (const first of ["service", "oneshot"] as const)
    for (const ab of CONDITIONS)
      for (const ac of CONDITIONS)
        for (const bc of CONDITIONS) {
          if ((ab === "completed" || ac === "completed") && first !== "oneshot") continue;
          if (bc === "completed") continue;
          yield [
            service("a", { type: first, essential: first === "service" }),
            service("b", { dependsOn: needs({ a: ab }) }),
            service("c", { dependsOn: needs({ a: ac, b: bc }) }),
          ];
        }
}

function needs(conditions: Record<string, Condition | undefined>): Map<string, Condition> {
  const found = new Map<string, Condition>();
  for (const [name, condition] of Object.entries(conditions)) if (condition) found.set(name, condition);
  return found;
}

test("with up to three services, every order of ends, a signal and time ends with the first essential code", () => {
  const names = ["a", "b", "c"];
  // Each letter is what happens next: the end of a service with one of two codes, SIGTERM, or the next moment.
  const steps = [
    ...names.flatMap((name) => ENDS.map((status) => ({ name, status }))),
    "signal",
    "time",
  ] as const;
  let histories = 0;
  for (const graph of graphs())
    for (const one of steps)
      for (const two of steps)
        for (const three of steps) {
          const world = new World(supervisionOf(graph));
          world.begin();
          let truth: number | undefined;
          for (const step of [one, two, three]) {
            if (step === "signal") world.signal(SIGTERM);
            else if (step === "time") world.pass();
            else {
              const wasRunning = world.running(step.name) !== undefined && world.exit === undefined;
              const { essential } = graph.find(({ name }) => name === step.name) as SupervisedService;
              if (wasRunning && essential) truth ??= step.status >> 8;
              // A oneshot that fails takes with it those that need it: its code is the first essential end's.
              const needed = graph.some(({ dependsOn }) =>
                ["completed", "ready"].includes(dependsOn.get(step.name) ?? ""),
              );
              if (wasRunning && !essential && needed && step.status !== 0 && !world.state.shutdown)
                truth ??= step.status >> 8;
              world.ends(step.name, step.status);
            }
          }
          const undecided = truth === undefined;
          finish(world, names);
          if (!undecided && world.exit !== truth)
            expect({ graph, one, two, three, code: world.exit }).toEqual({
              graph,
              one,
              two,
              three,
              code: truth,
            });
          if (world.runs.some(({ status }) => status === undefined)) throw new Error("a start has no end");
          histories++;
        }
  expect(histories).toBeGreaterThan(10_000);
}, 60_000);
