// How one service's program is started: its keys, the command and what it is given, as a Launch. Pure.

import type { LimitsPolicy, Policy, Service } from "../policy/types.ts";
import type { Facts } from "../sys/facts.ts";
import type { ResourceLimit } from "../sys/kernel.ts";
import { RLIMIT_NOFILE } from "../sys/libc/constants.ts";
import type { Passing } from "./pass.ts";
import type { CommandLine, Launch, Refusal } from "./plan.ts";

export function noProgram(service: string): Refusal {
  const message = `no program to run: give one on the command line, or a command in services.${service} of the policy`;
  return { code: "command-line", message, at: ["services", service] };
}

export function nofileLimit(wanted: LimitsPolicy["nofile"], inherited: ResourceLimit): ResourceLimit {
  const hard = typeof wanted.hard === "number" ? wanted.hard : inherited.hard;
  return { soft: softLimit(wanted.soft, inherited.soft, hard), hard };
}

function softLimit(wanted: LimitsPolicy["nofile"]["soft"], inherited: number, hard: number): number {
  if (wanted === "inherit") return Math.min(inherited, hard);
  if (wanted === "max") return hard;
  // A soft limit cannot be above the hard one (EINVAL): what the runtime grants is the most there is.
  return Math.min(typeof wanted === "number" ? wanted : Math.min(inherited, wanted.atMost), hard);
}

export function buildLaunch(
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
  if (passed.devNullOutputs) more.devNullOutputs = passed.devNullOutputs;
  if (service.envFile) more.environmentFiles = service.envFile;
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

// <linux/capability.h>
const CAP_CHOWN = 0;
const CAP_DAC_OVERRIDE = 1;
const CAP_FOWNER = 3;
export const CAP_KILL = 5;
const CAP_SETGID = 6;
const CAP_SETUID = 7;
const CAP_SETPCAP = 8;
const CAP_NET_BIND_SERVICE = 10;
const CAP_SYS_NICE = 23;
const CAP_SYS_RESOURCE = 24;

/** CAP_KILL, so that signals reach every process. For a service that may be restarted, also the capabilities of each step of a start. */
export function keptByPid1(policy: Policy, service: Service): number[] {
  return service.restart.policy === "never"
    ? [CAP_KILL]
    : [CAP_KILL, ...capabilitiesForStarts(policy, service)];
}

export function capabilitiesForStarts({ fds }: Policy, service: Service): number[] {
  const { user, capabilities, nice, oomScoreAdj, limits } = service;
  const keep: number[] = [];
  if (user) keep.push(CAP_SETGID, CAP_SETUID);
  if (capabilities) keep.push(CAP_SETPCAP, ...capabilities.keep);
  if (nice !== undefined) keep.push(CAP_SYS_NICE);
  if (oomScoreAdj !== undefined || limits) keep.push(CAP_SYS_RESOURCE);
  if (fds.open.some(({ hold }) => !hold))
    keep.push(CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_NET_BIND_SERVICE);
  return keep;
}
