// Policy with several services × facts → their plan: what is done before any of them starts, and the steps of each
// service's starts. Pure.

import type { Policy, Service } from "../policy/types.ts";
import { namesOf, type OpenPolicy, stopSteps } from "../policy/types.ts";
import type { Facts } from "../sys/facts.ts";
import { bytesOf, textOf } from "../sys/text/bytes.ts";
import { decideAll, fromWords, hiding, preparation, ranges, refused } from "./build.ts";
import { type Decided, stretches } from "./decide.ts";
import { buildLaunch, CAP_KILL, capabilitiesForStarts, noProgram } from "./launch-of.ts";
import { passing } from "./pass.ts";
import type {
  CommandLine,
  Launch,
  Pass,
  PlannedService,
  PlanResult,
  Refusal,
  ServicesPlan,
  ServicesSupervision,
  Step,
  SupervisedService,
} from "./plan.ts";
import { findRefusals, findWarnings } from "./refuse.ts";
import { sweep } from "./sweep.ts";

/** sd_notify(3): the variables of fdinit's own supervisor, which are not for its services. */
const OF_OWN_SUPERVISOR = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/** Makes the plan of several services, or says everything that stands in its way. */
export function buildServicesPlan(
  policy: Policy,
  facts: Facts,
  commandLine: CommandLine,
): { readonly ok: true; readonly plan: ServicesPlan } | Extract<PlanResult, { ok: false }> {
  const decided = decideAll(policy, facts);
  const all = stretches(policy.fds.inherited, policy.intent, decided);
  const swept = sweep(policy, facts, ranges(facts, all));
  const {
    openings,
    services,
    refusals: ofServices,
    capabilities,
    given,
  } = planServices(policy, facts, decided, commandLine);
  const refusals = [...findRefusals(policy, facts, decided), ...ofServices];
  for (const remark of swept.refusals) refusals.push({ code: "descriptor", ...remark });
  if (commandLine && policy.services.length > 1) refusals.unshift(commandBesideServices(policy, commandLine));
  if (refusals.length > 0) return refused(refusals);
  const steps = preparation(policy, facts, decided, all, swept);
  steps.push(...hiding(decided, []), ...openings);
  if (policy.dropPrivileges) steps.push({ do: "dropPrivileges", keep: capabilities });
  const warnings = [...findWarnings(policy, facts, decided, given), ...swept.warnings];
  return { ok: true, plan: { steps, services, supervision: superviseServices(policy), warnings } };
}

interface ServicesPart {
  /** The openings that PID 1 keeps, before any start. */
  readonly openings: readonly Step[];
  readonly services: readonly PlannedService[];
  readonly refusals: readonly Refusal[];
  /** Capabilities that PID 1 keeps: those of signals, and of starts at any time. */
  readonly capabilities: readonly number[];
  /** All that is passed to any of them. */
  readonly given: readonly Pass[];
}

/** `docker run image bash` beside several services. */
function commandBesideServices({ services }: Policy, { program }: NonNullable<CommandLine>): Refusal {
  const word = textOf(program);
  const names = services.map(({ name }) => name).join(", ");
  const [{ name: first }] = [...services.filter(({ type }) => type === "service"), ...services] as [Service];
  const message = `the policy has several services (${names}), so a command on the command line has no place: to run ${JSON.stringify(word)} with the settings of one of them, instead of all, write: fdinit run ${first} ${word}`;
  return { code: "command-line", message };
}

