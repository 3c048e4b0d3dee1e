// The resolved policy and the complaints about one that cannot be resolved. Types only, and the few
// constants they need: nothing here runs. Field names are the schema's keys.

import type { Access, Family, Kind, SocketType } from "../sys/descriptors/kinds.ts";
import type { FdRange, Rung } from "../sys/facts.ts";
import type { PolicyIssue } from "./issue.ts";

/** Fills every key left unset. */
export type Intent = "security" | "performance" | "simplicity";

/** The actions for an inherited descriptor. */
export type InheritedAction = "close" | "cloexec" | "keep" | "refuse" | "devnull";

/** The highest descriptor number there can be; an open-ended range such as `7-` ends here. */
export const LAST_FD = 0x7fffffff;

/** Ascending, disjoint, never adjacent, never empty. */
export type FdSet = readonly FdRange[];

/** Which descriptors a rule is about. */
export interface InheritedMatch {
  /** Undefined: every number from 3 up. */
  readonly fd?: FdSet;
  readonly kind?: readonly Kind[];
  /** Patterns: `*` within one component, `**` across. */
  readonly path?: readonly string[];
  readonly access?: readonly Access[];
  readonly family?: readonly Family[];
  readonly type?: readonly SocketType[];
  readonly listening?: boolean;
  /** `host:port` with `*` for either, `[…]:port`, `unix:/path`, `unix:@name`. */
  readonly address?: readonly string[];
  readonly outsideRoot?: boolean;
  readonly deleted?: boolean;
  readonly foreignNetwork?: boolean;
  /** From LISTEN_FDNAMES. */
  readonly name?: string;
}

/** The first rule that matches a descriptor decides. */
export interface InheritedRule {
  readonly match: InheritedMatch;
  readonly action: InheritedAction;
  /** The number the program gets it under, when it is kept. */
  readonly as?: number;
  readonly name?: string;
  /** The rule's index in the policy's list; undefined for a rule that the intent adds behind them. */
  readonly index?: number;
}

export interface InheritedPolicy {
  /** For descriptors from 3 up that no rule matches. 0, 1 and 2 are kept unless a rule names them. */
  readonly default: InheritedAction;
  readonly rules: readonly InheritedRule[];
  /** Names of descriptors that must have arrived. A descriptor that no rule of the policy is about must not have arrived then. Empty: not checked. */
  readonly expect: readonly string[];
}

export type ListeningType = "stream" | "dgram" | "seqpacket";

/** `dual`: IPv6 with IPv4 on the same socket. A Unix path that begins with `@` is an abstract name. */
export type ListenAddress =
  | { readonly family: "inet" | "inet6" | "dual"; readonly host: readonly number[]; readonly port: number }
  | { readonly family: "unix"; readonly path: string };

/** A user and a group as they are written: names, or numbers as text. */
export interface UserAndGroup {
  readonly user: string;
  readonly group?: string;
}

/** A descriptor that PID 1 opens itself. */
export type Opening =
  | {
      readonly open: "listen";
      /** The address as it is written. */
      readonly written: string;
      readonly address: ListenAddress;
      readonly type: ListeningType;
      readonly backlog: number;
      readonly reusePort: boolean;
      readonly mode: number;
      readonly owner?: UserAndGroup;
    }
  | {
      readonly open: "file";
      readonly path: string;
      readonly access: "read" | "write" | "readWrite" | "append";
      readonly mode: number;
      readonly owner?: UserAndGroup;
    }
  | { readonly open: "token" }
  /** `end` has the name; the other end has it with `Peer` appended. */
  | { readonly open: "pipe"; readonly end: "read" | "write" }
  | { readonly open: "socketpair"; readonly type: ListeningType }
  | { readonly open: "memfd"; readonly content: { readonly text: string } | { readonly file: string } }
  | { readonly open: "devnull" };

/** The other end of a pipe or socket pair has its name with this appended. */
export const PEER = "Peer";

export interface OpenPolicy {
  readonly name: string;
  /** PID 1 keeps its copy, and every start of a service gets the same. */
  readonly hold: boolean;
  readonly what: Opening;
}

/** The names that an opening gives: one, or both ends. */
export function namesOf({ name, what }: OpenPolicy): string[] {
  return what.open === "pipe" || what.open === "socketpair" ? [name, `${name}${PEER}`] : [name];
}

export interface FdsPolicy {
  readonly inherited: InheritedPolicy;
  readonly open: readonly OpenPolicy[];
  /** `auto`: the best rung that works. Any other: that one, or nothing starts. */
  readonly method: "auto" | Rung;
  /** A look at every number ends below this one. */
  readonly scanLimit: number;
}

