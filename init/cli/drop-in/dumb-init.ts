// fdinit in the place of dumb-init 1.2.5: its options, variables, messages and exit codes. Pure. The help
// text is dumb-init's word for word, because programs (and its own tests) compare it. docs/drop-in.md says
// what differs.

import type { LaunchFailure } from "../../launch/result.ts";
import type { ChildEnd } from "../../sys/kernel.ts";
import {
  SIGCHLD,
  SIGCONT,
  SIGHUP,
  SIGSTOP,
  SIGTERM,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
} from "../../sys/libc/constants.ts";
import { visible } from "../../sys/text/visible.ts";
import { getopt } from "./getopt.ts";
import { type EarlyExit, type OriginalInput, policyFor, type Reading, type Teller } from "./original.ts";
import { errorInWords, execErrno } from "./words.ts";

const VERSION = "dumb-init v1.2.5\n";
const HIGHEST = 31;
const CANNOT_EXECUTE = 2;
/** Signals after which dumb-init stops itself. */
const STOPPING = [SIGTSTP, SIGTTIN, SIGTTOU];

const GRAMMAR = {
  letters: "hvVcr:",
  long: [
    { name: "help", letter: "h" },
    { name: "single-child", letter: "c" },
    { name: "rewrite", letter: "r" },
    { name: "verbose", letter: "v" },
    { name: "version", letter: "V" },
  ],
  stopsAtOperand: true,
} as const;

type Rewrites = ReadonlyMap<number, number | "ignore">;

export function readDumbInit({ argv, environment }: OriginalInput): Reading {
  const name = visible(argv[0] as string);
  const { found, operands } = getopt(argv, GRAMMAR);
  const rewrite = new Map<number, number | "ignore">();
  let isVerbose = false;
  let isSession = true;
  for (const option of found) {
    if ("complaint" in option) return ending(`${name}: ${visible(option.complaint)}\n`, 1);
    const { letter, value } = option;
    if (letter === "h") return ending(VERSION + help(name), 0);
    if (letter === "V") return ending(VERSION, 0);
    if (letter === "v") isVerbose = true;
    if (letter === "c") isSession = false;
    if (letter === "r" && !addRewrite(rewrite, value)) return ending(REWRITE_HELP, 1);
  }
  if (operands.length === 0) {
    return ending(`Usage: ${name} [option] program [args]\nTry ${name} --help for full usage.\n`, 1);
  }

  let said = "";
  if (environment("DUMB_INIT_DEBUG") === "1") {
    isVerbose = true;
    said += line("Running in debug mode.");
  }
  if (environment("DUMB_INIT_SETSID") === "0") {
    isSession = false;
    if (isVerbose) said += line("Not running in setsid mode.");
  }
  // A group that is orphaned (POSIX) would not stop at these.
  if (isSession) for (const signal of STOPPING) if (!rewrite.has(signal)) rewrite.set(signal, SIGSTOP);
  const last = rewrite.get(SIGTERM) ?? SIGTERM;
  const program = argv[operands[0] as number] as string;
  return {
    do: "start",
    policy: policyFor(
      {
        to: isSession ? "group" : "process",
        rewrite,
        suspendOn: STOPPING,
        ...(isSession && last !== "ignore" ? { farewell: last } : {}),
      },
      { setsid: isSession },
    ),
    words: operands,
    stderr: said,
    leavesDirectory: true,
    failed: (failure) => failed(program, failure),
    ...(isVerbose ? { teller: tellerOf(rewrite, isSession) } : {}),
  };
}

function ending(stderr: string, code: number): EarlyExit {
  return { do: "end", stderr, code };
}

function line(text: string): string {
  return `[dumb-init] ${visible(text)}\n`;
}

/** As sscanf(3) reads "%d:%d": what follows the second number does not matter. */
function addRewrite(rewrite: Map<number, number | "ignore">, text: string): boolean {
  const [, from, to] = (/^\s*([+-]?\d+):\s*([+-]?\d+)/.exec(text) ?? []).map(Number);
  if (from === undefined || to === undefined) return false;
  if (from < 1 || from > HIGHEST || to < 0 || to > HIGHEST) return false;
  rewrite.set(from, to === 0 ? "ignore" : to);
  return true;
}

