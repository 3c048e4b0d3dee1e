// Which descriptors the program gets, under which numbers, and how it learns of them. Pure.
//
// Without `fds.pass` it gets every inherited descriptor that a rule keeps; with it, the named ones and no
// other. Announced to it (sd_listen_fds(3)) they stand in a row from 3 on.

import type { Policy, Service } from "../policy/types.ts";
import { type Facts, FIRST_ANNOUNCED } from "../sys/facts.ts";
import type { Decided } from "./decide.ts";
import { FIRST_BEYOND_STANDARD } from "./match.ts";
import type { Launch, Pass, PolicyKey, Refusal } from "./plan.ts";

/** systemd 259 names the process a second time, by its pidfd's inode. That inode exists only once the process exists. */
const WHOSE = ["LISTEN_PID", "LISTEN_PIDFDID"];
const LISTEN_VARIABLES = ["LISTEN_FDS", "LISTEN_FDNAMES", ...WHOSE];

type Refuse = (message: string, ...key: PolicyKey) => void;

export interface Passing
  extends Pick<Launch, "pass" | "withoutVariables" | "pidVariable" | "devNullAsStdin" | "devNullOutputs"> {
  readonly environment: Readonly<Record<string, string>>;
  readonly refusals: readonly Refusal[];
}

/** A descriptor that the program gets, before it is decided how the program learns of it. */
interface PlannedPass extends Pass {
  /** Its name in LISTEN_FDNAMES: a rule's, else the launcher's. */
  readonly name?: string;
  /** The name that a rule of the policy gives it. */
  readonly named?: string;
  /** The launcher announced it to PID 1. */
  readonly wasAnnounced: boolean;
  /** The policy promises no number for the descriptor, so `protocol: systemd` may move it into the row from 3 on. */
  readonly isMovable: boolean;
  /** The variable that holds its number. */
  readonly variable?: string;
}

export function passing(
  policy: Policy,
  service: Service,
  facts: Facts,
  decided: readonly Decided[],
): Passing {
  const refusals: Refusal[] = [];
  /** `key`: steps below the service. */
  const refuse: Refuse = (message, ...key) =>
    refusals.push({ code: "descriptor", message, at: ["services", service.name, ...key] });
  const handedOn = handedOnBy(facts, decided);
  const given = service.pass ? named(policy, service, handedOn, refuse) : handedOn;
  const give = (name: string, to: number, key: string) => {
    const source = sourceOf(name, policy, service, handedOn, (message) => refuse(message, key));
    if (source !== undefined) given.push({ ...source, to });
  };
  const { stdin, stdout, stderr } = service;
  if (stdin !== "inherit" && stdin !== "devnull") give(stdin, 0, "stdin");
  const devNullOutputs: number[] = [];
  if (stdout === "devnull") devNullOutputs.push(1);
  else if (stdout !== undefined) give(stdout, 1, "stdout");
  if (stderr === "devnull") devNullOutputs.push(2);
  else if (stderr !== undefined) give(stderr, 2, "stderr");
  const placed = service.protocol === "systemd" ? inARow(given) : given;
  const announced = announcedOf(service, placed);
  if (placed.length > 1) refuseCollisions(placed, refuse);
  if (announced) refuseGaps(announced, refuse);
  if (service.stdin === "devnull") refuseTakenStdin(placed, refuse);
  return {
    pass: passesOf(placed),
    devNullAsStdin: stdin === "devnull",
    ...(devNullOutputs.length > 0 ? { devNullOutputs } : {}),
    ...announcement(service, facts, placed, announced),
    refusals,
  };
}

/** Kept and replaced descriptors beyond 2, and those of 0 to 2 that get another number. */
function handedOnBy({ runtime, announced }: Facts, decided: readonly Decided[]): PlannedPass[] {
  const given: PlannedPass[] = [];
  for (const { fd, descriptor, decision } of decided) {
    if (decision.action !== "keep" && decision.action !== "devnull") continue;
    const { as, name } = decision.rule ?? {};
    if (fd < FIRST_BEYOND_STANDARD && (as === undefined || as === fd) && name === undefined) continue;
    // The descriptor at this number may be Bun's own, which no program may get.
    if (!runtime.certain && runtime.numbers.includes(fd)) continue;
    const known = name ?? descriptor?.name ?? announced[fd - FIRST_ANNOUNCED];
    given.push({
      from: fd,
      to: as ?? fd,
      ...(known === undefined ? {} : { name: known }),
      ...(name === undefined ? {} : { named: name }),
      wasAnnounced: announced[fd - FIRST_ANNOUNCED] !== undefined,
      isMovable: as === undefined && fd >= FIRST_BEYOND_STANDARD,
    });
  }
  return given;
}

/** Exactly the names of `fds.pass`. A descriptor whose number goes into a variable gets the lowest number that no other takes. */
function named(
  policy: Policy,
  service: Service,
  handedOn: readonly PlannedPass[],
  refuse: Refuse,
): PlannedPass[] {
  const given: PlannedPass[] = [];
  const taken = (to: number) =>
    given.some((other) => other.to === to) || service.pass?.some(({ as }) => as === to) === true;
  for (const { name, as } of service.pass ?? []) {
    const source = sourceOf(name, policy, service, handedOn, (message) =>
      refuse(message, "fds", "pass", name),
    );
    if (!source) continue;
    if (typeof as === "number") {
      given.push({ ...source, to: as });
      continue;
    }
    let to = FIRST_BEYOND_STANDARD;
    while (taken(to)) to++;
    given.push({ ...source, to, variable: as.variable });
  }
  return given;
}

