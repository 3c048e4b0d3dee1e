// Every code of a complaint, with what it means and what to do: the text of `fdinit help CODE` and of docs/messages.md. A
// code never changes its meaning; tools may go by it.

import type { PolicyIssueCode } from "../../policy/issue.ts";

export interface Explained {
  readonly means: string;
  readonly remedy: string;
  /** A policy, or a part of one, that gets the complaint. */
  readonly wrong?: string;
  readonly right?: string;
}

export const MESSAGES: Readonly<Record<PolicyIssueCode, Explained>> = {
  "cannot-read": {
    means: "The policy cannot be opened or read.",
    remedy: "The message has the kernel's reason. A folder is no policy: name the file in it.",
  },
  "too-large": {
    means: "The policy has more than 1 MiB.",
    remedy: "No policy needs that much: is it the right file?",
  },
  "not-utf8": {
    means: "The policy is not UTF-8, or holds a control character that YAML forbids.",
    remedy: "Save it as UTF-8.",
  },
  empty: {
    means: "The policy holds nothing.",
    remedy: "A policy starts with `version: 1`.",
    right: "version: 1",
  },
  "yaml-syntax": {
    means: "The text is no YAML. Nothing else is looked at until it is.",
    remedy: "Look at the place and at the line before it: an indentation, a missing quote or bracket.",
    wrong: "version: 1\nfds: {",
    right: "version: 1\nfds: {}",
  },
  "duplicate-key": {
    means: "A key stands twice in one mapping. Parsers differ in which of them wins, so neither does.",
    remedy: "Keep one of them.",
    wrong: "version: 1\nlog: {}\nlog: {}",
    right: "version: 1\nlog: {}",
  },
  "several-documents": {
    means: "The file holds more than one YAML document (`---`).",
    remedy: "A policy is one document: one file each.",
    wrong: "version: 1\n---\nversion: 1",
    right: "version: 1",
  },
  "too-many-aliases": {
    means: "Aliases repeat more than 100 times, or make the policy too large.",
    remedy: "Write it out.",
  },
  "too-deep": {
    means: "Lists and mappings lie in each other more than 100 deep.",
    remedy: "No policy does: is it the right file?",
  },
  "unsupported-yaml": {
    means: "YAML that policies do not use: a tag, a directive, a merge key, a key that is a list or mapping.",
    remedy: "Write it out. For what several places share use an anchor below a key that begins with `x-`.",
    wrong: "version: 1\nlog: !!map {}\nintent: !secret x",
    right: "version: 1\nlog: {}",
  },
  "unknown-variable": {
    means: "`${NAME}` names an environment variable that is not set.",
    remedy: "Set it, give a default (`${NAME:-8080}`), or write `$${NAME}` for the text itself.",
    wrong: "version: 1\nreport: ${NOT_SET_ANYWHERE}",
    right: "version: 1\nreport: ${NOT_SET_ANYWHERE:-none}",
  },
  "bad-variable": {
    means: "`${` begins something that is no variable.",
    remedy: "Write `${NAME}` or `${NAME:-default}`; `$$` is a dollar sign.",
    wrong: 'version: 1\nreport: "/${not a name}"',
    right: 'version: 1\nreport: "/$${not a name}"',
  },
  "unknown-key": {
    means:
      "The key is not part of the language at this place. Keys are never ignored: a mistyped one would do nothing in silence.",
    remedy:
      "Take one of those listed. `fdinit help KEY` explains a key. Keys of the top level that begin with `x-` are free.",
    wrong: "version: 1\nfds: { inherited: { defualt: close } }",
    right: "version: 1\nfds: { inherited: { default: close } }",
  },
  "missing-key": {
    means: "A key that has to be there is not.",
    remedy: "Add it.",
    wrong: "intent: security",
    right: "version: 1\nintent: security",
  },
  "wrong-type": {
    means:
      "The value is of another type: a text where a list or a mapping is meant, a number where a text is.",
    remedy: "Write it as the message shows.",
    wrong: "version: 1\nservices: { app: { restart: always } }",
    right: "version: 1\nservices: { app: { restart: { policy: always } } }",
  },
  "not-one-of": {
    means: "The value is none of the words that the key takes.",
    remedy: "Take one of those listed.",
    wrong: "version: 1\nlog: { level: loud }",
    right: "version: 1\nlog: { level: debug }",
  },
  "bad-pattern": {
    means: "The text does not have the form of this key: a duration, a signal, an octal mode, a name.",
    remedy: "Write it as the message shows.",
    wrong: "version: 1\nshutdown: { budget: 1m30s }",
    right: "version: 1\nshutdown: { budget: 90s }",
  },
  "out-of-range": {
    means: "The number is too small or too large.",
    remedy: "Take one within the bounds that the message names.",
    wrong: "version: 1\nservices: { app: { nice: 40 } }",
    right: "version: 1\nservices: { app: { nice: 19 } }",
  },
  "too-few": {
    means: "A list or mapping is empty that must not be.",
    remedy: "Add an entry, or remove the key.",
    wrong: "version: 1\nservices: {}",
    right: "version: 1\nservices: { app: {} }",
  },
  "unsupported-version": {
    means: "The policy is of another version of the language.",
    remedy: "This fdinit knows version 1.",
    wrong: "version: 2",
    right: "version: 1",
  },
  "bad-value": {
    means:
      "The value has the right form and means nothing usable here: a port that does not exist, a name that nothing gives, steps that take longer than the budget.",
    remedy: "The message says why.",
    wrong: "version: 1\nshutdown: { budget: 5s, steps: [{ signal: TERM, wait: 10s }, { signal: KILL }] }",
    right: "version: 1\nshutdown: { budget: 15s, steps: [{ signal: TERM, wait: 10s }, { signal: KILL }] }",
  },
  "rule-never-matches": {
    means: "A warning: rules before this one take every descriptor that it could match.",
    remedy: "Remove it, or move it up: the first rule that matches decides.",
  },
  "opened-for-nobody": {
    means:
      "A warning: PID 1 opens the descriptor, and no service is given it. It only keeps an address or a file busy.",
    remedy: "Name it in the service's fds.pass, or remove it. With `hold: true` it is meant.",
  },
  "wrong-end": {
    means:
      "A warning: a service's standard stream can only be used the other way. stdin is a pipe's end, or a file, that is written to, or an output is one that is read from: every read or write fails.",
    remedy: "The other end of a pipe NAME is NAMEPeer; of a file, `access` says which way it is opened.",
  },
  "relative-path": {
    means: "A warning: /proc shows absolute paths, and a pattern that begins otherwise matches none of them.",
    remedy: "Begin it with / or with **.",
  },
  "parsers-disagree": {
    means: "fdinit's two YAML parsers read the text differently.",
    remedy: "Put the text in quotes, and please report it.",
  },
};

