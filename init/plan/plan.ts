// The types of a plan: the command, tagged steps that are not carried out yet, and what supervision needs to know once
// they are. Types only, but for a name. launch/ executes the steps in order; `fdinit plan` prints them.

import type {
  CapabilitiesPolicy,
  Condition,
  ControlPolicy,
  LogPolicy,
  Opening,
  ReadyCheck,
  ReapingPolicy,
  RestartPolicy,
  Service,
  ShutdownPolicy,
  ShutdownStep,
  SignalsPolicy,
  UserAndGroup,
} from "../policy/types.ts";
import type { FdRange, Rung } from "../sys/facts.ts";
import type { Arguments, ProgramLimit, ResourceLimit } from "../sys/kernel.ts";

/** A key of the policy, step by step. */
export type PolicyKey = readonly (string | number)[];

export type {
  CheckAddress,
  Condition,
  ListenAddress,
  Opening,
  ReadyCheck,
  RestartPolicy,
  ShutdownStep,
  SignalsPolicy,
  UserAndGroup,
} from "../policy/types.ts";
export { PEER } from "../policy/types.ts";

/** The program of the command line; undefined when it names none. */
export type CommandLine = { readonly program: Uint8Array; readonly arguments: Arguments } | undefined;

/** A descriptor of PID 1, an inherited one by its number or an opened one by its name, and the program's number for it. */
export interface Pass {
  readonly from: number | string;
  readonly to: number;
}

/** How one service's program is started. A key that is absent leaves the program with fdinit's own value. */
export interface Launch {
  readonly service: string;
  /** As written: a path, or a name to be found in PATH. */
  readonly program: Uint8Array;
  readonly arguments: Arguments;
  readonly environment: Readonly<Record<string, string>>;
  /** Inherited variables that it does not get. */
  readonly withoutVariables?: readonly string[];
  /** The variable that holds its own pid. */
  readonly pidVariable?: string;
  readonly cwd?: string;
  readonly pass: readonly Pass[];
  /** The program's standard input is /dev/null instead of fdinit's own. */
  readonly devNullAsStdin: boolean;
  readonly group?: "own" | "session";
  /** PID 1's descriptor of the cgroup that it begins in (cgroup.procs). Of one start, and in no plan. */
  readonly cgroupProcs?: number;
  /** The program gets the terminal on fdinit's standard input. */
  readonly terminal?: boolean;
  readonly user?: UserAndGroup;
  readonly groups?: readonly string[];
  readonly umask?: number;
  readonly nice?: number;
  readonly oomScoreAdj?: number;
  readonly limits?: readonly ProgramLimit[];
  readonly capabilities?: CapabilitiesPolicy;
  readonly noNewPrivileges?: boolean;
  readonly parentDeathSignal?: number;
  /** Files of variables, read at each start; `environment` wins over them. */
  readonly environmentFiles?: readonly string[];
  /** Of the standard streams 1 and 2, those that are /dev/null instead of fdinit's own. */
  readonly devNullOutputs?: readonly number[];
}

/** How ranges of descriptors are closed or marked. */
export interface Sweep {
  readonly ranges: readonly FdRange[];
  /** The ways to try, in this order, until one works. */
  readonly rungs: readonly Rung[];
  /** Where trying every number ends. */
  readonly scanLimit: number;
  /** Numbers from `scanLimit` up may be missed (a warning of the plan says so). False: the launch fails instead. */
  readonly mayMiss: boolean;
}

export type Step =
  /** Close every descriptor of the ranges in PID 1. */
  | ({ readonly do: "close" } & Sweep)
  /** Mark every descriptor of the ranges: it stays in PID 1 and reaches no child. */
  | ({ readonly do: "cloexec" } & Sweep)
  /** Put /dev/null in the place of a descriptor, in PID 1 (CLOEXEC; the launch hands it on). */
  | { readonly do: "devnull"; readonly fd: number }
  /** Put /dev/null at a number so that no other file gets it: a thread of the engine may still write to it. */
  | { readonly do: "occupy"; readonly fd: number }
  | { readonly do: "nofile"; readonly limit: ResourceLimit }
  /** Required: fdinit does not start where the kernel cannot make it one. */
  | { readonly do: "subreaper"; readonly isRequired: boolean }
  /** Open a descriptor in PID 1 under a name, CLOEXEC. */
  | { readonly do: "open"; readonly name: string; readonly what: Opening }
  /** Mark a descriptor that PID 1 keeps and the program does not get, or gets under another number only. */
  | { readonly do: "hide"; readonly fd: number }
  | { readonly do: "spawn"; readonly launch: Launch }
  /** Give up PID 1's copy of what the program now has: an inherited one by number, an opened one by name. */
  | { readonly do: "drop"; readonly fd: number | string }
  /** Give up PID 1's capabilities but these, for good. */
  | { readonly do: "dropPrivileges"; readonly keep: readonly number[] };

