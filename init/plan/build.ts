// Policy × facts → plan. Pure: nothing is asked of the kernel and nothing is done here, so that
// `fdinit plan` and the real run cannot differ.

import type { Policy, Service } from "../policy/types.ts";
import { LAST_FD, namesOf } from "../policy/types.ts";
import type { Facts, FdRange } from "../sys/facts.ts";
import { bytesOf } from "../sys/text/bytes.ts";
import { ascending, type Decided, decide, type Stretch, stretches } from "./decide.ts";
import { buildLaunch, keptByPid1, nofileLimit, noProgram } from "./launch-of.ts";
import { FIRST_BEYOND_STANDARD } from "./match.ts";
import { passing } from "./pass.ts";
import type { CommandLine, Launch, PlanResult, Refusal, Step, Supervision } from "./plan.ts";
import { findRefusals, findWarnings } from "./refuse.ts";
import { type Swept, sweep, type Wanted } from "./sweep.ts";

/** Makes the plan, or says everything that stands in its way. */
export function buildPlan(policy: Policy, facts: Facts, commandLine: CommandLine): PlanResult {
  const decided = decideAll(policy, facts);
  const [written] = policy.services;
  const service = commandLine && written.command ? forCommandLine(written) : written;
  const command = commandLine ?? fromWords(service.command);
  const passed = passing(policy, service, facts, decided);
  const all = stretches(policy.fds.inherited, policy.intent, decided);
  const swept = sweep(policy, facts, ranges(facts, all));
  const refusals = [...findRefusals(policy, facts, decided), ...passed.refusals];
  for (const remark of swept.refusals) refusals.push({ code: "descriptor", ...remark });
  if (!command) refusals.push(noProgram(service.name));
  if (!command || refusals.length > 0) return refused(refusals);

  const launch = buildLaunch(service, facts, command, passed, policy.tty);
  const steps = preparation(policy, facts, decided, all, swept);
  if (decided.length > 0) steps.push(...hiding(decided, launch.pass));
  for (const step of startSteps(policy, service, launch, false)) steps.push(step);
  if (policy.dropPrivileges) steps.push({ do: "dropPrivileges", keep: keptByPid1(policy, service) });
  return {
    ok: true,
    plan: {
      steps,
      again: service.restart.policy === "never" ? [] : startSteps(policy, service, launch, true),
      supervision: supervisionOf(policy, service, launch),
      warnings: [...findWarnings(policy, facts, decided, launch.pass), ...swept.warnings],
    },
  };
}

/**
 * Whether services are supervised each by itself (services.ts): there are several, or the only one has a readiness check, is
 * a oneshot, or has its lines or its control in fdinit's hands. A command that takes the place of the policy's own is always
 * one program; where the policy names none, the command is the service's.
 */
export function hasSeveral({ services, log, control }: Policy, commandLine: CommandLine): boolean {
  const [{ command, type, ready, watchdogMs }, ...others] = services;
  if (others.length > 0) return true;
  if (commandLine && command) return false;
  if (type === "oneshot" || ready || watchdogMs !== undefined || control) return true;
  return log.services !== undefined && log.services !== "raw";
}

/**
 * A command of the command line gets fdinit's standard input in place of /dev/null and is not started again, unless
 * `override` says otherwise. It keeps the descriptors of the policy, one as standard input included.
 */
function forCommandLine(service: Service): Service {
  const { override, restart, stdin } = service;
  return {
    ...service,
    stdin: override?.stdin ?? (stdin === "devnull" ? "inherit" : stdin),
    restart: override?.restart ?? { ...restart, policy: "never" },
  };
}

export function refused(refusals: readonly Refusal[]): Extract<PlanResult, { ok: false }> {
  return { ok: false, refusals, code: refusals[0]?.code ?? "command-line" };
}

/** The steps for PID 1 itself, before anything starts. */
export function preparation(
  policy: Policy,
  facts: Facts,
  decided: readonly Decided[],
  all: readonly Stretch[],
  swept: Swept,
): Step[] {
  const steps = descriptorSteps(facts, decided, all, swept);
  const limit = nofileLimit(policy.limits.nofile, facts.nofile);
  if (limit.soft !== facts.nofile.soft || limit.hard !== facts.nofile.hard)
    steps.push({ do: "nofile", limit });
  const { subreaper } = policy.reaping;
  if (isSubreaper(subreaper, facts.pid)) steps.push({ do: "subreaper", isRequired: subreaper === "always" });
  return steps;
}

function isSubreaper(wanted: Policy["reaping"]["subreaper"], pid: number): boolean {
  return wanted === "always" || (wanted === "auto" && pid !== 1);
}

/**
 * Marks kept descriptors that the program does not get under their number. An unhardened Bun has marked inherited
 * descriptors from 4 up close-on-exec, but not 3. The child removes the mark from those that keep their number.
 */
export function hiding(decided: readonly Decided[], pass: Launch["pass"]): Step[] {
  const steps: Step[] = [];
  let passed: Set<number | string> | undefined;
  for (const { fd, decision } of decided) {
    if (decision.action !== "keep" || fd < FIRST_BEYOND_STANDARD) continue;
    passed ??= new Set(pass.map(({ from, to }) => (from === to ? to : -1)));
    if (!passed.has(fd)) steps.push({ do: "hide", fd });
  }
  return steps;
}

