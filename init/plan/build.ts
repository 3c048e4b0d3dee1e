// Policy × facts → plan. Pure: nothing is asked of the kernel and nothing is done here, so that
// `fdinit plan` and the real run cannot differ.

import type { LimitsPolicy, Policy, Service } from "../policy/types.ts";
import { LAST_FD, namesOf } from "../policy/types.ts";
import type { Facts, Range } from "../sys/facts.ts";
import type { ResourceLimit } from "../sys/kernel.ts";
import { RLIMIT_NOFILE } from "../sys/libc/constants.ts";
import { bytesOf } from "../sys/text/bytes.ts";
import { ascending, type Decided, type Stretch, settle, stretches } from "./decide.ts";
import { FIRST_BEYOND_STANDARD } from "./match.ts";
import { type Passing, passing } from "./pass.ts";
import type { CommandLine, Launch, PlanResult, Step, Supervision } from "./plan.ts";
import { findRefusals, findWarnings } from "./refuse.ts";
import { type Swept, sweep, type Wanted } from "./sweep.ts";

/** Makes the plan, or says everything that stands in its way. */
export function buildPlan(policy: Policy, facts: Facts, commandLine: CommandLine): PlanResult {
  const decided = decideAll(policy, facts);
  const [service] = policy.services;
  const command = commandLine ?? fromWords(service.command);
  const passed = passing(policy, service, facts, decided);
  const all = stretches(policy.fds.inherited, policy.intent, decided);
  const swept = sweep(policy, facts, ranges(facts, all));
  const refusals = [...findRefusals(policy, facts, decided), ...passed.refusals];
  for (const remark of swept.refusals) refusals.push({ code: "descriptor", ...remark });
  if (!command)
    refusals.push({
      code: "command-line",
      message: noProgram(service.name),
      at: ["services", service.name],
    });
  const [first] = refusals;
  if (!command || first) return { ok: false, refusals, code: first?.code ?? "command-line" };

  const launch = buildLaunch(service, facts, command, passed, policy.tty);
  const steps = descriptorSteps(facts, decided, all, swept);
  const limit = nofileLimit(policy.limits.nofile, facts.nofile);
  if (limit.soft !== facts.nofile.soft || limit.hard !== facts.nofile.hard)
    steps.push({ do: "nofile", limit });
  const { subreaper } = policy.reaping;
  if (isSubreaper(subreaper, facts.pid)) steps.push({ do: "subreaper", isRequired: subreaper === "always" });
  if (decided.length > 0) steps.push(...hiding(decided, launch.pass));
  for (const step of startSteps(policy, launch, false)) steps.push(step);
  if (policy.dropPrivileges) steps.push({ do: "dropPrivileges", keep: keptByPid1(policy, service) });
  return {
    ok: true,
    plan: {
      steps,
      again: service.restart.policy === "never" ? [] : startSteps(policy, launch, true),
      supervision: supervisionOf(policy, launch),
      warnings: [...findWarnings(policy, facts, decided, launch.pass), ...swept.warnings],
    },
  };
}

function noProgram(service: string): string {
  return `no program to run: give one on the command line, or a command in services.${service} of the policy`;
}

function isSubreaper(wanted: Policy["reaping"]["subreaper"], pid: number): boolean {
  return wanted === "always" || (wanted === "auto" && pid !== 1);
}

/**
 * Marks kept descriptors that the program does not get under their number. An unhardened Bun has marked inherited
 * descriptors from 4 up close-on-exec, but not 3. The child removes the mark from those that keep their number.
 */
