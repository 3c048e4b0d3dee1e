// The table of states and events in docs/services.md, held against the machine: every state and event is in it, and each
// cell is true.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type {
  Phase,
  ServiceAction,
  ServiceEvent,
  ServiceRequest,
  ServiceState,
  ServicesState,
} from "../../../../init/supervise/services/machine/events.ts";
import { initialServices, next } from "../../../../init/supervise/services/machine/state.ts";
import { SIGABRT, SIGHUP, SIGINT, SIGKILL, SIGTERM } from "../../../../init/sys/libc/constants.ts";
import { service, supervisionOf } from "./world.ts";

const PAGE = readFileSync(join(import.meta.dir, "../../../../docs/services.md"), "utf8");
const NOW = 1000;
const LATER = 9000;

/** The rows of the table whose first cell of all is this word. */
function tableOf(word: string): string[][] {
  const found = PAGE.split("\n").findIndex((line) => line.startsWith(`| ${word} |`));
  const rows: string[][] = [];
  for (const line of PAGE.split("\n").slice(found)) {
    if (!line.startsWith("|")) break;
    rows.push(
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  }
  return [rows[0] as string[], ...rows.slice(2)];
}

/** The columns of each phase; the compiler holds that all are here. */
const COLUMN: Record<Phase, string> = {
  waiting: "waiting",
  starting: "starting",
  ready: "ready",
  stopping: "stopping",
  leaving: "leaving",
  backoff: "backoff",
  completed: "over",
  failed: "over",
  stopped: "over",
};

/** The first cells of the rows that an event is in; the compiler holds that all events are here. */
const NO_CHANGE =
  "`STOPPING=1`, `WATCHDOG=1`, `WATCHDOG_USEC`, `EXTEND_TIMEOUT_USEC`, `MAINPID`, request `reload`, another signal, no child waits to be reaped";
const OVERDUE = "`ready.timeout` or `watchdog` is over, `WATCHDOG=trigger`";
const ROWS: Record<Exclude<ServiceEvent["type"], "request">, readonly string[]> &
  Record<ServiceRequest, readonly string[]> = {
  signal: ["shutdown begins", NO_CHANGE],
  started: ["the start has made a process"],
  startFailed: ["the start fails"],
  ended: [
    "its main process ends, others are left",
    "its main process ends alone, or the last process is gone",
    "a dependency is over for good",
  ],
  treeGone: ["its main process ends alone, or the last process is gone"],
  ready: ["ready", "dependencies met"],
  stopping: [NO_CHANGE],
  reloading: ["RELOADING=1"],
  watchdog: [OVERDUE, NO_CHANGE],
  watchdogPeriod: [NO_CHANGE],
  extend: [NO_CHANGE],
  mainPid: [NO_CHANGE],
  settled: [NO_CHANGE],
  time: [OVERDUE, "the pause is over", "the wait of a step is over"],
  start: ["request `start`"],
  stop: ["request `stop`"],
  restart: ["request `restart`"],
  reload: [NO_CHANGE],
};

type Given = Partial<ServiceState>;

/** `app` in a phase, beside a service that it needs and that is not ready, and one that goes on. */
function stateWith(
  phase: Phase,
  given: Given = {},
  changes: Parameters<typeof service>[1] = {},
): ServicesState {
  const runs = phase === "starting" || phase === "ready" || phase === "stopping";
  const isAsked = phase === "stopping" || phase === "leaving";
  const common = { backoffMs: 500, times: [], starts: 1 };
  const app = service("app", {
    essential: false,
    dependsOn: new Map([["dep", "ready"]]),
    ready: { by: "notify", fd: 3, periodMs: 1000, timeoutMs: 5000 },
    watchdogMs: 5000,
    stop: [
      { signal: SIGTERM, waitMs: 5000 },
      { signal: SIGINT, waitMs: 5000 },
    ],
    ...changes,
  });
  const ready = { by: "notify", fd: 3, periodMs: 1000, timeoutMs: LATER } as const;
  const dep = service("dep", { essential: false, ready });
  const state = initialServices(1, supervisionOf([app, dep, service("other")]));
  const services = new Map<string, ServiceState>([
    [
      "app",
      {
        ...common,
        phase,
        ...(runs ? { pid: 10, startedAt: 0 } : {}),
        ...(isAsked ? { stop: { why: "request", step: 0, nextAt: LATER } } : {}),
        ...(phase === "backoff" ? { restartAt: LATER } : {}),
        ...given,
      },
    ],
    ["dep", { ...common, phase: "starting", pid: 11 }],
    ["other", { ...common, phase: "ready", pid: 12 }],
  ]);
  return { ...state, services };
}

type Sent = ServiceEvent extends infer E ? (E extends ServiceEvent ? Omit<E, "now"> : never) : never;

interface Outcome {
  readonly phase: Phase;
  readonly state: ServicesState;
  readonly actions: readonly ServiceAction[];
}

function after(state: ServicesState, event: Sent): Outcome {
  const done = next(state, { ...event, now: NOW } as ServiceEvent);
  return { ...done, phase: done.state.services.get("app")?.phase as Phase };
}

const app = { service: "app" } as const;
const ended = (status: number, leftBehind = false) =>
  ({ type: "ended", ...app, status, leftBehind }) as const;
const asked = (request: ServiceRequest): Sent => ({ type: "request", ...app, request });
const signal = (number: number): Sent => ({ type: "signal", received: { signal: number, code: 0, pid: 99 } });
/** Its last process ends. */
const last = (phase: Phase): Sent => (phase === "leaving" ? { type: "treeGone", ...app } : ended(1 << 8));

interface Row {
  readonly send: (phase: Phase) => readonly Sent[];
  /** The condition beforehand for the event to come at all. */
  readonly given?: (phase: Phase) => Given | undefined;
}

const one = (event: Sent): Row => ({ send: () => [event] });

const EVENTS: Record<string, Row> = {
  "dependencies met": one({ type: "ready", service: "dep" }),
  "a dependency is over for good": one({ type: "ended", service: "dep", status: 1 << 8, leftBehind: false }),
  "the start has made a process": {
    send: (phase) => (phase === "starting" ? [{ type: "started", ...app, pid: 10 }] : []),
    given: () => ({ pid: undefined }),
  },
  "the start fails": {
    send: (phase) =>
      phase === "starting" ? [{ type: "startFailed", ...app, code: 127, message: "no" }] : [],
    given: () => ({ pid: undefined }),
  },
  ready: one({ type: "ready", ...app }),
  "RELOADING=1": one({ type: "reloading", ...app }),
  "its main process ends, others are left": one(ended(1 << 8, true)),
  "its main process ends alone, or the last process is gone": { send: (phase) => [last(phase)] },
  [OVERDUE]: {
    send: () => [{ type: "time" }, { type: "watchdog", ...app, isFailure: true }],
    given: (phase) =>
      phase === "starting" ? { readyBy: NOW } : phase === "ready" ? { watchdogAt: NOW } : undefined,
  },
  "the pause is over": {
    send: () => [{ type: "time" }],
    given: (phase) => (phase === "backoff" ? { restartAt: NOW } : undefined),
  },
  "the wait of a step is over": {
    send: () => [{ type: "time" }],
    given: (phase) =>
      phase === "stopping" || phase === "leaving"
        ? { stop: { why: "request", step: 0, nextAt: NOW } }
        : undefined,
  },
  "request `stop`": one(asked("stop")),
  "request `start`": one(asked("start")),
  "request `restart`": one(asked("restart")),
  [NO_CHANGE]: {
    send: () => [
      { type: "stopping", ...app },
      { type: "watchdog", ...app, isFailure: false },
      { type: "watchdogPeriod", ...app, ms: 4000 },
      { type: "extend", ...app, ms: 4000 },
      { type: "mainPid", ...app, pid: 20 },
      asked("reload"),
      signal(SIGHUP),
      { type: "settled", childrenLeft: true },
    ],
  },
  "shutdown begins": one(signal(SIGTERM)),
};

const signalsOf = ({ actions }: Outcome) =>
  actions.flatMap((action) => (action.do === "signal" && action.service === "app" ? [action] : []));

/** Holds the words of a cell about the service that was in `phase`. */
function holds(cell: string, phase: Phase, outcome: Outcome): void {
  switch (cell) {
    case "–":
      expect(outcome.phase).toBe(phase);
      return;
    case "ready; with a `ready` of its own, or as a oneshot, starting":
      expect(outcome.phase).toBe("starting");
      return;
    case "as an end":
      expect(outcome.phase).toBe("failed");
      return;
    case "as below":
      // Where it was stopping or leaving, a request had asked.
      expect(outcome.phase).toBe(phase === "starting" || phase === "ready" ? "failed" : "stopped");
      return;
    case "next step":
      expect(outcome.phase).toBe(phase);
      expect(signalsOf(outcome)[0]?.signal).toBe(SIGINT);
      return;
    case "SIGKILL":
      expect(outcome.phase).toBe(phase);
      expect(signalsOf(outcome)).toMatchObject([{ to: "all", signal: SIGKILL }]);
      return;
    case "stays down then":
      expect(outcome.phase).toBe(phase);
      expect(after(outcome.state, last(phase)).state.services.get("app")).toMatchObject({
        phase: "stopped",
        isDown: true,
      });
      return;
    case "starts again then":
      expect(outcome.phase).toBe(phase);
      expect(after(outcome.state, last(phase)).phase).toBe("waiting");
      return;
    case "stopping, in its turn":
    case "stopping":
      expect(outcome.phase).toBe("stopping");
      expect([SIGTERM, SIGABRT]).toContain(signalsOf(outcome)[0]?.signal as number);
      return;
    case "starting":
    case "waiting":
    case "ready":
    case "leaving":
    case "failed":
    case "stopped":
      expect(outcome.phase).toBe(cell);
      return;
    default:
      throw new Error(`no test knows what ${JSON.stringify(cell)} says`);
  }
}

const [head = [], ...rows] = tableOf("event");

describe("the table of states and events", () => {
  test("has every state, every event, and nothing else", () => {
    expect(head.slice(1)).toEqual([...new Set(Object.values(COLUMN))]);
    const states = tableOf("state")
      .slice(1)
      .flatMap(([names = ""]) => names.match(/\w+/g) ?? []);
    expect(states.sort()).toEqual(Object.keys(COLUMN).sort());
    const named = rows.map(([name = ""]) => name).sort();
    expect(named).toEqual([...new Set(Object.values(ROWS).flat())].sort());
    expect(named).toEqual(Object.keys(EVENTS).sort());
  });

  for (const [name = "", ...cells] of rows)
    test(`is true of: ${name.slice(0, 60)}`, () => {
      const row = EVENTS[name];
      if (!row) throw new Error(`no test knows the event ${name}`);
      for (const phase of Object.keys(COLUMN) as Phase[]) {
        const cell = cells[head.indexOf(COLUMN[phase]) - 1] ?? "";
        for (const event of row.send(phase))
          holds(cell, phase, after(stateWith(phase, row.given?.(phase)), event));
        // An event that cannot come has no cell.
        if (row.send(phase).length === 0) expect(cell).toBe("–");
      }
    });

  test("a start without a readiness check is ready with its process, but for a oneshot", () => {
    const begun = (type: "service" | "oneshot") =>
      after(stateWith("starting", { pid: undefined }, { type, ready: undefined as never }), {
        type: "started",
        ...app,
        pid: 10,
      }).phase;
    expect([begun("service"), begun("oneshot")]).toEqual(["ready", "starting"]);
  });

  test("after the last process of a service is gone, it is as the page says", () => {
    const restart = { ...service("x").restart, policy: "onFailure" as const };
    const shutdown = { shutdown: {} };
    const end = (code: number, changes: Parameters<typeof service>[1] = {}, more = {}) =>
      after({ ...stateWith("ready", {}, changes), ...more }, ended(code << 8));
    const phases = [
      end(1, {}, shutdown).phase,
      end(0, { type: "oneshot" }, shutdown).phase,
      after(stateWith("stopping"), ended(0)).phase,
      after(stateWith("stopping", { stop: { why: "restart", step: 0 } }), ended(0)).phase,
      end(0, { type: "oneshot" }).phase,
      end(1, { restart }).phase,
      end(0).phase,
      end(1).phase,
    ];
    expect(phases).toEqual([
      "stopped",
      "completed",
      "stopped",
      "waiting",
      "completed",
      "backoff",
      "stopped",
      "failed",
    ]);
    expect(end(1, { essential: true }).state).toMatchObject({ code: 1, shutdown: {} });
    expect(end(1).state.shutdown).toBeUndefined();
  });
});
