// fdinit in the place of catatonit 0.1.7, Podman's init and pause process (podman-init): its options,
// variables, messages and exit codes. Pure. docs/drop-in.md says what differs.

import { version } from "../../../package.json";
import type { LaunchFailure } from "../../launch/result.ts";
import type { ChildEnd } from "../../sys/kernel.ts";
import { SIGINT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU } from "../../sys/libc/constants.ts";
import { visible } from "../../sys/text/visible.ts";
import { getopt } from "./getopt.ts";
import {
  ALL_BUT_FAULTS,
  type EarlyExit,
  licence,
  type OriginalInput,
  policyFor,
  type Reading,
  type Teller,
} from "./original.ts";
import { errorInWords, execErrno } from "./words.ts";

const USAGE = "usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n";

const HELP = `${USAGE}
fdinit in the place of catatonit: runs a program, forwards signals to it and reaps its orphans.

  -g              send signals to the program's process group
  -h              this text
  -L              the licence
  -P              pause: run no program, reap, and end with SIGTERM or SIGINT
  -V, --version   the version
`;

const STOPPING = [SIGTSTP, SIGTTIN, SIGTTOU];

export function readCatatonit({ argv, environment, pid }: OriginalInput): Reading {
  const name = visible(argv[0] as string);
  const log = (level: string, text: string) => `${level} (catatonit:${pid}): ${visible(text)}\n`;
  const bail = (text: string, more = ""): EarlyExit => ({
    do: "end",
    stderr: log("ERROR", text) + more,
    code: 1,
  });
  if (environment("CATATONIT_LOG") !== undefined) return bail("CATATONIT_LOG is reserved for future use");
  const { found, operands } = getopt(argv, {
    letters: "ghLPV",
    long: [{ name: "version", letter: "V" }],
    stopsAtOperand: environment("POSIXLY_CORRECT") !== undefined,
  });
  let isGroup = false;
  let isPause = false;
  for (const option of found) {
    if ("complaint" in option)
      return { do: "end", stderr: `${name}: ${visible(option.complaint)}\n${USAGE}`, code: 1 };
    const { letter } = option;
    if (letter === "h") return { do: "end", stderr: HELP, code: 0 };
    if (letter === "L") return { do: "end", stdout: licence("catatonit", version), code: 0 };
    // docker info asks an init for tini's words.
    if (letter === "V")
      return { do: "end", stdout: `tini version 0.1.7_catatonit (fdinit ${version})\n`, code: 0 };
    if (letter === "g") isGroup = true;
    if (letter === "P") isPause = true;
  }
  if (isPause) return { do: "pause", until: [SIGTERM, SIGINT] };
  if (operands.length === 0) return bail("missing program name", USAGE);
  const forward = ALL_BUT_FAULTS.filter((signal) => signal !== SIGTSTP);
  const isTold = environment("CATATONIT_DEBUG") !== undefined;
  return {
    do: "start",
    policy: policyFor(
      { forward, to: isGroup ? "group" : "process" },
      { foreground: true, subreaper: "auto" },
    ),
    words: operands,
    leavesDirectory: true,
    failed(failure: LaunchFailure) {
      const errno = execErrno(failure);
      const words = errno === undefined ? failure.message : `failed to exec pid1: ${errorInWords(errno)}`;
      return { stderr: log("ERROR", words), code: 1 };
    },
    ...(isTold ? { teller: tellerOf((text) => log("DEBUG", text)) } : {}),
  };
}

function tellerOf(debug: (text: string) => string): Teller {
  return {
    started: (pid, program) => debug(`pid1 (${pid}) spawned: ${program}`),
    received: (signal) =>
      STOPPING.includes(signal) ? debug("ignoring kernel attempting to stop us: tty has TOSTOP set") : "",
    reaped: (end, isProgram) => (isProgram ? "" : debug(endInWords(end))),
  };
}

function endInWords({ pid, status }: ChildEnd): string {
  const signal = status & 0x7f;
  return signal === 0
    ? `child process ${pid} exited with code ${(status >> 8) & 0xff}`
    : `child process ${pid} exited due to signal ${signal}`;
}