/** A keep-alive token that is out: end of file at `fd` says that its last holder is gone. */
export interface Token {
  readonly name: string;
  readonly fd: number;
}

/** A pipe the service was given. */
export interface GivenPipe {
  /** The number the service has it at. */
  readonly to: number;
  readonly name?: string;
  /** The text of its link, `pipe:[123]`. */
  readonly link: string;
}

/** The parts of the policy by which supervision handles the running service and the container's end. */
export interface Supervision {
  readonly service: string;
  readonly signals: SignalsPolicy;
  /** The service has a process group of its own. */
  readonly hasOwnGroup: boolean;
  /** The service was given the terminal. */
  readonly hasTerminal: boolean;
  /**
   * The service has a process group only because fdinit gave it one, and must not notice a difference. So fdinit
   * gives it the terminal when it reads from it, and continues it after a stop that the kernel would not have
   * carried out in fdinit's own, orphaned group.
   */
  readonly isJob: boolean;
  readonly restart: RestartPolicy;
  readonly shutdown: ShutdownPolicy;
  readonly reaping: Pick<ReapingPolicy, "orphans" | "waitMs" | "log">;
  readonly exitMap: ReadonlyMap<number, number>;
  readonly report?: string;
}

export interface Plan {
  readonly steps: readonly Step[];
  /** The steps of each further start; empty when the service is never started again. */
  readonly again: readonly Step[];
  readonly supervision: Supervision;
  /** Warnings: a person should know them, and the start goes on. */
  readonly warnings: readonly Remark[];
}

/** A sentence for a person, and the key of the policy that decided it, if one did. */
export interface Remark {
  readonly message: string;
  readonly at?: PolicyKey;
}

/** One of several services. */
export interface PlannedService {
  readonly name: string;
  /** The steps of each of its starts: open what it alone is given, spawn, close PID 1's copies. */
  readonly start: readonly Step[];
  /** The names that it is given of what PID 1 keeps open. */
  readonly uses: readonly string[];
  /** How the command of its readiness check is started. */
  readonly check?: Launch;
}

/** The parts of the policy by which several services are supervised. */
export interface ServicesSupervision {
  readonly services: readonly SupervisedService[];
  readonly shutdown: ShutdownPolicy;
  readonly reaping: Supervision["reaping"];
  readonly exitMap: ReadonlyMap<number, number>;
  readonly lines: NonNullable<LogPolicy["services"]>;
  readonly control?: ControlPolicy;
  readonly report?: string;
}

export interface SupervisedService
  extends Pick<Service, "name" | "type" | "restart" | "essential" | "signals"> {
  readonly dependsOn: ReadonlyMap<string, Condition>;
  readonly ready?: ReadyCheck;
  readonly watchdogMs?: number;
  /** Undefined: the signal that began the shutdown, as `signals.rewrite` has it. */
  readonly stop?: readonly ShutdownStep[];
  readonly reload?: number;
}

export interface ServicesPlan {
  /** The steps before any service starts. */
  readonly steps: readonly Step[];
  readonly services: readonly PlannedService[];
  readonly supervision: ServicesSupervision;
  readonly warnings: readonly Remark[];
}

/** Why nothing was started. cli/ turns `code` into the exit code. */
export interface Refusal extends Remark {
  readonly code: "descriptor" | "command-line";
}

export type PlanResult =
  | { readonly ok: true; readonly plan: Plan }
  | {
      readonly ok: false;
      readonly refusals: readonly Refusal[];
      /** The first refusal's, which decides the exit code. */
      readonly code: Refusal["code"];
    };
