// The relations of several services: which comes before which, and how long they take to stop one after another.
// Finds unknown names, circles, conditions that never come true, and a budget that is too small. Pure.

import { type Service, type ShutdownPolicy, stopSteps } from "../../types.ts";
import { badValue, type Finding } from "../../wording/finding.ts";
import { nearestWord } from "../../wording/nearest.ts";

export function checkGraph(
  services: readonly Service[],
  shutdown: ShutdownPolicy,
  findings: Finding[],
): void {
  const byName = new Map(services.map((service) => [service.name, service]));
  let isWhole = true;
  for (const { name, dependsOn = new Map() } of services) {
    for (const [other, condition] of dependsOn) {
      const at = ["services", name, "dependsOn", other];
      const needed = byName.get(other);
      if (!needed) {
        isWhole = false;
        findings.push(unknownService(at, other, [...byName.keys()]));
      } else if (condition === "completed" && needed.type !== "oneshot") {
        const reason = `${other} is no oneshot, so it never counts as completed`;
        findings.push({ ...badValue(at, reason), expected: "started or ready" });
      }
    }
  }
  if (!isWhole) return;
  const circle = circleIn(services);
  if (circle) {
    const [first = "", second = first] = circle;
    const at = ["services", first, "dependsOn", second];
    const shown = [...circle, first].join(" needs ");
    findings.push({ ...badValue(at, `the services wait for each other: ${shown}`), on: "key" });
    return;
  }
  checkBudget(services, shutdown, findings);
}

function unknownService(at: readonly string[], name: string, names: readonly string[]): Finding {
  const nearest = nearestWord(name, names);
  const finding = badValue(at, `no service is called ${JSON.stringify(name)}`);
  const expected = `one of: ${names.join(", ")}`;
  return { ...finding, on: "key", expected, ...(nearest === undefined ? {} : { nearest }) };
}

/** The names along a circle, each needing the next; undefined when there is none. */
function circleIn(services: readonly Service[]): string[] | undefined {
  const byName = new Map(services.map((service) => [service.name, service]));
  const done = new Set<string>();
  const path: string[] = [];
  const follow = (name: string): string[] | undefined => {
    if (path.includes(name)) return path.slice(path.indexOf(name));
    if (done.has(name)) return undefined;
    path.push(name);
    for (const other of byName.get(name)?.dependsOn?.keys() ?? []) {
      const circle = follow(other);
      if (circle) return circle;
    }
    path.pop();
    done.add(name);
    return undefined;
  };
  for (const { name } of services) {
    const circle = follow(name);
    if (circle) return circle;
  }
  return undefined;
}

export interface StopPath {
  readonly names: readonly string[];
  readonly ms: number;
}

/** The chain of dependencies that takes longest to stop, each service by the waits that are written for it. */
export function longestStop(services: readonly Service[], shutdown: ShutdownPolicy): StopPath {
  const byName = new Map(services.map((service) => [service.name, service]));
  const known = new Map<string, StopPath>();
  const below = (name: string): StopPath => {
    const before = known.get(name);
    if (before) return before;
    const service = byName.get(name);
    const ownMs = service ? writtenWaits(service, shutdown) : 0;
    let longest: StopPath = { names: [], ms: 0 };
    for (const other of service?.dependsOn?.keys() ?? []) {
      const path = below(other);
      if (path.ms > longest.ms) longest = path;
    }
    const path = { names: [name, ...longest.names], ms: ownMs + longest.ms };
    known.set(name, path);
    return path;
  };
  let longest: StopPath = { names: [], ms: 0 };
  for (const { name } of services) {
    const path = below(name);
    if (path.ms > longest.ms) longest = path;
  }
  return longest;
}

export function writtenWaits(service: Service, shutdown: ShutdownPolicy): number {
  return (stopSteps(service, shutdown) ?? []).reduce((sum, { waitMs = 0 }) => sum + waitMs, 0);
}

function checkBudget(services: readonly Service[], shutdown: ShutdownPolicy, findings: Finding[]): void {
  const { budgetMs, on } = shutdown;
  if (budgetMs === undefined) return;
  const { names, ms } = longestStop(services, shutdown);
  const delayMs = Math.max(
    0,
    ...services.flatMap(({ signals }) => on.map((signal) => signals.delayMs.get(signal) ?? 0)),
  );
  if (ms + delayMs <= budgetMs) return;
  const byName = new Map(services.map((service) => [service.name, service]));
  const parts = names.map((name) => `${name} ${writtenWaits(byName.get(name) as Service, shutdown)} ms`);
  if (delayMs > 0) parts.unshift(`signals.delay ${delayMs} ms`);
  const sum = `${parts.join(" + ")} = ${ms + delayMs} ms`;
  const reason = `services that depend on each other are stopped one after another, and that can take ${sum}, more than the budget of ${budgetMs} ms`;
  findings.push(badValue(["shutdown", "budget"], reason));
}