/** Codes of what `check` warns of and a start does not refuse. */
export const WARNINGS: readonly PolicyIssueCode[] = [
  "rule-never-matches",
  "opened-for-nobody",
  "wrong-end",
  "relative-path",
];

/** Codes of refusals of a start, as `plan --json` has them, and of launches that failed. Each message ends with its code. */
export const START_MESSAGES: Readonly<Record<string, Explained & { readonly exit: number }>> = {
  "command-line": {
    exit: 64,
    means: "Nothing says what to run, or the command line and the policy contradict each other.",
    remedy: "Write the program behind fdinit's options, or `services.NAME.command` in the policy.",
  },
  kernel: {
    exit: 70,
    means: "The kernel refused fdinit something that the start needs: a descriptor of fds.open, a limit.",
    remedy:
      "The message names the key, the call and the error. `fdinit doctor --policy FILE` says what this place allows.",
  },
  descriptor: {
    exit: 77,
    means:
      "A descriptor was inherited that the policy refuses or cannot judge, or one that it expects is not there.",
    remedy:
      "`fdinit plan` lists every inherited descriptor with what is decided about it and why. Mend the launcher, or add a rule.",
  },
  "cannot-start": {
    exit: 126,
    means: "A step before the program failed: its user, groups, limits, capabilities or working directory.",
    remedy:
      "The message names the step, the call and the error. EPERM and EACCES mean a missing capability, most often.",
  },
  "not-executable": {
    exit: 126,
    means: "The program was found and cannot be executed.",
    remedy:
      "chmod +x; a mount without noexec; the interpreter in its first line; a program for this machine and libc.",
  },
  "not-found": {
    exit: 127,
    means: "The program was not found.",
    remedy: "Check the path in the image, and PATH. A command with arguments is a list, not one text.",
  },
};