/** The descriptor with a name: one that fdinit opens, or the inherited one that a rule gave the name. */
function sourceOf(
  name: string,
  { fds }: Policy,
  service: Service,
  handedOn: readonly PlannedPass[],
  refuse: Refuse,
): Omit<PlannedPass, "to"> | undefined {
  const inherited = handedOn.filter(({ named }) => named === name);
  const [first, second] = inherited;
  if (second) {
    const which = inherited.map(({ from }) => from).join(", ");
    refuse(
      `${JSON.stringify(name)}, passed to ${service.name}, is the name of several descriptors: ${which}`,
    );
  }
  if (first) return { ...first, isMovable: false };
  const isRule = fds.inherited.rules.some((rule) => rule.name === name);
  if (!isRule) return { from: name, name, wasAnnounced: false, isMovable: false };
  refuse(`descriptor ${JSON.stringify(name)} is to be passed to ${service.name} and did not arrive`);
  return undefined;
}

/**
 * The descriptors that LISTEN_FDS announces to the program, ascending; undefined when LISTEN_FDS is not set. `auto`
 * announces those that the launcher announced. `auto` moves no descriptor, so it announces none when their numbers
 * have a gap (3 and 5). A descriptor whose number stands in a variable of its own is not announced as well.
 */
function announcedOf(
  { protocol }: Service,
  given: readonly PlannedPass[],
): readonly PlannedPass[] | undefined {
  if (protocol === "none" || protocol === "repair") return undefined;
  if (given.length === 0) return protocol === "systemd" ? [] : undefined;
  const row = given
    .filter(({ to, variable }) => to >= FIRST_ANNOUNCED && variable === undefined)
    .filter(({ wasAnnounced }) => wasAnnounced || protocol === "systemd")
    .sort((a, b) => a.to - b.to);
  return protocol === "systemd" || (row.length > 0 && !hasGap(row)) ? row : undefined;
}

/** Movable descriptors close the gaps in the row, because LISTEN_FDS is a count and gives no numbers. */
function inARow(given: readonly PlannedPass[]): PlannedPass[] {
  let next = FIRST_ANNOUNCED;
  const placed: PlannedPass[] = [];
  for (const each of given) {
    if (!each.isMovable) {
      placed.push(each);
      continue;
    }
    while (given.some(({ isMovable, to }) => !isMovable && to === next)) next++;
    placed.push({ ...each, to: next++ });
  }
  return placed;
}

function hasGap(row: readonly PlannedPass[]): boolean {
  return row.some(({ to }, index) => to !== FIRST_ANNOUNCED + index);
}

function refuseGaps(row: readonly PlannedPass[], refuse: Refuse): void {
  if (!hasGap(row)) return;
  const numbers = row.map(({ to }) => to).join(", ");
  const message = `LISTEN_FDS can announce numbers from ${FIRST_ANNOUNCED} on without a gap, and these are ${numbers}`;
  refuse(message, "fds", "protocol");
}

function refuseTakenStdin(given: readonly PlannedPass[], refuse: Refuse): void {
  const taken = given.find(({ to }) => to === 0);
  if (taken) refuse(`descriptor ${JSON.stringify(taken.from)} and stdin: devnull cannot both be 0`, "stdin");
}

/** Two descriptors cannot have one number. */
function refuseCollisions(given: readonly PlannedPass[], refuse: Refuse): void {
  const takenBy = new Map<number, number | string>();
  for (const { from, to } of given) {
    const first = takenBy.get(to);
    if (first === undefined) takenBy.set(to, from);
    else if (first !== from) {
      refuse(`descriptors ${first} and ${from} cannot both be passed as ${to}`, "fds", "pass");
    }
  }
}

/** A descriptor below 3 that keeps its number needs nothing done. */
function passesOf(given: readonly PlannedPass[]): Pass[] {
  const pass: Pass[] = [];
  for (const { from, to } of given) {
    if (from === to && to < FIRST_BEYOND_STANDARD) continue;
    pass.push({ from, to });
  }
  return pass;
}

/** LISTEN_PID needs the program's own pid, which is known only in the child: `pidVariable` has the child write it. */
function announcement(
  { protocol }: Service,
  facts: Facts,
  given: readonly PlannedPass[],
  announced: readonly PlannedPass[] | undefined,
): Pick<Passing, "environment" | "withoutVariables" | "pidVariable"> {
  const environment: Record<string, string> = {};
  for (const { variable, to } of given) if (variable !== undefined) environment[variable] = String(to);
  if (protocol === "repair") {
    const isOurs = facts.announced.length > 0;
    return isOurs ? { environment, withoutVariables: WHOSE, pidVariable: "LISTEN_PID" } : { environment };
  }
  if (!announced) {
    const isStale = protocol === "none" || facts.announced.length > 0;
    return isStale ? { environment, withoutVariables: LISTEN_VARIABLES } : { environment };
  }
  environment["LISTEN_FDS"] = String(announced.length);
  environment["LISTEN_FDNAMES"] = announced.map(({ name = "unknown" }) => name).join(":");
  return { environment, withoutVariables: LISTEN_VARIABLES, pidVariable: "LISTEN_PID" };
}