/** The steps that open the service's descriptors, start it, and close PID 1's copies of those that only the service is to have. */
function startSteps({ fds }: Policy, { restart }: Service, launch: Launch, isAgain: boolean): Step[] {
  const steps: Step[] = [];
  for (const { name, hold, what } of fds.open) if (!(isAgain && hold)) steps.push({ do: "open", name, what });
  steps.push({ do: "spawn", launch });
  for (const opened of fds.open) {
    if (opened.hold) continue;
    for (const name of namesOf(opened)) steps.push({ do: "drop", fd: name });
  }
  // fdinit cannot open an inherited descriptor again, so it keeps its copy where the service may be restarted.
  if (restart.policy !== "never") return steps;
  for (const { from } of launch.pass)
    if (typeof from === "number" && from >= FIRST_BEYOND_STANDARD) steps.push({ do: "drop", fd: from });
  return steps;
}

function supervisionOf(
  { shutdown, reaping, exitMap, report, tty }: Policy,
  service: Service,
  launch: Launch,
): Supervision {
  const { signals, restart } = service;
  const { orphans, waitMs, log } = reaping;
  return {
    service: service.name,
    signals,
    hasOwnGroup: launch.group !== undefined,
    hasTerminal: launch.terminal === true,
    isJob: launch.group === "own" && tty === "auto" && signals.to !== "group",
    restart,
    shutdown,
    reaping: { orphans, waitMs, log },
    exitMap,
    ...(report === undefined ? {} : { report }),
  };
}

/** The decision about each inherited descriptor that was looked at. */
export function decideAll({ fds, intent }: Policy, { inherited }: Facts): Decided[] {
  const decided: Decided[] = [];
  // Without a rule by number, descriptors that share their facts (from 3 up) share the decision. There may be thousands.
  let shares = true;
  for (const { match } of fds.inherited.rules) shares &&= match.fd === undefined;
  let before: Decided | undefined;
  for (const known of inherited) {
    const { fd, descriptor } = known;
    if (before && shares && descriptor !== undefined && descriptor === before.descriptor) {
      decided.push({ fd, descriptor, decision: before.decision });
      continue;
    }
    decided.push({ ...known, decision: decide(fds.inherited, intent, known) });
    if (fd >= FIRST_BEYOND_STANDARD) before = decided[decided.length - 1];
  }
  return decided;
}

/** The ranges to close, around the numbers that must stay open, and the ranges to mark. */
export function ranges({ own, runtime }: Facts, all: readonly Stretch[]): Wanted {
  const runtimeStays = runtime.certain ? runtime.numbers : [];
  const stays = ascending([...runtimeStays, ...own]);
  const close: FdRange[] = [];
  const mark: FdRange[] = [];
  for (const stretch of all) {
    const { action, first, last } = stretch;
    if (action === "close") for (const range of around(stretch, stays)) close.push(range);
    else if (action === "cloexec") mark.push({ first, last });
  }
  return { close, mark };
}

/** Closing and marking by range; replacing one by one. */
function descriptorSteps(
  facts: Facts,
  decided: readonly Decided[],
  all: readonly Stretch[],
  { close, mark }: Swept,
): Step[] {
  const steps: Step[] = [];
  if (close) steps.push({ do: "close", ...close });
  if (mark) steps.push({ do: "cloexec", ...mark });
  for (const { action, first, last } of all) {
    if (action !== "close") continue;
    // A free number below 3 would be given to the next file opened; it is replaced instead.
    for (let fd = first; fd <= Math.min(last, FIRST_BEYOND_STANDARD - 1); fd++)
      steps.push({ do: "devnull", fd });
  }
  for (const { fd, decision } of decided) {
    if (decision.action === "devnull") steps.push({ do: "devnull", fd });
  }
  // Bun's descriptors could not be told from inherited ones: their numbers are closed and occupied by /dev/null, unless
  // everything there is only marked.
  if (!facts.runtime.certain) {
    const isMarked = (fd: number) =>
      all.find(({ first, last }) => first <= fd && fd <= last)?.action === "cloexec";
    for (const fd of facts.runtime.numbers) if (!isMarked(fd)) steps.push({ do: "occupy", fd });
  }
  return steps;
}

/** The parts of a stretch from 3 up that are left when single numbers are taken out. */
function around(stretch: Stretch, stays: Iterable<number>): FdRange[] {
  const ranges: FdRange[] = [];
  let first = Math.max(stretch.first, FIRST_BEYOND_STANDARD);
  for (const fd of stays) {
    if (fd < first || fd > stretch.last) continue;
    if (fd > first) ranges.push({ first, last: fd - 1 });
    first = fd + 1;
  }
  if (first <= stretch.last) ranges.push({ first, last: Math.min(stretch.last, LAST_FD) });
  return ranges;
}

export function fromWords(words: readonly string[] | undefined): CommandLine {
  const [program] = words ?? [];
  return words && program !== undefined ? { program: bytesOf(program), arguments: { words } } : undefined;
}
