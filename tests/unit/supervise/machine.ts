// The pure state machine as tests drive it: a supervision with a few keys changed, a clock that goes where it
// is told, and the "time" events that the loop would give it.

import type { Supervision } from "../../../init/plan/plan.ts";
import type { Action, Event } from "../../../init/supervise/events.ts";
import { deadline, initialState, next } from "../../../init/supervise/state.ts";
import type { ReceivedSignal } from "../../../init/sys/kernel.ts";
import { SIGTERM } from "../../../init/sys/libc/constants.ts";

export type { Action } from "../../../init/supervise/events.ts";

/** The service's first pid. */
export const SERVICE = 7;

/** Each part is put on top of the defaults' part. */
export interface Changes {
  readonly signals?: Partial<Supervision["signals"]>;
  readonly restart?: Partial<Supervision["restart"]>;
  readonly shutdown?: Partial<Supervision["shutdown"]>;
  readonly reaping?: Partial<Supervision["reaping"]>;
  readonly exitMap?: readonly (readonly [number, number])[];
  readonly hasOwnGroup?: boolean;
  readonly hasTerminal?: boolean;
  readonly isJob?: boolean;
  readonly report?: string;
}

export function supervisionWith(changes: Changes = {}): Supervision {
  const { signals, restart, shutdown, reaping, exitMap = [], ...rest } = changes;
  return {
    service: "main",
    hasOwnGroup: false,
    hasTerminal: false,
    isJob: false,
    ...rest,
    signals: { forward: "all", to: "process", rewrite: new Map(), delayMs: new Map(), ...signals },
    restart: {
      policy: "never",
      backoff: { leastMs: 500, mostMs: 30_000 },
      limit: { count: 5, withinMs: 60_000 },
      onLimit: "exit",
      ...restart,
    },
    shutdown: { on: [SIGTERM], budgetMs: undefined, steps: [], ...shutdown },
    reaping: { orphans: "terminate", waitMs: 5000, log: "none", ...reaping },
    exitMap: new Map(exitMap),
  };
}

type WithoutNow<E> = E extends Event ? Omit<E, "now"> : never;

/** More "time" events than this at one moment are an endless loop. */
const MOST_EVENTS = 50;

export class Machine {
  now = 0;
  #state;

  constructor(changes: Changes = {}, self = 1) {
    this.#state = initialState(self, supervisionWith(changes));
    this.on({ type: "started", pid: SERVICE });
  }

  get state() {
    return this.#state;
  }

  get deadline(): number | undefined {
    return deadline(this.#state);
  }

  on(event: WithoutNow<Event>): readonly Action[] {
    const { state, actions } = next(this.#state, { ...event, now: this.now } as Event);
    this.#state = state;
    return actions;
  }

  signal(signal: number, more: Partial<ReceivedSignal> = {}, sharesProcessGroup = false): readonly Action[] {
    return this.on({
      type: "signal",
      received: { signal, code: 0, pid: 50, ...more },
      sharesProcessGroup,
    });
  }

  /** The service ends with an exit code. */
  ends(code: number): readonly Action[] {
    return this.on({ type: "serviceEnded", status: code << 8 });
  }

  settled(childrenLeft: boolean): readonly Action[] {
    return this.on({ type: "settled", childrenLeft });
  }

  /** The clock goes to `now`, and what is due by then is handled at the moment it is due, as the loop does. */
  until(now: number): readonly Action[] {
    const actions: Action[] = [];
    for (let at = this.deadline; at !== undefined && at <= now; at = this.deadline) {
      this.now = Math.max(this.now, at);
      const done = this.due();
      actions.push(...done);
      if (isExit(done)) break;
    }
    this.now = now;
    return actions;
  }

  /** Handles the event that is due at this very moment, however late. */
  due(): readonly Action[] {
    const actions: Action[] = [];
    for (let events = 0; (this.deadline ?? Number.POSITIVE_INFINITY) <= this.now; events++) {
      if (events === MOST_EVENTS) throw new Error(`at ${this.now}, the deadline stays at ${this.deadline}`);
      const done = this.on({ type: "time" });
      actions.push(...done);
      if (isExit(done)) break;
    }
    return actions;
  }
}

function isExit(actions: readonly Action[]): boolean {
  return actions.some((action) => action.do === "exit");
}

/** All but what is only said. */
export function done(actions: readonly Action[]): readonly Action[] {
  return actions.filter((action) => action.do !== "say" && action.do !== "sayLeft");
}

export function said(actions: readonly Action[]): readonly string[] {
  return actions.flatMap((action) => (action.do === "say" ? [action.message] : []));
}

export function send(
  signal: number,
  to: Extract<Action, { do: "send" }>["to"] = { process: SERVICE },
): Action {
  return { do: "send", to, signal };
}

export const KILL: Action = { do: "kill" };
export const START: Action = { do: "start" };
export const FIND_HOLDERS: Action = { do: "findHolders" };
/** Where who is left is asked to end at once. */
export const FIND_GIVEN: Action = { do: "findHolders", only: "given" };
export const exit = (code: number): Action => ({ do: "exit", code });
