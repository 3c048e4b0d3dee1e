// fdinit in the place of tini 0.19.0, Docker's own init (docker-init): its options, variables, messages and
// exit codes. Pure. docs/drop-in.md says what differs.

import { version } from "../../../package.json";
import type { LaunchFailure } from "../../launch/result.ts";
import type { ChildEnd } from "../../sys/kernel.ts";
import { EACCES, ENOENT } from "../../sys/libc/errno.ts";
import { SIGNAL_NAMES } from "../../sys/signals/signal-names.ts";
import { visible } from "../../sys/text/visible.ts";
import { getopt } from "./getopt.ts";
import {
  ALL_BUT_FAULTS,
  type EarlyExit,
  licence,
  type OriginalInput,
  policyFor,
  type Reading,
  type Start,
  type Teller,
  type Told,
} from "./original.ts";
import { errorInWords, execErrno, signalInWords } from "./words.ts";

/** `docker info` asks for the words before the number. */
const VERSION = `tini version 0.19.0 (fdinit ${version})`;

const CANNOT_RUN = 1;
const EXIT_CODES: Readonly<Record<number, number>> = { [ENOENT]: 127, [EACCES]: 126 };

/** `-p` does not know these. */
const UNKNOWN_TO_TINI = ["STKFLT", "IO", "PWR"];

/** tini's levels: from 1 warnings, from 2 information, from 3 actions, from 4 each step. */
const USUAL_VERBOSITY = 1;

export function readTini({ argv, environment, pid }: OriginalInput): Reading {
  if (argv.length === 2 && argv[1] === "--version") return { do: "end", stdout: `${VERSION}\n`, code: 0 };
  const name = visible(argv[0] as string);
  const grammar = { letters: "p:hvwgle:s", stopsAtOperand: environment("POSIXLY_CORRECT") !== undefined };
  const { found, operands } = getopt(argv, grammar);
  const fatal = fatalOf(pid);
  const wanted = { subreaper: false, group: false, warns: false, verbosity: USUAL_VERBOSITY };
  const exitMap = new Map<number, number>();
  let parentDeathSignal: number | undefined;
  for (const option of found) {
    if ("complaint" in option) return refusal(`${name}: ${visible(option.complaint)}\n${usage(name)}`);
    const { letter, value } = option;
    if (letter === "h") return { do: "end", stdout: usage(name), code: 0 };
    if (letter === "l") return { do: "end", stdout: licence("tini", version), code: 0 };
    if (letter === "s") wanted.subreaper = true;
    else if (letter === "g") wanted.group = true;
    else if (letter === "w") wanted.warns = true;
    else if (letter === "v") wanted.verbosity++;
    else if (letter === "p") {
      parentDeathSignal = signalNumber(value);
      if (parentDeathSignal === undefined) return refusal(fatal(`Not a valid option for -p: ${value}`));
    } else {
      const code = exitStatus(value);
      if (code === undefined) return refusal(fatal(`Not a valid option for -e: ${value}`));
      exitMap.set(code, 0);
    }
  }
  if (operands.length === 0) return refusal(usage(name));

  if (environment("TINI_SUBREAPER") !== undefined) wanted.subreaper = true;
  if (environment("TINI_KILL_PROCESS_GROUP") !== undefined) wanted.group = true;
  const verbosity = environment("TINI_VERBOSITY");
  if (verbosity !== undefined) wanted.verbosity = Number(/^\s*([+-]?\d+)/.exec(verbosity)?.[1] ?? 0);
  // A negative number counts as a very large one there.
  if (wanted.verbosity < 0) wanted.verbosity = Number.MAX_SAFE_INTEGER;

  const log = logOf(wanted.verbosity, pid);
  const program = argv[operands[0] as number] as string;
  const start: Start = {
    do: "start",
    policy: policyFor(
      { forward: ALL_BUT_FAULTS, to: wanted.group ? "group" : "process" },
      { exitMap, foreground: true, subreaper: wanted.subreaper ? "always" : "never" },
    ),
    words: operands,
    withoutOrphans: log.warn(...REAPER_WARNING.split("\n")),
    failed: (failure) => failed(program, failure, fatal),
  };
  return {
    ...start,
    ...(parentDeathSignal === undefined ? {} : { parentDeathSignal }),
    ...(wanted.verbosity > 1 || wanted.warns ? { teller: tellerOf(log, wanted) } : {}),
  };
}

function refusal(stderr: string): EarlyExit {
  return { do: "end", stderr, code: CANNOT_RUN };
}

