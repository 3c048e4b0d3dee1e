// Policy × facts → plan. Pure: nothing is asked of the kernel and nothing is done here, so that
// `fdinit plan` and the real run cannot differ.

import type { LimitsPolicy, Policy } from "../policy/types.ts";
import { LAST_FD } from "../policy/types.ts";
import { bytesOf } from "../sys/bytes.ts";
import type { Facts } from "../sys/facts.ts";
import type { ResourceLimit } from "../sys/kernel.ts";
import { type Decided, type Stretch, settle, stretches } from "./decide.ts";
import { FIRST_BEYOND_STANDARD } from "./match.ts";
import type { CommandLine, Launch, PlanResult, Refusal, Step } from "./plan.ts";
import { findRefusals, undetermined, unnamedAnnounced } from "./refuse.ts";

/** Makes the plan, or says everything that stands in its way. */
export function buildPlan(policy: Policy, facts: Facts, commandLine: CommandLine): PlanResult {
  const decided = decideAll(policy, facts);
  const launch = buildLaunch(policy, facts, decided, commandLine);
  const refusals = [...findRefusals(policy, facts, decided), ...launch.refusals];
  if (!launch.value || refusals.length > 0) return { ok: false, refusals };
  const { value } = launch;
  const steps: Step[] = [
    ...descriptorSteps(policy, facts, decided),
    ...nofileSteps(policy.limits.nofile, facts.nofile),
    ...(facts.pid === 1 ? [] : [{ do: "subreaper" } as const]),
    { do: "spawn", launch: value },
  ];
  for (const { from } of value.pass) if (from >= FIRST_BEYOND_STANDARD) steps.push({ do: "drop", fd: from });
  const warnings = [...unnamedAnnounced(facts, decided), ...undetermined(policy, facts, decided)];
  return { ok: true, plan: { steps, warnings } };
}

/** The decision about each inherited descriptor that was looked at. */
export function decideAll({ fds, intent }: Policy, { inherited }: Facts): Decided[] {
  const decided: Decided[] = [];
  for (const known of inherited) decided.push({ ...known, decision: settle(fds.inherited, intent, known) });
  return decided;
}

/** Closing and marking by range, around what must stay open; replacing one by one. */
function descriptorSteps({ fds, intent }: Policy, facts: Facts, decided: readonly Decided[]): Step[] {
  const steps: Step[] = [];
  const runtimeStays = facts.runtime.certain ? facts.runtime.numbers : [];
  const stays = [...facts.own, ...runtimeStays].sort((a, b) => a - b);
  const all = stretches(fds.inherited, intent, facts.inherited);
  for (const stretch of all) {
    if (stretch.action === "close") {
      // A free number below 3 would be given to the next file opened; it is replaced instead.
      const lastStandard = Math.min(stretch.last, FIRST_BEYOND_STANDARD - 1);
      for (let fd = stretch.first; fd <= lastStandard; fd++) steps.push({ do: "devnull", fd });
      for (const range of around(stretch, stays)) steps.push({ do: "close", range });
    } else if (stretch.action === "cloexec") {
      steps.push({ do: "cloexec", range: { first: stretch.first, last: stretch.last } });
    }
  }
  for (const { fd, decision } of decided) {
    if (decision.action === "devnull") steps.push({ do: "devnull", fd });
  }
  // Not told apart with certainty: the number is occupied, unless everything merely gets marked.
  if (!facts.runtime.certain) {
    const isMarked = (fd: number) =>
      all.find(({ first, last }) => first <= fd && fd <= last)?.action === "cloexec";
    for (const fd of facts.runtime.numbers) if (!isMarked(fd)) steps.push({ do: "occupy", fd });
  }
  return steps;
}

/** The parts of a stretch from 3 up that are left when single numbers are taken out. */
function around(stretch: Stretch, stays: readonly number[]): { first: number; last: number }[] {
  const ranges: { first: number; last: number }[] = [];
  let first = Math.max(stretch.first, FIRST_BEYOND_STANDARD);
  for (const fd of stays) {
    if (fd < first || fd > stretch.last) continue;
    if (fd > first) ranges.push({ first, last: fd - 1 });
    first = fd + 1;
  }
  if (first <= stretch.last) ranges.push({ first, last: Math.min(stretch.last, LAST_FD) });
  return ranges;
}

function nofileSteps(wanted: LimitsPolicy["nofile"], inherited: ResourceLimit): Step[] {
  const hard = typeof wanted.hard === "number" ? wanted.hard : inherited.hard;
  const soft = softLimit(wanted.soft, inherited.soft, hard);
  return soft === inherited.soft && hard === inherited.hard ? [] : [{ do: "nofile", limit: { soft, hard } }];
}

function softLimit(wanted: LimitsPolicy["nofile"]["soft"], inherited: number, hard: number): number {
  if (wanted === "inherit") return Math.min(inherited, hard);
  if (wanted === "max") return hard;
  // A soft limit cannot be above the hard one (EINVAL): what the runtime grants is the most there is.
  return Math.min(typeof wanted === "number" ? wanted : Math.min(inherited, wanted.atMost), hard);
}

function buildLaunch(
  policy: Policy,
  facts: Facts,
  decided: readonly Decided[],
  commandLine: CommandLine,
): { value?: Launch; refusals: Refusal[] } {
  const [service] = policy.services;
  const command = commandLine ?? fromWords(service.command);
  if (!command) {
    const message = `no program to run: give one on the command line, or a command in services.${service.name} of the policy`;
    return { refusals: [{ code: "command-line", message }] };
  }
  const pass = passed(facts, decided);
  const value: Launch = {
    service: service.name,
    program: command.program,
    arguments: command.arguments,
    environment: service.env,
    ...(service.cwd === undefined ? {} : { cwd: service.cwd }),
    pass,
    devNullAsStdin: service.stdin === "devnull",
  };
  return { value, refusals: collisions(pass) };
}

/** What the program gets beside 0, 1 and 2. A number that may be the runtime's own is nobody's to pass on. */
function passed({ runtime }: Facts, decided: readonly Decided[]): Launch["pass"] {
  const pass: { from: number; to: number }[] = [];
  for (const { fd, decision } of decided) {
    const isHandedOn = decision.action === "keep" || decision.action === "devnull";
    const to = decision.rule?.as ?? fd;
    if (fd < FIRST_BEYOND_STANDARD && to === fd) continue;
    if (isHandedOn && (runtime.certain || !runtime.numbers.includes(fd))) pass.push({ from: fd, to });
  }
  return pass;
}

/** Two descriptors cannot have one number. */
function collisions(pass: Launch["pass"]): Refusal[] {
  const refusals: Refusal[] = [];
  for (const { from, to } of pass) {
    const first = pass.find((other) => other.to === to);
    if (first?.from === from) continue;
    const message = `descriptors ${first?.from} and ${from} cannot both be passed as ${to}`;
    refusals.push({ code: "descriptor", message });
  }
  return refusals;
}

function fromWords(words: readonly string[] | undefined): CommandLine {
  const [program] = words ?? [];
  return words && program !== undefined ? { program: bytesOf(program), arguments: { words } } : undefined;
}
