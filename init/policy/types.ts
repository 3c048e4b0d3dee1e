// The resolved policy and the complaints about one that cannot be resolved. Types only, and the few
// constants they need: nothing here runs. Field names are the schema's keys; a key that this version
// does not act on has no field yet, and is added here when it is removed from supported.ts.

import type { Rung } from "../sys/facts.ts";
import type { Access, Family, Kind, SocketType } from "../sys/kinds.ts";

/** Fills every key left unset. */
export type Intent = "security" | "performance" | "simplicity";

/** What happens to an inherited descriptor. */
export type InheritedAction = "close" | "cloexec" | "keep" | "refuse" | "devnull";

/** The highest descriptor number there can be; an open-ended range such as `7-` ends here. */
export const LAST_FD = 0x7fffffff;

/** Both ends belong to the range. */
export interface FdRange {
  readonly from: number;
  readonly to: number;
}

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
  /** Its place in the policy's list; undefined for a rule that the intent adds behind them. */
  readonly index?: number;
}

export interface InheritedPolicy {
  /** For descriptors from 3 up that no rule matches. 0, 1 and 2 are kept unless a rule names them. */
  readonly default: InheritedAction;
  readonly rules: readonly InheritedRule[];
  /** Names that must have arrived, and nothing that no rule names besides. Empty: nothing is expected. */
  readonly expect: readonly string[];
}

export interface FdsPolicy {
  readonly inherited: InheritedPolicy;
  /** `auto`: the best rung that works. Any other: that one, or nothing starts. */
  readonly method: "auto" | Rung;
  /** A look at every number ends below this one. */
  readonly scanLimit: number;
}

/** A written limit. `max` as soft limit is the hard limit; as hard limit it is the inherited one. */
export type NofileLimit = number | "inherit" | "max";

/** Only ever an intent's doing: lower the inherited soft limit to this when it is above, else leave it. */
export interface NofileCeiling {
  readonly atMost: number;
}

export interface LimitsPolicy {
  readonly nofile: {
    readonly soft: NofileLimit | NofileCeiling;
    readonly hard: NofileLimit;
  };
}

export interface Service {
  readonly name: string;
  /** Never empty. Undefined: the command line must give it. */
  readonly command: readonly string[] | undefined;
  readonly type: "default";
  /** Undefined: fdinit's own working directory. */
  readonly cwd: string | undefined;
  /** Set on top of the environment fdinit was started with. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: "inherit" | "devnull";
  readonly essential: true;
}

export type LogLevel = "error" | "warn" | "info" | "debug";

export interface LogPolicy {
  readonly level: LogLevel;
  readonly format: "text";
}

/** Complete: every key this version acts on has its value. */
export interface Policy {
  readonly version: 1;
  readonly intent: Intent;
  readonly fds: FdsPolicy;
  readonly limits: LimitsPolicy;
  /** Exactly one today. Without `services` in the policy it is called `main` and has no command. */
  readonly services: readonly [Service, ...Service[]];
  readonly log: LogPolicy;
  /** Where it came from, for reports; `describeOrigins` reads it. */
  readonly source: PolicyOrigin;
}

/** Who gave a key its value: the policy's text, the intent's table, the same default for all, or an option. */
export type Origin = "policy" | "intent" | "default" | "option";

export interface PolicyOrigin {
  /** The file's path or the embedded policy's name; undefined for the built-in policy. */
  readonly name: string | undefined;
  /** What the text said, after variables were replaced; undefined for the built-in policy. */
  readonly written: Readonly<Record<string, unknown>> | undefined;
  /** True when an option decided the intent, over whatever the policy says. */
  readonly intentFromOption: boolean;
}

/** What `loadPolicy` reads. */
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

export type PolicyIssueCode =
  // the bytes
  | "too-large"
  | "not-utf8"
  | "empty"
  // the YAML
  | "yaml-syntax"
  | "duplicate-key"
  | "several-documents"
  | "too-many-aliases"
  | "too-deep"
  | "unsupported-yaml"
  // the variables
  | "unknown-variable"
  | "bad-variable"
  // the shape
  | "unknown-key"
  | "missing-key"
  | "wrong-type"
  | "not-one-of"
  | "bad-pattern"
  | "out-of-range"
  | "too-few"
  | "unsupported-version"
  // the meaning
  | "unsupported-key"
  | "unsupported-value"
  | "bad-value"
  | "rule-never-matches"
  // both parsers
  | "parsers-disagree";

/** One complaint. Positions count from 1, columns in UTF-16 units; absent when nothing can be pointed at. */
export interface PolicyIssue {
  readonly code: PolicyIssueCode;
  /** What is wrong, in one line without a full stop. May hold text of the policy: escape before printing. */
  readonly message: string;
  /** JSON pointer (RFC 6901) of the key or value; "" is the whole policy. */
  readonly pointer: string;
  /** The same for people: `services.app.command[0]`; "" is the whole policy. */
  readonly path: string;
  readonly line?: number;
  readonly column?: number;
  /** UTF-16 units to underline, from `column`, on that line. */
  readonly length?: number;
  /** What would have been accepted: `one of: close, keep`, `a number, "inherit" or "max"`. */
  readonly expected?: string;
  /** The known key that was probably meant, as a path from the top when it belongs elsewhere. */
  readonly nearest?: string;
  /** What to do about it, in one sentence. */
  readonly hint?: string;
}