/** `commandLine`: the command of the only service, where the policy gives it none. */
function planServices(
  policy: Policy,
  facts: Facts,
  decided: readonly Decided[],
  commandLine: CommandLine,
): ServicesPart {
  const held = policy.fds.open.filter((opening) => isHeld(opening, policy.services));
  const refusals: Refusal[] = [];
  const services: PlannedService[] = [];
  const given: Pass[] = [];
  for (const service of policy.services) {
    const { name } = service;
    const passed = passing(policy, service, facts, decided);
    refusals.push(...passed.refusals);
    given.push(...passed.pass);
    const command = fromWords(service.command) ?? commandLine;
    if (!command) {
      refusals.push(noProgram(name));
      continue;
    }
    const launch = ofService(buildLaunch({ ...service, setsid: true }, facts, command, passed, "none"));
    const own = policy.fds.open.filter((opening) => !held.includes(opening) && uses(service, opening));
    services.push({
      name,
      start: [
        ...own.map(({ name: opened, what }): Step => ({ do: "open", name: opened, what })),
        { do: "spawn", launch },
        ...own.flatMap((opening) => namesOf(opening).map((fd): Step => ({ do: "drop", fd }))),
      ],
      uses: held
        .filter((opening) => uses(service, opening))
        .flatMap((opening) => usedNames(service, opening)),
      ...(service.ready?.by === "exec" ? { check: checkLaunch(launch, service.ready.command) } : {}),
    });
  }
  return {
    openings: held.map(({ name, what }) => ({ do: "open", name, what })),
    services,
    refusals,
    capabilities: [
      CAP_KILL,
      ...new Set(policy.services.flatMap((service) => capabilitiesForStarts(policy, service))),
    ],
    given,
  };
}

function ofService(launch: Launch): Launch {
  return {
    ...launch,
    environment: { ...launch.environment, FDINIT_SERVICE: launch.service },
    withoutVariables: [...(launch.withoutVariables ?? []), ...OF_OWN_SUPERVISOR],
  };
}

/** A readiness check runs as its service does, in its directory and with its variables, and has nothing open. */
function checkLaunch(launch: Launch, command: readonly string[]): Launch {
  const { pidVariable: _pid, ...rest } = launch;
  return {
    ...rest,
    program: bytesOf(command[0] ?? ""),
    arguments: { words: command },
    pass: [],
    devNullAsStdin: true,
    devNullOutputs: [1, 2],
  };
}

/** The names that a service is given: in `fds.pass`, or as one of its standard streams. */
export function namesGiven({ pass, stdin, stdout, stderr }: Service): string[] {
  const names = (pass ?? []).map(({ name }) => name);
  for (const stream of [stdin, stdout, stderr])
    if (stream !== undefined && stream !== "inherit" && stream !== "devnull") names.push(stream);
  return names;
}

function usedNames(service: Service, opening: OpenPolicy): string[] {
  const given = namesGiven(service);
  return namesOf(opening).filter((name) => given.includes(name));
}

function uses(service: Service, opening: OpenPolicy): boolean {
  return usedNames(service, opening).length > 0;
}

/** Opened once and kept by PID 1: what several services have, or none. A token is one of each start. */
function isHeld(opening: OpenPolicy, services: readonly Service[]): boolean {
  if (opening.what.open === "token") return false;
  return opening.hold || services.filter((service) => uses(service, opening)).length !== 1;
}

function superviseServices(policy: Policy): ServicesSupervision {
  const { shutdown, reaping, exitMap, report, log, control } = policy;
  const { on, budgetMs, steps } = shutdown;
  const { orphans, waitMs } = reaping;
  return {
    services: policy.services.map((service) => supervised(service, policy)),
    shutdown: { on, budgetMs, steps },
    reaping: { orphans, waitMs, log: reaping.log },
    exitMap,
    lines: log.services ?? "raw",
    ...(control === undefined ? {} : { control }),
    ...(report === undefined ? {} : { report }),
  };
}

function supervised(service: Service, { shutdown }: Policy): SupervisedService {
  const { name, type, dependsOn, ready, watchdogMs, restart, essential, signals, reload } = service;
  const steps = stopSteps(service, shutdown);
  return {
    name,
    type,
    dependsOn: dependsOn ?? new Map(),
    restart,
    essential,
    signals,
    ...(ready === undefined ? {} : { ready }),
    ...(watchdogMs === undefined ? {} : { watchdogMs }),
    ...(steps === undefined ? {} : { stop: steps }),
    ...(reload === undefined ? {} : { reload }),
  };
}
