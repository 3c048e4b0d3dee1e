// Policy × facts → plan. Pure: nothing is asked of the kernel and nothing is done here, so that
// `fdinit plan` and the real run cannot differ.

import type { InheritedPolicy, LimitsPolicy, Policy } from "../policy/types.ts";
import { LAST_FD } from "../policy/types.ts";
import { bytesOf } from "../sys/bytes.ts";
import type { Facts } from "../sys/facts.ts";
import type { ResourceLimit } from "../sys/kernel.ts";
import { decide, FIRST_BEYOND_STANDARD, type Stretch, stretches } from "./decide.ts";
import type { CommandLine, Launch, PlanResult, Refusal, Step } from "./plan.ts";

/** Makes the plan, or says everything that stands in its way. */
export function buildPlan(policy: Policy, facts: Facts, commandLine: CommandLine): PlanResult {
  const launch = buildLaunch(policy, facts, commandLine);
  const refusals = [
    ...refusedDescriptors(policy.fds.inherited, facts),
    ...unseen(policy, facts),
    ...launch.refusals,
  ];
  if (!launch.value || refusals.length > 0) return { ok: false, refusals };
  const { value } = launch;
  const steps: Step[] = [
    ...descriptorSteps(policy.fds.inherited, facts),
    ...nofileSteps(policy.limits.nofile, facts.nofile),
    ...(facts.pid === 1 ? [] : [{ do: "subreaper" } as const]),
    { do: "spawn", launch: value },
    ...value.keep.filter((fd) => fd >= FIRST_BEYOND_STANDARD).map((fd) => ({ do: "drop", fd }) as const),
  ];
  return { ok: true, plan: { steps } };
}

function refusedDescriptors(policy: InheritedPolicy, facts: Facts): Refusal[] {
  return facts.inherited
    .filter(({ fd }) => decide(policy, fd) === "refuse")
    .map(({ fd, what }) => ({
      code: "descriptor",
      message: `descriptor ${fd} (${what}) was inherited and the policy refuses it`,
    }));
}

/** security does not start on what it could not see; the other intents go on with what they saw. */
function unseen({ intent }: Policy, { unseenFrom }: Facts): Refusal[] {
  if (unseenFrom === undefined || intent !== "security") return [];
  const message = `/proc/self/fd cannot be read and numbers from ${unseenFrom} up were not looked at: mount /proc, or let the policy close them (default: close needs no look)`;
  return [{ code: "descriptor", message }];
}

/** Closing and marking by range, around what must stay open; replacing one by one. */
function descriptorSteps(policy: InheritedPolicy, facts: Facts): Step[] {
  const steps: Step[] = [];
  const runtimeStays = facts.runtime.certain ? facts.runtime.numbers : [];
  const stays = [...facts.own, ...runtimeStays].sort((a, b) => a - b);
  for (const stretch of stretches(policy)) {
    if (stretch.action === "close") {
      // A free number below 3 would be given to the next file opened; it is replaced instead.
      for (const fd of standardNumbers(stretch)) steps.push({ do: "devnull", fd });
      for (const range of around(stretch, stays)) steps.push({ do: "close", range });
    } else if (stretch.action === "cloexec") {
      steps.push({ do: "cloexec", range: { first: stretch.first, last: stretch.last } });
    }
  }
  for (const { fd } of facts.inherited)
    if (decide(policy, fd) === "devnull") steps.push({ do: "devnull", fd });
  // Not told apart with certainty: closed like the rest above, unless a kept number.
  if (!facts.runtime.certain) {
    for (const fd of facts.runtime.numbers)
      if (decide(policy, fd) !== "cloexec") steps.push({ do: "occupy", fd });
  }
  return steps;
}

function standardNumbers({ first, last }: Stretch): number[] {
  return [0, 1, 2].filter((fd) => first <= fd && fd <= last);
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
  commandLine: CommandLine,
): { value?: Launch; refusals: Refusal[] } {
  const [service] = policy.services;
  const command = commandLine ?? fromWords(service.command);
  if (!command) {
    const message = `no program to run: give one on the command line, or a command in services.${service.name} of the policy`;
    return { refusals: [{ code: "command-line", message }] };
  }
  const inherited = policy.fds.inherited;
  const passed = facts.inherited.filter(({ fd }) => {
    const action = decide(inherited, fd);
    return fd >= FIRST_BEYOND_STANDARD && (action === "keep" || action === "devnull");
  });
  const value: Launch = {
    service: service.name,
    program: command.program,
    arguments: command.arguments,
    environment: service.env,
    ...(service.cwd === undefined ? {} : { cwd: service.cwd }),
    keep: passed
      .map(({ fd }) => fd)
      .filter((fd) => facts.runtime.certain || !facts.runtime.numbers.includes(fd)),
    devNullAsStdin: service.stdin === "devnull",
  };
  return { value, refusals: [] };
}

function fromWords(words: readonly string[] | undefined): CommandLine {
  const [program] = words ?? [];
  return words && program !== undefined ? { program: bytesOf(program), arguments: { words } } : undefined;
}