/** A written limit. `max` as soft limit is the hard limit; as hard limit it is the inherited one. */
export type NofileLimit = number | "inherit" | "max";

/** Set by an intent only: lowers an inherited soft limit that is above this number to it. */
export interface NofileCeiling {
  readonly atMost: number;
}

export interface LimitsPolicy {
  readonly nofile: {
    readonly soft: NofileLimit | NofileCeiling;
    readonly hard: NofileLimit;
  };
}

/** A name of `fds` with the number the service finds it at, or the variable that is to hold a number of fdinit's choice. */
export interface PassPolicy {
  readonly name: string;
  readonly as: number | { readonly variable: string };
}

/** `repair`: the variables stay as they are, and LISTEN_PID becomes the program's own where it was fdinit's. */
export type Protocol = "auto" | "none" | "systemd" | "repair";

export interface RestartPolicy {
  readonly policy: "never" | "onFailure" | "always";
  readonly backoff: { readonly leastMs: number; readonly mostMs: number };
  /** Each pause is lengthened by at most this share of itself, so that services that failed together are not started together. */
  readonly jitter?: number;
  readonly limit: { readonly count: number; readonly withinMs: number };
  readonly onLimit: "exit" | "stop";
}

/** A numeric address that a check connects to: PID 1 asks no name server. */
export interface CheckAddress {
  readonly family: "inet" | "inet6";
  readonly host: readonly number[];
  readonly port: number;
}

/** How fdinit learns that a service is ready. A check is repeated every `periodMs`; after `timeoutMs` in all the service has failed, without them never. */
export type ReadyCheck = { readonly periodMs: number; readonly timeoutMs: number | undefined } & (
  | { readonly by: "notify"; readonly fd: number }
  | { readonly by: "sdNotify" }
  /** `written` is the address as the policy has it; the addresses are tried in their order. */
  | { readonly by: "tcp"; readonly written: string; readonly addresses: readonly CheckAddress[] }
  | {
      readonly by: "http";
      readonly written: string;
      readonly addresses: readonly CheckAddress[];
      /** The value of the header Host. */
      readonly host: string;
      /** With the query; begins with a slash. */
      readonly path: string;
    }
  | { readonly by: "exec"; readonly command: readonly string[] }
  | { readonly by: "file"; readonly path: string }
);

/** The receiver of a signal: the service's first process, its process group, or every process of the container. */
export type SignalReceiver = "process" | "group" | "all";

export interface SignalsPolicy {
  readonly forward: "all" | readonly number[];
  readonly to: SignalReceiver;
  /** Signal number to signal number, or to nothing. */
  readonly rewrite: ReadonlyMap<number, number | "ignore">;
  readonly delayMs: ReadonlyMap<number, number>;
  /** fdinit stops itself (SIGSTOP) behind each of these, whatever the service does with it. */
  readonly suspendOn?: readonly number[];
  /** The signal to processes that are left in the service's own process group when the service has ended. */
  readonly farewell?: number;
}

/** Capability numbers of <linux/capability.h>. */
export interface CapabilitiesPolicy {
  readonly keep: readonly number[];
  readonly ambient: readonly number[];
}

/** How far a service must have come before another one is started. */
export type Condition = "started" | "ready" | "completed";

export interface Service {
  readonly name: string;
  /** Never empty. Undefined: the command line must give it. */
  readonly command: readonly string[] | undefined;
  /** A oneshot is expected to end with code 0, and counts as completed then. */
  readonly type: "service" | "oneshot";
  /** Services by name that come first; undefined: none. */
  readonly dependsOn?: ReadonlyMap<string, Condition>;
  /** Undefined: fdinit's own. */
  readonly user?: UserAndGroup;
  /** Supplementary groups as they are written; undefined: those of the user (initgroups(3)). */
  readonly groups?: readonly string[];
  /** Undefined: fdinit's own working directory. */
  readonly cwd: string | undefined;
  readonly umask?: number;
  /** Set on top of the environment fdinit was started with, and of what `envFile` gives. */
  readonly env: Readonly<Record<string, string>>;
  /** Files of variables, read at each start; later ones win. */
  readonly envFile?: readonly string[];
  /** Undefined: every inherited descriptor that a rule keeps. */
  readonly pass: readonly PassPolicy[] | undefined;
  readonly protocol: Protocol;
  /** `inherit`, `devnull`, or a name of `fds`. */
  readonly stdin: string;
  /** The same, for standard output and standard error. Undefined: fdinit's own. */
  readonly stdout?: string;
  readonly stderr?: string;
  readonly restart: RestartPolicy;
  /** How it is stopped when it says so itself; undefined: as `shutdown.steps` has it. */
  readonly stop?: readonly ShutdownStep[];
  /** The signal that asks it to read its configuration again; undefined: SIGHUP. */
  readonly reload?: number;
  readonly signals: SignalsPolicy;
  readonly setsid: boolean;
  readonly limits?: LimitsPolicy;
  readonly noNewPrivileges: boolean;
  readonly capabilities?: CapabilitiesPolicy;
  readonly nice?: number;
  readonly oomScoreAdj?: number;
  readonly parentDeathSignal?: number;
  /** Its end ends the container, with its code. */
  readonly ready?: ReadyCheck;
  /** A WATCHDOG=1 has to come this often (sd_notify(3)). */
  readonly watchdogMs?: number;
  readonly essential: boolean;
  /** The keys for a command of the command line that takes the place of the service's own; undefined: those of COMMAND_LINE. */
  readonly override?: { readonly stdin?: string; readonly restart?: RestartPolicy };
}

