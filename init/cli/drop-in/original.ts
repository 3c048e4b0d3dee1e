// The types of a drop-in: what another init's command line asks for, as data; and the parts that the three drop-ins
// share. Each drop-in has a file of its own that reads its options.

import type { LaunchFailure } from "../../launch/result.ts";
import { defaultPolicy } from "../../policy/meaning/defaults.ts";
import type { Environment, Policy, SignalsPolicy } from "../../policy/types.ts";
import type { ChildEnd } from "../../sys/kernel.ts";
import {
  NSIG,
  SIGABRT,
  SIGBUS,
  SIGFPE,
  SIGILL,
  SIGSEGV,
  SIGSYS,
  SIGTRAP,
  SIGTTIN,
  SIGTTOU,
} from "../../sys/libc/constants.ts";

/** The input of a drop-in's reading of its command line. */
export interface OriginalInput {
  /** The command line's words, argv[0] included. */
  readonly argv: readonly string[];
  readonly environment: Environment;
  readonly pid: number;
}

/** The request of the command line. */
export type Reading = EarlyExit | Pause | Start;

/** A text, and the end. */
export interface EarlyExit {
  readonly do: "end";
  readonly stdout?: string;
  readonly stderr?: string;
  readonly code: number;
}

/** Holds a pod's namespaces and reaps, until one of these signals comes. */
export interface Pause {
  readonly do: "pause";
  readonly until: readonly number[];
}

export interface Start {
  readonly do: "start";
  readonly policy: Policy;
  /** Indexes in argv of the program and its arguments. */
  readonly words: readonly number[];
  /** Said before the program starts. */
  readonly stderr?: string;
  /** The same, when fdinit is neither PID 1 nor a subreaper: orphans will not come to it. */
  readonly withoutOrphans?: string;
  /** fdinit itself gets it when its parent dies. */
  readonly parentDeathSignal?: number;
  /** fdinit goes to "/" once the program runs, so that it keeps no mount busy. */
  readonly leavesDirectory?: true;
  /** How a program that could not be started is told of. */
  failed(failure: LaunchFailure): { readonly stderr: string; readonly code: number };
  readonly teller?: Teller;
}

/** The words for each event of a drop-in's -v; an absent function writes nothing. */
export interface Teller {
  /** The program runs. `terminal`: it was given the terminal. */
  started?(pid: number, program: string, terminal: boolean): string | Told;
  /** A signal other than SIGCHLD came. */
  received?(signal: number): string | Told;
  /** A signal was sent on. */
  sent?(signal: number): string | Told;
  /** fdinit is about to stop itself. */
  suspending?(): string | Told;
  /** SIGCHLD: there is a child, or several, to look at. */
  childrenChanged?(): string | Told;
  reaped?(end: ChildEnd, isProgram: boolean): string | Told;
  leaving?(code: number): string | Told;
}

/** Text on standard output. A plain string is for standard error. */
export interface Told {
  readonly stdout: string;
}

const FAULTS = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS];

/** Every signal but faults and the terminal's stop signals, as tini and catatonit forward them. */
export const ALL_BUT_FAULTS: readonly number[] = Array.from({ length: NSIG }, (_, index) => index + 1).filter(
  (signal) => !FAULTS.includes(signal) && signal !== SIGTTIN && signal !== SIGTTOU,
);

/** Every inherited descriptor goes on to the program; fdinit exits with it. */
export function policyFor(
  signals: Partial<SignalsPolicy>,
  more: {
    readonly exitMap?: ReadonlyMap<number, number>;
    readonly setsid?: boolean;
    readonly foreground?: boolean;
    readonly subreaper?: Policy["reaping"]["subreaper"];
  },
): Policy {
  const policy = defaultPolicy("simplicity", {
    name: undefined,
    written: undefined,
    intentFromOption: true,
  });
  const { exitMap = policy.exitMap, setsid = false, foreground = false, subreaper = "never" } = more;
  const [service] = policy.services;
  return {
    ...policy,
    services: [{ ...service, protocol: "repair", setsid, signals: { ...service.signals, ...signals } }],
    // Without one or the other the program stays in the group of the init, as the original's does.
    tty: foreground ? "foreground" : setsid ? "auto" : "none",
    // Every signal is the program's; none begins a shutdown of fdinit's own.
    shutdown: { ...policy.shutdown, on: [] },
    reaping: { ...policy.reaping, subreaper },
    exitMap,
    log: { ...policy.log, level: "error" },
  };
}

/** The MIT licence in short, for an option that shows a licence. */
export function licence(original: string, version: string): string {
  return `This is fdinit ${version}, standing in for ${original}: a program of its own, without any of ${original}'s code.

fdinit is free software under the MIT licence: it may be used, copied, modified, merged, published,
distributed, sublicensed and sold, provided that its copyright notice and the permission notice stay
with it. It comes without warranty of any kind. The text is in the file LICENSE of its source.
`;
}