function fatalOf(pid: number): (text: string) => string {
  return (text) => `[FATAL tini (${pid})] ${visible(text)}\n`;
}

/** A full name such as SIGKILL; numbers and real-time signals are none. */
function signalNumber(name: string): number | undefined {
  const names = SIGNAL_NAMES.split(" ");
  const index = name.startsWith("SIG") ? names.indexOf(name.slice("SIG".length)) : -1;
  return index < 0 || UNKNOWN_TO_TINI.includes(names[index] as string) ? undefined : index + 1;
}

/** As strtol(3) reads it: nothing at all is 0. */
function exitStatus(text: string): number | undefined {
  if (text !== "" && !/^[ \t\n\v\f\r]*[+-]?\d+$/.test(text)) return undefined;
  const status = Number(text.trim());
  return status >= 0 && status <= 255 ? status : undefined;
}

function failed(program: string, failure: LaunchFailure, fatal: (text: string) => string) {
  const errno = execErrno(failure);
  return errno === undefined
    ? { stderr: fatal(failure.message), code: CANNOT_RUN }
    : {
        stderr: fatal(`exec ${program} failed: ${errorInWords(errno)}`),
        code: EXIT_CODES[errno] ?? CANNOT_RUN,
      };
}

interface Log {
  warn(...lines: string[]): string;
  info(text: string): string;
  debug(text: string): string;
  trace(text: string): string;
}

/** A line of each level, or nothing where the verbosity does not reach it. */
function logOf(verbosity: number, pid: number): Log {
  const level =
    (name: string, least: number) =>
    (...lines: string[]) =>
      verbosity >= least ? `[${name} tini (${pid})] ${lines.map(visible).join("\n")}\n` : "";
  return {
    warn: level("WARN ", 1),
    info: level("INFO ", 2),
    debug: level("DEBUG", 3),
    trace: level("TRACE", 4),
  };
}

const REAPER_WARNING = `Tini is not running as PID 1 and isn't registered as a child subreaper.
Zombie processes will not be re-parented to Tini, so zombie reaping won't work.
To fix the problem, use the -s option or set the environment variable TINI_SUBREAPER to register Tini as a child \
subreaper, or run Tini as PID 1.`;

function tellerOf(log: Log, { subreaper, warns }: { subreaper: boolean; warns: boolean }): Teller {
  const out = (stdout: string): Told => ({ stdout });
  const teller: Teller = {
    started: (pid, program) =>
      out(
        (subreaper ? log.trace("Registered as child subreaper") : "") +
          log.info(`Spawned child process '${program}' with pid '${pid}'`),
      ),
    received: (signal) => out(log.debug(`Passing signal: '${signalInWords(signal)}'`)),
    childrenChanged: () => out(log.debug("Received SIGCHLD")),
    leaving: () => out(log.trace("Exiting: child has exited")),
  };
  return {
    ...teller,
    reaped: (end, isProgram) => {
      const reaped = log.debug(`Reaped child with pid: '${end.pid}'`);
      if (isProgram) return out(reaped + log.info(endInWords(end)));
      return warns ? log.warn(`Reaped zombie process with pid=${end.pid}`) : out(reaped);
    },
  };
}

function endInWords({ status }: ChildEnd): string {
  const signal = status & 0x7f;
  return signal === 0
    ? `Main child exited normally (with status '${(status >> 8) & 0xff}')`
    : `Main child exited with signal (with signal '${signalInWords(signal)}')`;
}

function usage(argv0: string): string {
  const name = argv0.slice(argv0.lastIndexOf("/") + 1);
  return `${name} (${VERSION})
Usage: ${name} [OPTIONS] PROGRAM -- [ARGS] | --version

fdinit in the place of tini: runs a program, forwards signals to it and reaps its orphans.

Options:

  --version   The version, when it is the only argument.
  -h          This text.
  -s          Become a subreaper, so that orphans come here without PID 1 too.
  -p SIGNAL   Get SIGNAL when the parent dies: SIGKILL, SIGTERM, ...
  -v          Say more; up to three times.
  -w          Say so for each orphan that is reaped.
  -g          Send signals to the program's process group.
  -e CODE     Exit with 0 when the program's exit code is CODE (0 to 255); may be repeated.
  -l          The licence.

Variables:

  TINI_SUBREAPER            When it is set, as -s.
  TINI_KILL_PROCESS_GROUP   When it is set, as -g.
  TINI_VERBOSITY            How much is said (default: ${USUAL_VERBOSITY}); counts instead of -v.

`;
}