export interface ShutdownStep {
  readonly signal: number;
  /** Undefined: for as long as it takes. */
  readonly waitMs: number | undefined;
  /** `wait: none` is written. With several services a step without any wait has a share of the budget instead. */
  readonly isPatient?: true;
}

export interface ShutdownPolicy {
  /** The signals that start it. */
  readonly on: readonly number[];
  /** The most that all of it may take; undefined: no bound but the engine's. */
  readonly budgetMs: number | undefined;
  /** Empty: the signal that came, rewritten, and nothing more. */
  readonly steps: readonly ShutdownStep[];
}

/** How one of several services is stopped: its own `stop`, else `shutdown.steps`; undefined: the shutdown's signal. */
export function stopSteps(
  { stop }: Pick<Service, "stop">,
  { steps }: Pick<ShutdownPolicy, "steps">,
): readonly ShutdownStep[] | undefined {
  return stop ?? (steps.length > 0 ? steps : undefined);
}

export interface ReapingPolicy {
  readonly subreaper: "auto" | "always" | "never";
  readonly orphans: "terminate" | "wait" | "leave";
  readonly waitMs: number;
  readonly log: "none" | "unexpected" | "all";
}

export type LogLevel = "error" | "warn" | "info" | "debug";

export interface LogPolicy {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  /** How the lines of services are passed on. `raw`: they write to fdinit's own outputs, and fdinit sees none of it. */
  readonly services: "raw" | "prefix" | "json";
}

/** How fdinit is controlled while it runs. */
export interface ControlPolicy {
  /** An absolute path, or `@` and an abstract name. */
  readonly socket: string;
}

/** Complete: every key this version acts on has its value. */
export interface Policy {
  readonly version: 1;
  readonly intent: Intent;
  readonly fds: FdsPolicy;
  readonly limits: LimitsPolicy;
  /** At least one. Without `services` in the policy it is called `main` and has no command. */
  readonly services: readonly [Service, ...Service[]];
  readonly tty: "auto" | "foreground" | "none";
  readonly shutdown: ShutdownPolicy;
  readonly reaping: ReapingPolicy;
  /** A service's exit code to fdinit's. */
  readonly exitMap: ReadonlyMap<number, number>;
  readonly log: LogPolicy;
  /** Undefined: no control socket. */
  readonly control?: ControlPolicy;
  /** The file for the last line, which says which process ended and why; undefined: none. */
  readonly report: string | undefined;
  /** PID 1 gives up the privileges that nothing needs any more. */
  readonly dropPrivileges: boolean;
  /** Where it came from, for reports; `describeOrigins` reads it. */
  readonly source: PolicyOrigin;
}

/** The origin of a key's value: the policy's text, the intent's table, the same default for all, or an option. */
export type Origin = "policy" | "intent" | "default" | "option";

export interface PolicyOrigin {
  /** The file's path or the embedded policy's name; undefined for the built-in policy. */
  readonly name: string | undefined;
  /** The value that the text held, after variables were replaced; undefined for the built-in policy. */
  readonly written: Readonly<Record<string, unknown>> | undefined;
  /** True when an option decided the intent, over whatever the policy says. */
  readonly intentFromOption: boolean;
}

/** The input of `loadPolicy`. */
export interface PolicySource {
  /** Shown in complaints: a path, or the name of an embedded policy. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** An environment variable's value, or undefined when it is not set. */
export type Environment = (name: string) => string | undefined;

export interface LoadOptions {
  /** `--intent`: takes the place of the policy's own `intent`. */
  readonly intent?: Intent;
}

export type PolicyResult =
  | { readonly ok: true; readonly policy: Policy }
  | { readonly ok: false; readonly issues: readonly PolicyIssue[]; readonly text: string | undefined };
