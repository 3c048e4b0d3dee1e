// fdinit's command line as a table: subcommands, options, variables, exit codes. The words of `help`, the completions, the
// manual page and the reading of a subcommand's options all come from here; a start of a program needs none of it.

import { INTENTS, type Subcommand } from "../invocation.ts";

export interface OptionEntry {
  readonly name: string;
  readonly short?: string;
  /** The name of the option's value in help; absent: the option takes no value. */
  readonly value?: string;
  /** The only words it takes. */
  readonly choices?: readonly string[];
  readonly variable?: string;
  readonly words: string;
}

export interface SubcommandEntry {
  readonly name: Subcommand;
  /** How its operands are written. */
  readonly operands: string;
  readonly leastOperands?: number;
  readonly mostOperands: number;
  readonly options: readonly OptionEntry[];
  /** One line. */
  readonly title: string;
  /** The description in the subcommand's own help. */
  readonly words: string;
  readonly exits: string;
  readonly example: string;
}

const POLICY: OptionEntry = {
  name: "--policy",
  value: "FILE|NAME",
  variable: "FDINIT_POLICY",
  words:
    "a policy file, or the name of an embedded policy; else /etc/fdinit/policy.yaml, else the built-in one",
};
const INTENT: OptionEntry = {
  name: "--intent",
  value: "INTENT",
  choices: INTENTS,
  variable: "FDINIT_INTENT",
  words: "fills every key that the policy leaves unset, and takes the place of its own key intent",
};
const HELP: OptionEntry = { name: "--help", short: "-h", words: "says what there is to say" };
const JSON_FLAG: OptionEntry = { name: "--json", words: "the report as one JSON document" };
const COLOR: OptionEntry = {
  name: "--color",
  value: "WHEN",
  choices: ["auto", "always", "never"],
  words: "auto: on a terminal, unless NO_COLOR is set or TERM is dumb",
};

const CONTROL: OptionEntry = {
  name: "--control",
  value: "PATH|@NAME",
  variable: "FDINIT_CONTROL",
  words:
    "the control socket; else the one that the policy names: that of --policy, or the one that process 1 was started with",
};
const NO_WAIT: OptionEntry = { name: "--no-wait", words: "ends when the request is taken" };
const TIMEOUT: OptionEntry = {
  name: "--timeout",
  value: "DURATION",
  words: "how long to wait until it is done; without it, 30s",
};
const CONTROL_EXITS =
  "0 when it is done, 1 when it failed or was not done in time, 64 for a service that there is not, 69 when no control socket can be reached";

/** Before the program, or before a subcommand's name. */
export const OPTIONS: readonly OptionEntry[] = [
  POLICY,
  INTENT,
  HELP,
  { name: "--version", short: "-V", words: "the version" },
];

export const FORMATS = ["text", "json", "github", "sarif"] as const;
export const SHELLS = ["bash", "zsh", "fish"] as const;
export const SOURCES = ["supervisord", "s6", "dockerfile", "compose", "systemd"] as const;

