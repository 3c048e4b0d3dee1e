// Properties of every run of the state machine, with random events in random order.

import { expect, test } from "bun:test";
import { SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM } from "../../../init/sys/libc/constants.ts";
import { Random } from "../random.ts";
import { type Action, type Changes, Machine } from "./machine.ts";

const RUNS = 4000;
const EVENTS = 60;
const SIGNALS = [SIGTERM, SIGINT, SIGHUP, SIGQUIT, 40];
const TIMES = [0, 1, 50, 400, 3000, 20_000];

function changesFrom(random: Random, hasSteps: boolean): Changes {
  const time = () => random.pick(TIMES);
  const leastMs = time();
  const steps = Array.from({ length: hasSteps ? random.below(4) : 0 }, () => ({
    signal: random.pick([SIGTERM, SIGQUIT, SIGKILL]),
    waitMs: random.once(4) ? undefined : time(),
  }));
  return {
    signals: {
      forward: random.once(2) ? "all" : [SIGHUP],
      to: random.pick(["process", "group", "all"] as const),
      rewrite: new Map(random.once(3) ? [[SIGHUP, "ignore"] as const] : []),
      delayMs: new Map(random.once(3) ? [[random.pick(SIGNALS), time()]] : []),
    },
    restart: {
      policy: random.pick(["never", "onFailure", "always"] as const),
      backoff: { leastMs, mostMs: leastMs + time() },
      limit: { count: 1 + random.below(3), withinMs: 1 + time() },
      onLimit: random.pick(["exit", "stop"] as const),
    },
    shutdown: { on: [SIGTERM, SIGINT], budgetMs: random.once(2) ? undefined : time(), steps },
    reaping: { orphans: random.pick(["terminate", "wait", "leave"] as const), waitMs: time() },
    exitMap: random.once(3) ? [[143, 0]] : [],
    hasOwnGroup: random.once(2),
  };
}

/** A machine among processes that do as they like, until it exits. */
class World {
  readonly machine: Machine;
  readonly #random: Random;
  /** Processes beside the service. */
  #orphans = 0;
  exited: { readonly code: number; readonly at: number } | undefined;
  /** The code that the ending began with. */
  decided: number | undefined;

  constructor(random: Random, hasSteps: boolean) {
    this.#random = random;
    this.machine = new Machine(changesFrom(random, hasSteps), random.pick([1, 40]));
  }

  handle(actions: readonly Action[]): void {
    const { machine } = this;
    const random = this.#random;
    if (machine.state.ending) {
      this.decided ??= machine.state.ending.code;
      expect(machine.state.ending.code).toBe(this.decided);
      expect(machine.state.service).toBeUndefined();
    }
    for (const action of actions) {
      if (action.do === "exit") {
        if (this.decided !== undefined) expect(action.code).toBe(this.decided);
        this.exited ??= { code: action.code, at: machine.now };
      } else if (action.do === "start") {
        expect(machine.state.shutdown).toBeUndefined();
        if (random.once(4)) this.handle(machine.on({ type: "startFailed", code: 127, message: "no" }));
        else this.handle(machine.on({ type: "started", pid: 100 + random.below(100) }));
      } else if (action.do === "kill" && random.once(2)) this.#orphans = 0;
    }
  }

  /** One thing happens, then what the loop does after each. */
  step(): void {
    const { machine } = this;
    const random = this.#random;
    const what = random.below(6);
    if (what === 0) this.handle(machine.signal(random.pick(SIGNALS), { pid: random.pick([0, 50]) }));
    else if (what === 1) this.#orphans = random.below(3);
    else if (what === 2 && machine.state.service)
      this.handle(machine.on({ type: "serviceEnded", status: random.pick([0, 256, 15, 9]) }));
    else if (what > 3) {
      // As late as the loop can be: to the deadline, or before it.
      const ahead = random.pick(TIMES);
      machine.now = Math.min(machine.now + ahead, machine.deadline ?? Number.POSITIVE_INFINITY);
    }
    this.handleDue();
    if (this.exited === undefined && machine.state.ending)
      this.handle(machine.settled(this.#orphans > 0 || random.once(5)));
    this.handleDue();
  }

  /** An event is not due any more once it is handled; a start that fails at once may make the next one due. */
  handleDue(): void {
    const { machine } = this;
    for (let starts = 0; this.exited === undefined; starts++) {
      expect(starts).toBeLessThan(10);
      this.handle(machine.due());
      if ((machine.deadline ?? Number.POSITIVE_INFINITY) > machine.now) return;
    }
  }
}

function run(seed: number, hasSteps: boolean): World {
  const world = new World(new Random(seed), hasSteps);
  let endAt: number | undefined;
  for (let event = 0; event < EVENTS && world.exited === undefined; event++) {
    world.step();
    const { budget } = world.machine.state.shutdown ?? {};
    if (budget) {
      endAt ??= budget.endAt;
      expect(budget.endAt).toBe(endAt);
    }
    if (endAt !== undefined && world.exited === undefined) expect(world.machine.now).toBeLessThan(endAt);
  }
  if (endAt === undefined) return world;
  // From here on nothing happens but time.
  if (world.exited === undefined) world.handle(world.machine.until(endAt));
  expect(world.exited?.at ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(endAt);
  return world;
}

function runAll(hasSteps: boolean) {
  const seen = { exited: 0, budgets: 0, steps: 0, restarts: 0 };
  for (let seed = 1; seed <= RUNS; seed++) {
    try {
      const { exited, machine } = run(seed, hasSteps);
      seen.exited += Number(exited !== undefined);
      seen.budgets += Number(machine.state.shutdown?.budget?.isUsedUp ?? false);
      seen.steps += Number((machine.state.shutdown?.step ?? 0) > 0);
      seen.restarts += Number(machine.state.restart.times.length > 0);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error}`);
    }
  }
  return seen;
}

const MANY = RUNS / 50;
const holds = "the exit code stays what it was, nothing stays due once it was handled, and a budget is kept";

test(`without steps, ${holds}`, () => {
  const { exited, budgets, restarts } = runAll(false);
  for (const count of [exited, budgets, restarts]) expect(count).toBeGreaterThan(MANY);
});

// The next step's time stays due once the service has ended: see "do not hold up what is left" in shutdown.test.ts.
test(`with steps, ${holds}`, () => {
  const { exited, budgets, steps } = runAll(true);
  for (const count of [exited, budgets, steps]) expect(count).toBeGreaterThan(MANY);
});
