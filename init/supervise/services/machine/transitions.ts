// Small steps of the pure state machine that the others are made of: one service's state changed, actions gathered in
// order. Pure.

import type { SupervisedService } from "../../../plan/plan.ts";
import type { Action } from "../../events.ts";
import type { ServiceAction, ServiceState, ServicesNext, ServicesState } from "./events.ts";

/** A state on its way through one event, with the actions so far. */
export class Turn {
  state: ServicesState;
  readonly now: number;
  readonly actions: ServiceAction[] = [];
  /** This turn's own copy: one for an event is enough, and leaves little for the collector where services are many. */
  private services: Map<string, ServiceState> | undefined;

  constructor(state: ServicesState, now: number) {
    this.state = state;
    this.now = now;
  }

  get done(): ServicesNext {
    return { state: this.state, actions: this.actions };
  }

  of(name: string): ServiceState {
    const found = this.state.services.get(name);
    if (!found) throw new Error(`no service is called ${name}`);
    return found;
  }

  change(name: string, changes: Partial<ServiceState>): void {
    const changed = { ...this.of(name), ...changes };
    if (!this.services) {
      this.services = new Map(this.state.services);
      this.state = { ...this.state, services: this.services };
    }
    this.services.set(name, changed);
  }

  do(...actions: readonly ServiceAction[]): void {
    this.actions.push(...actions);
  }

  say(level: "warn" | "info", message: string): void {
    this.actions.push({ do: "say", level, message });
  }
}

export function planned({ supervision }: ServicesState, name: string): SupervisedService {
  const found = supervision.services.find((service) => service.name === name);
  if (!found) throw new Error(`no service is called ${name}`);
  return found;
}

/** Whether an action of ending.ts is one that the end of several services knows. */
export function isOfEnding(action: Action): action is Extract<Action, ServiceAction> {
  return ["kill", "send", "say", "exit", "findHolders"].includes(action.do);
}

/** Processes of it may be alive. */
export function isAlive({ phase }: ServiceState): boolean {
  return phase === "starting" || phase === "ready" || phase === "stopping" || phase === "leaving";
}

/** It has ended, and only a request starts it again. */
export function isOver(service: ServiceState | undefined): boolean {
  return service === undefined || ["completed", "failed", "stopped"].includes(service.phase);
}

/** Its main process runs and was not asked to end. */
export function isRunning({ phase }: ServiceState): boolean {
  return phase === "starting" || phase === "ready";
}
