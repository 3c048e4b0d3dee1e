// The story when fdinit stands in for another init: read that program's command line, and print, pause, or
// start the program under a policy that does what the other would. The same rooms as in main.ts do the work;
// what differs is who reads the options and how things are worded.

import { launch, launchContext } from "../../launch/launch.ts";
import type { LaunchFailure } from "../../launch/result.ts";
import { buildPlan } from "../../plan/build.ts";
import { questions } from "../../plan/decide.ts";
import type { CommandLine } from "../../plan/plan.ts";
import { supervise } from "../../supervise/loop.ts";
import { pause } from "../../supervise/pause.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { STDERR_FILENO, STDOUT_FILENO } from "../../sys/libc/constants.ts";
import { observe } from "../../sys/observe.ts";
import { textOf } from "../../sys/text/bytes.ts";
import { environmentOf } from "../command-line.ts";
import { readCatatonit } from "./catatonit.ts";
import { readDumbInit } from "./dumb-init.ts";
import type { Original } from "./names.ts";
import type { OriginalInput, Reading, Start } from "./original.ts";
import { tell, tellingKernel } from "./telling-kernel.ts";
import { readTini } from "./tini.ts";

const READERS: Readonly<Record<Original, (given: OriginalInput) => Reading>> = {
  tini: readTini,
  "dumb-init": readDumbInit,
  catatonit: readCatatonit,
};

/** Answers the exit code. `own` is what fdinit itself has opened: the signalfd. */
export function standIn(
  kernel: Kernel,
  original: Original,
  argv: readonly string[],
  own: readonly [number, ...number[]],
): number {
  const reading = READERS[original]({ argv, environment: environmentOf(kernel), pid: kernel.pid });
  switch (reading.do) {
    case "end":
      if (reading.stdout !== undefined) kernel.write(STDOUT_FILENO, reading.stdout);
      if (reading.stderr !== undefined) kernel.write(STDERR_FILENO, reading.stderr);
      return reading.code;
    case "pause":
      return pause(kernel, own[0], reading.until);
    case "start":
      return start(kernel, argv.length, reading, own);
  }
}

function start(plain: Kernel, wordCount: number, wanted: Start, own: readonly [number, ...number[]]): number {
  const { policy, teller = {}, parentDeathSignal } = wanted;
  tell(plain, wanted.stderr);
  if (parentDeathSignal !== undefined) plain.setParentDeathSignal(parentDeathSignal);
  const getsOrphans = plain.pid === 1 || policy.reaping.subreaper !== "never" || plain.isSubreaper();
  if (!getsOrphans) tell(plain, wanted.withoutOrphans);

  let pid = 0;
  // None of the originals names the processes that outlive the program.
  const quiet: Kernel = { ...plain, processes: () => undefined };
  const kernel = wanted.teller ? tellingKernel(quiet, teller, (child) => child === pid) : quiet;
  const facts = observe(kernel, own, questions(policy));
  const program = commandLine(kernel, wordCount, wanted.words);
  const planned = buildPlan(policy, facts, program);
  if (!planned.ok)
    return failed(plain, wanted, {
      stage: "plan",
      message: planned.refusals.map(({ message }) => message).join("; "),
    });
  const { steps, supervision } = planned.plan;

  const context = launchContext(kernel, own[0] + 1);
  const launched = launch(steps, context);
  if (!launched.ok) return failed(plain, wanted, launched.failure);
  pid = launched.pid;
  tell(plain, teller.started?.(pid, textOf(program?.program ?? new Uint8Array()), supervision.hasTerminal));
  if (wanted.leavesDirectory) kernel.changeDirectory("/");
  const code = supervise(
    {
      kernel,
      signalFd: own[0],
      supervision,
      say: () => {},
      context,
      startAgain: () => ({ code: 1, message: "never started again" }),
    },
    { pid },
  );
  tell(plain, teller.leaving?.(code));
  return code;
}

/** The words at these places of argv, byte for byte; as they stand when they are the rest of it. */
function commandLine(kernel: Kernel, wordCount: number, words: readonly number[]): CommandLine {
  const [first] = words;
  if (first === undefined) return undefined;
  const isRest = words.length === wordCount - first;
  return {
    program: kernel.commandLineArgument(first),
    arguments: isRest ? { commandLineFrom: first } : { commandLineAt: words },
  };
}

function failed(kernel: Kernel, wanted: Start, failure: LaunchFailure): number {
  const { stderr, code } = wanted.failed(failure);
  tell(kernel, stderr);
  return code;
}
