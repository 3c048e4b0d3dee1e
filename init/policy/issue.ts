// The complaints about a policy: a closed union of codes with positions. Types only; wording/ makes texts of them.

export type PolicyIssueCode =
  // the file and its bytes
  | "cannot-read"
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
  | "bad-value"
  // warnings of check
  | "rule-never-matches"
  | "opened-for-nobody"
  | "wrong-end"
  | "relative-path"
  // both parsers
  | "parsers-disagree";

/** One complaint. Positions count from 1, columns in UTF-16 units; absent when nothing can be pointed at. */
export interface PolicyIssue {
  readonly code: PolicyIssueCode;
  /** The mistake, in one line without a full stop. May hold text of the policy: escape before printing. */
  readonly message: string;
  /** JSON pointer (RFC 6901) of the key or value; "" is the whole policy. */
  readonly pointer: string;
  /** The same for people: `services.app.command[0]`; "" is the whole policy. */
  readonly path: string;
  readonly line?: number;
  readonly column?: number;
  /** UTF-16 units to underline, from `column`, on that line. */
  readonly length?: number;
  /** The values that would have been accepted: `one of: close, keep`, `a number, "inherit" or "max"`. */
  readonly expected?: string;
  /** The known key that was probably meant, as a path from the top when it belongs elsewhere. */
  readonly nearest?: string;
  /** How to mend the mistake, in one sentence. */
  readonly hint?: string;
  /** A key or value that is accepted, as it would be written, and the JSON pointer of what it takes the place of. */
  readonly suggestion?: { readonly pointer: string; readonly text: string; readonly on: "key" | "value" };
}