function hiding(decided: readonly Decided[], pass: Launch["pass"]): Step[] {
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
function startSteps({ fds, services: [{ restart }] }: Policy, launch: Launch, isAgain: boolean): Step[] {
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
  { services: [service], shutdown, reaping, exitMap, report, tty }: Policy,
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

// <linux/capability.h>
const CAP_CHOWN = 0;
const CAP_DAC_OVERRIDE = 1;
const CAP_FOWNER = 3;
const CAP_KILL = 5;
const CAP_SETGID = 6;
const CAP_SETUID = 7;
const CAP_SETPCAP = 8;
const CAP_NET_BIND_SERVICE = 10;
const CAP_SYS_NICE = 23;
const CAP_SYS_RESOURCE = 24;

/** CAP_KILL, so that signals reach every process. For a service that may be restarted, also the capabilities of each step of a start. */
function keptByPid1({ fds }: Policy, service: Service): number[] {
  const { restart, user, capabilities, nice, oomScoreAdj, limits } = service;
  const keep = [CAP_KILL];
  if (restart.policy === "never") return keep;
  if (user) keep.push(CAP_SETGID, CAP_SETUID);
  if (capabilities) keep.push(CAP_SETPCAP, ...capabilities.keep);
  if (nice !== undefined) keep.push(CAP_SYS_NICE);
  if (oomScoreAdj !== undefined || limits) keep.push(CAP_SYS_RESOURCE);
  if (fds.open.some(({ hold }) => !hold))
    keep.push(CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_NET_BIND_SERVICE);
  return keep;
}

/** The decision about each inherited descriptor that was looked at. */
export function decideAll({ fds, intent }: Policy, { inherited }: Facts): Decided[] {
  const decided: Decided[] = [];
  for (const known of inherited) decided.push({ ...known, decision: settle(fds.inherited, intent, known) });
  return decided;
}

/** The ranges to close, around the numbers that must stay open, and the ranges to mark. */
function ranges({ own, runtime }: Facts, all: readonly Stretch[]): Wanted {
  const runtimeStays = runtime.certain ? runtime.numbers : [];
  const stays = ascending([...runtimeStays, ...own]);
  const close: Range[] = [];
  const mark: Range[] = [];
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
function around(stretch: Stretch, stays: Iterable<number>): Range[] {
  const ranges: Range[] = [];
  let first = Math.max(stretch.first, FIRST_BEYOND_STANDARD);
  for (const fd of stays) {
    if (fd < first || fd > stretch.last) continue;
    if (fd > first) ranges.push({ first, last: fd - 1 });
    first = fd + 1;
  }
  if (first <= stretch.last) ranges.push({ first, last: Math.min(stretch.last, LAST_FD) });
  return ranges;
}

function nofileLimit(wanted: LimitsPolicy["nofile"], inherited: ResourceLimit): ResourceLimit {
  const hard = typeof wanted.hard === "number" ? wanted.hard : inherited.hard;
  return { soft: softLimit(wanted.soft, inherited.soft, hard), hard };
}

function softLimit(wanted: LimitsPolicy["nofile"]["soft"], inherited: number, hard: number): number {
  if (wanted === "inherit") return Math.min(inherited, hard);
  if (wanted === "max") return hard;
  // A soft limit cannot be above the hard one (EINVAL): what the runtime grants is the most there is.
  return Math.min(typeof wanted === "number" ? wanted : Math.min(inherited, wanted.atMost), hard);
}

function buildLaunch(
  service: Service,
  facts: Facts,
  command: NonNullable<CommandLine>,
  passed: Passing,
  tty: Policy["tty"],
): Launch {
  const { name, cwd, user, groups, umask, nice, oomScoreAdj, capabilities, parentDeathSignal } = service;
  // A program in fdinit's group would get a signal to that group twice: directly, and forwarded by fdinit.
  const group = service.setsid
    ? "session"
    : service.signals.to === "group" || tty !== "none"
      ? "own"
      : undefined;
  const launch: Launch = {
    service: name,
    program: command.program,
    arguments: command.arguments,
    environment: { ...service.env, ...passed.environment },
    pass: passed.pass,
    devNullAsStdin: passed.devNullAsStdin,
  };
  // A key is set only when it has a value: a plain start has none of them.
  const more: { -readonly [K in keyof Launch]?: Launch[K] } = {};
  if (passed.withoutVariables) more.withoutVariables = passed.withoutVariables;
  if (passed.pidVariable !== undefined) more.pidVariable = passed.pidVariable;
  if (cwd !== undefined) more.cwd = cwd;
  if (group !== undefined) more.group = group;
  if (group !== undefined && tty !== "none" && getsTerminal(service, tty, facts)) more.terminal = true;
  if (user !== undefined) more.user = user;
  if (groups !== undefined) more.groups = groups;
  if (umask !== undefined) more.umask = umask;
  if (nice !== undefined) more.nice = nice;
  if (oomScoreAdj !== undefined) more.oomScoreAdj = oomScoreAdj;
  if (service.limits) {
    const limit = nofileLimit(service.limits.nofile, facts.nofile);
    more.limits = [{ resource: RLIMIT_NOFILE, name: "nofile", limit }];
  }
  if (capabilities !== undefined) more.capabilities = capabilities;
  if (service.noNewPrivileges) more.noNewPrivileges = true;
  if (parentDeathSignal !== undefined) more.parentDeathSignal = parentDeathSignal;
  return { ...launch, ...more };
}

/** In a shell's pipeline, other members of fdinit's group may need the terminal: there the program gets it when it reads from it. */
function getsTerminal({ setsid, signals }: Service, tty: Policy["tty"], { terminal }: Facts): boolean {
  if (!terminal?.isForeground) return false;
  return terminal.isOutputToo || setsid || signals.to === "group" || tty === "foreground";
}

function fromWords(words: readonly string[] | undefined): CommandLine {
  const [program] = words ?? [];
  return words && program !== undefined ? { program: bytesOf(program), arguments: { words } } : undefined;
}