export const COMMANDS: readonly SubcommandEntry[] = [
  {
    name: "check",
    operands: "[FILE|NAME|FOLDER...]",
    mostOperands: Number.POSITIVE_INFINITY,
    options: [
      POLICY,
      INTENT,
      {
        name: "--format",
        value: "FORMAT",
        choices: FORMATS,
        words: "text for people, json, github (annotations), sarif",
      },
      { name: "--strict", words: "a warning counts as a mistake" },
      HELP,
    ],
    title: "every complaint about policies",
    words:
      "Reads each policy as a start would, with both YAML parsers, and says everything that is wrong with it, with file, line, column and what would have been right. A folder stands for its files that end in .yaml or .yml. Without an operand: the policy that a start would find.",
    exits: "0, or 78 when something is wrong (with --strict: or warned of)",
    example: "fdinit check --strict --format github policies/",
  },
  {
    name: "run",
    operands: "SERVICE [--] [COMMAND...]",
    leastOperands: 1,
    mostOperands: Number.POSITIVE_INFINITY,
    options: [POLICY, INTENT, HELP],
    title: "one of the policy's services instead of all, or a command in its place",
    words:
      "Starts one service of a policy that has several, by itself: nothing that it depends on is started, and its end is the end of fdinit. A command takes the place of the service's own: it runs as the service's user, in its directory, with its limits, variables and descriptors, gets fdinit's standard input, and is not started again.",
    exits: "the service's own, or as a start's; 64 when the policy has no such service",
    example: "docker run -it image run web -- bash",
  },
  {
    name: "plan",
    operands: "[--] [COMMAND...]",
    mostOperands: Number.POSITIVE_INFINITY,
    options: [POLICY, INTENT, JSON_FLAG, COLOR, HELP],
    title: "what a start with the descriptors of this process would do",
    words:
      "Looks at every open descriptor, decides as a start would, and prints what would be closed, kept and opened, the steps, the shutdown against its budget, and every key with who set it. Changes nothing and runs nothing.",
    exits: "0 when it would start; 64, 77 or 78 as the start would",
    example: "fdinit plan --policy policy.yaml -- nginx -g 'daemon off;'",
  },
  {
    name: "audit",
    operands: "",
    mostOperands: 0,
    options: [
      POLICY,
      INTENT,
      { name: "--pid", value: "N", words: "the process to look at; without it, process 1" },
      JSON_FLAG,
      { name: "--suggest", words: "writes a policy that allows what was seen and starts the program" },
      COLOR,
      HELP,
    ],
    title: "the descriptors of a running process, judged",
    words:
      "Judges the open descriptors of a process as if a start had inherited them, by the policy that the running fdinit goes by, and tells what the process opened itself where that can be known. Changes nothing in that process.",
    exits: "0 when everything would be allowed, 77 when something would not, 70 when it cannot look",
    example: "fdinit audit --pid 1234 --suggest",
  },
  {
    name: "doctor",
    operands: "",
    mostOperands: 0,
    options: [POLICY, INTENT, JSON_FLAG, COLOR, HELP],
    title: "what this place lets fdinit do",
    words:
      "Looks at kernel, /proc, cgroup, seccomp, limits, capabilities and whether it is PID 1, and says of each what fdinit does about it. With a policy, whether it can be carried out here.",
    exits: "0, or 77 when the policy cannot be carried out here",
    example: "docker run --rm --entrypoint fdinit IMAGE doctor",
  },
  {
    name: "status",
    operands: "",
    mostOperands: 0,
    options: [CONTROL, POLICY, JSON_FLAG, HELP],
    title: "the services of the running fdinit",
    words:
      "Asks the control socket for every service: its state, pid, uptime, restarts, readiness, last exit and the descriptors it was given. Without a control socket it shows what /proc does, which root and fdinit's own user can see: which services have processes, and since when.",
    exits: "0, or 69 when neither the control socket nor /proc tells anything",
    example: "docker exec CONTAINER fdinit status",
  },
  {
    name: "start",
    operands: "SERVICE...",
    leastOperands: 1,
    mostOperands: Number.POSITIVE_INFINITY,
    options: [CONTROL, POLICY, NO_WAIT, TIMEOUT, HELP],
    title: "starts services that do not run",
    words:
      "Asks the running fdinit to start services, and waits until each is ready; a oneshot, until it has completed. A service that runs already is left alone.",
    exits: CONTROL_EXITS,
    example: "fdinit start worker",
  },
  {
    name: "stop",
    operands: "SERVICE...",
    leastOperands: 1,
    mostOperands: Number.POSITIVE_INFINITY,
    options: [CONTROL, POLICY, NO_WAIT, TIMEOUT, HELP],
    title: "stops services, which then stay down",
    words:
      "Asks the running fdinit to stop services in the way that the policy has for each, and waits until they have ended. A service that was stopped is started again only by `fdinit start` or `fdinit restart`.",
    exits: CONTROL_EXITS,
    example: "fdinit stop worker",
  },
  {
    name: "restart",
    operands: "SERVICE...",
    leastOperands: 1,
    mostOperands: Number.POSITIVE_INFINITY,
    options: [CONTROL, POLICY, NO_WAIT, TIMEOUT, HELP],
    title: "stops services and starts them again",
    words:
      "Asks the running fdinit to stop services and to start them again, and waits until the new start of each is ready.",
    exits: CONTROL_EXITS,
    example: "fdinit restart --timeout 1m web worker",
  },
  {
    name: "reload",
    operands: "SERVICE...",
    leastOperands: 1,
    mostOperands: Number.POSITIVE_INFINITY,
    options: [CONTROL, POLICY, HELP],
    title: "has services read their configuration again",
    words:
      "Sends each service the signal that the policy has for it to reload. Without one it is SIGHUP, which a program that has no handler for it is not sent.",
    exits:
      "0 when it is sent, 1 when a service does not run or takes no SIGHUP, 64 for a service that there is not, 69 when no control socket can be reached",
    example: "fdinit reload web",
  },
  {
    name: "signal",
    operands: "SERVICE SIGNAL",
    leastOperands: 2,
    mostOperands: 2,
    options: [CONTROL, POLICY, HELP],
    title: "sends a signal to a service",
    words:
      "Sends a signal, by name or number, to the main process of a service. `signals.rewrite` is not applied.",
    exits:
      "0 when it is sent, 1 when the service does not run, 64 for a service or a signal that there is not, 69 when no control socket can be reached",
    example: "fdinit signal web USR1",
  },
  {
    name: "health",
    operands: "",
    mostOperands: 0,
    options: [CONTROL, POLICY, { name: "--quiet", words: "prints nothing" }, HELP],
    title: "whether the container is healthy, for HEALTHCHECK and probes",
    words:
      "Healthy means that every service which is to run is ready, and every oneshot has completed. Without a control socket, ports and files that the policy checks (ready) are asked again. A program without a check is healthy while it runs.",
    exits: "0 when healthy, 1 when not or when that cannot be found out",
    example: "fdinit health --quiet",
  },
  {
    name: "convert",
    operands: "FILE|FOLDER",
    mostOperands: 1,
    options: [
      {
        name: "--from",
        value: "WHAT",
        choices: SOURCES,
        words: "what the file is; without it, by its name and text",
      },
      HELP,
    ],
    title: "a policy from another init's configuration",
    words:
      "Reads a supervisord.conf, a folder of s6-overlay services, a Dockerfile (ENTRYPOINT with tini, dumb-init, catatonit, gosu), a Compose file or a systemd unit, and prints a policy that says the same. What could not be carried over stands in it as comments.",
    exits: "0, 64 for what it cannot recognise or read",
    example: "fdinit convert Dockerfile > policy.yaml",
  },
  {
    name: "schema",
    operands: "",
    mostOperands: 0,
    options: [HELP],
    title: "the JSON Schema of the policy, for editors",
    words: "Prints the JSON Schema (2020-12) that policies are held against.",
    exits: "0",
    example: "fdinit schema > policy.schema.json",
  },
  {
    name: "policies",
    operands: "[NAME]",
    mostOperands: 1,
    options: [HELP],
    title: "the embedded policies, or one of them",
    words: "Lists the policies in the executable, or prints the text of one, to start from.",
    exits: "0, 64 for a name that is not there",
    example: "fdinit policies nginx > policy.yaml",
  },
  {
    name: "completion",
    operands: "bash|zsh|fish",
    mostOperands: 1,
    options: [HELP],
    title: "completions for a shell",
    words: "Prints a script that completes fdinit's subcommands, options and their values.",
    exits: "0, 64 for a shell it does not know",
    example: 'eval "$(fdinit completion bash)"',
  },
  {
    name: "help",
    operands: "[SUBCOMMAND|KEY|CODE]",
    mostOperands: 1,
    options: [HELP],
    title: "explains a subcommand, a key of the policy, a message's code or an exit code",
    words: "A key is written as its path: shutdown.budget, services.app.restart.",
    exits: "0, 64 for what is none of these",
    example: "fdinit help shutdown.budget",
  },
  {
    name: "version",
    operands: "",
    mostOperands: 0,
    options: [HELP],
    title: "the version",
    words: "Prints the version.",
    exits: "0",
    example: "fdinit version",
  },
];