function failed(program: string, failure: LaunchFailure) {
  const errno = execErrno(failure);
  return errno === undefined
    ? { stderr: line(failure.message), code: 1 }
    : { stderr: line(`${program}: ${errorInWords(errno)}`), code: CANNOT_EXECUTE };
}

/** The lines of dumb-init's -v. */
function tellerOf(rewrite: Rewrites, isSession: boolean): Teller {
  const translating = (signal: number): string => {
    const to = rewrite.get(signal);
    return to === undefined ? "" : line(`Translating signal ${signal} to ${to === "ignore" ? 0 : to}.`);
  };
  const ignored = (signal: number) =>
    rewrite.get(signal) === "ignore" ? line("Not forwarding signal 0 to children (ignored).") : "";
  const forwarded = (signal: number) => line(`Forwarded signal ${signal} to children.`);
  return {
    started: (pid, _program, hasTerminal) =>
      (isSession ? handOver(hasTerminal) : "") + line(`Child spawned with PID ${pid}.`),
    received: (signal) => line(`Received signal ${signal}.`) + translating(signal) + ignored(signal),
    sent: forwarded,
    suspending: () => line("Suspending self due to TTY signal."),
    childrenChanged: () => line(`Received signal ${SIGCHLD}.`),
    reaped: (end, isProgram) => {
      if (!isProgram) return endInWords(end);
      // With a session, processes that are left in the group get SIGTERM, and `sent` writes the line about it. Without one,
      // no process is left that dumb-init would signal, and it writes the line all the same.
      const last = rewrite.get(SIGTERM) ?? SIGTERM;
      const sent = isSession || last === "ignore" ? "" : forwarded(last);
      return endInWords(end) + translating(SIGTERM) + ignored(SIGTERM) + sent;
    },
    leaving: (code) => line(`Child exited with status ${code}. Goodbye.`),
  };
}

/** The lines about the terminal. SIGHUP and SIGCONT, which follow when fdinit lets go of it, never reach the program. */
function handOver(hasTerminal: boolean): string {
  if (!hasTerminal) {
    const why = "(errno=25 Inappropriate ioctl for device)";
    return (
      line(`Unable to detach from controlling tty ${why}.`) +
      line(`Unable to attach to controlling tty ${why}.`) +
      line("setsid complete.")
    );
  }
  const ignored = [SIGHUP, SIGCONT].map((signal) => line(`Ignoring tty hand-off signal ${signal}.`));
  return (
    line("Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive.") +
    ignored.join("") +
    line("setsid complete.")
  );
}

function endInWords({ pid, status }: ChildEnd): string {
  const signal = status & 0x7f;
  return line(
    signal === 0
      ? `A child with PID ${pid} exited with exit status ${(status >> 8) & 0xff}.`
      : `A child with PID ${pid} was terminated by signal ${signal}.`,
  );
}

const REWRITE_HELP = `Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and ${HIGHEST}.
This option can be specified multiple times.
Use --help for full usage.
`;

function help(name: string): string {
  return `Usage: ${name} [option] command [[arg] ...]

dumb-init is a simple process supervisor that forwards signals to children.
It is designed to run as PID1 in minimal container environments.

Optional arguments:
   -c, --single-child   Run in single-child mode.
                        In this mode, signals are only proxied to the
                        direct child and not any of its descendants.
   -r, --rewrite s:r    Rewrite received signal s to new signal r before proxying.
                        To ignore (not proxy) a signal, rewrite it to 0.
                        This option can be specified multiple times.
   -v, --verbose        Print debugging information to stderr.
   -h, --help           Print this help message and exit.
   -V, --version        Print the current version and exit.

Full help is available online at https://github.com/Yelp/dumb-init
`;
}