/** Variables without an option: [name, words]. */
export const OTHER_VARIABLES: readonly (readonly [string, string])[] = [
  ["NO_COLOR", "set to anything: no colour in reports"],
  ["TERM", "dumb: no colour in reports"],
  ["COLUMNS", "the width that reports are cut to; without it they are not cut"],
  ["PATH", "where a program without a slash is looked for"],
  ["LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES", "descriptors that the launcher announces (sd_listen_fds(3))"],
];

export const EXIT_TABLE: readonly {
  readonly code: string;
  readonly means: string;
  readonly remedy: string;
}[] = [
  { code: "the program's own", means: "it ended by itself", remedy: "" },
  {
    code: "128 + n",
    means: "signal n ended it",
    remedy: "137 is SIGKILL: look for the kernel's OOM killer; `report` says so",
  },
  {
    code: "1",
    means:
      "of `start`, `stop`, `restart`, `reload`, `signal` and `health`: it was not done, or is not healthy",
    remedy: "the message names the service; `fdinit status`",
  },
  { code: "64", means: "wrong command line", remedy: "the message names the option; `fdinit help`" },
  {
    code: "69",
    means: "no control socket can be reached",
    remedy: "the message says where it was looked for; `control.socket` in the policy opens one",
  },
  {
    code: "70",
    means: "fdinit itself failed, or the kernel refused it something",
    remedy: "the message names the call and the error; `fdinit doctor`",
  },
  {
    code: "77",
    means:
      "the policy refused an inherited descriptor, or what it wants closed cannot be closed by `fds.method` and within `fds.scanLimit`",
    remedy:
      "the message names number and kind, or the method and what stands in its way; `fdinit plan` shows all of them",
  },
  {
    code: "78",
    means: "the policy is invalid or cannot be read",
    remedy: "the message names file, line and column; `fdinit check`",
  },
  {
    code: "126",
    means:
      "the program was found but cannot be executed, or a step before it failed: its user, group, limit, capability, working directory",
    remedy: "the message names the step, the call and the error",
  },
  {
    code: "127",
    means: "the program was not found",
    remedy: "a path that is not there, or a name that no directory of PATH has",
  },
];

export function commandEntry(name: string): SubcommandEntry | undefined {
  return COMMANDS.find((command) => command.name === name);
}

/** `--policy FILE|NAME`, with the short form before it. */
export function optionInWords({ name, short, value, choices }: OptionEntry): string {
  const given = choices ? choices.join("|") : value;
  return `${short === undefined ? "" : `${short}, `}${name}${given === undefined ? "" : ` ${given}`}`;
}

/** `fdinit check [options] [FILE...]`. */
export function usageOf({ name, operands, options }: SubcommandEntry): string {
  const own = options.length > 1 ? " [OPTIONS]" : "";
  return `fdinit ${name}${own}${operands === "" ? "" : ` ${operands}`}`;
}
