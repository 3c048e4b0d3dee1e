// fdinit's story: block signals, read the command line and the policy, look at what was inherited,
// plan, launch, supervise, leave with the truthful code. The only file that ends the process.

import "./sys/first.ts"; // before everything else: until it has run, a signal can be lost

import { commandLineFrom, readArguments } from "./cli/arguments.ts";
import { environmentOf } from "./cli/environment.ts";
import { EXIT_SOFTWARE, LAUNCH_EXIT, REFUSAL_EXIT } from "./cli/exit-codes.ts";
import { secondModule } from "./cli/load-second-module.ts";
import { readPolicy } from "./cli/read-policy.ts";
import { say, warn } from "./cli/say.ts";
import { launch } from "./launch/launch.ts";
import { buildPlan } from "./plan/build.ts";
import { questions } from "./plan/decide.ts";
import { supervise } from "./supervise/loop.ts";
import { commandLineWords } from "./sys/command-line.ts";
import { linux as kernel } from "./sys/linux.ts";
import { observe } from "./sys/observe.ts";
import { exitNow } from "./sys/processes.ts";
import { openSignalFd } from "./sys/signals.ts";

function main(): number {
  const signalFd = openSignalFd();
  if (signalFd < 0) return stop(EXIT_SOFTWARE, "cannot open a signalfd: is the limit of open files used up?");

  const invocation = readArguments(commandLineWords(), environmentOf(kernel));
  if (invocation.do !== "run") {
    const { code, complaint } = secondModule().report(kernel, invocation, [signalFd]);
    return complaint === undefined ? code : stop(code, complaint);
  }
  const read = readPolicy(kernel, invocation.options);
  if (!read.ok) return stop(read.code, read.message);

  const facts = observe(kernel, [signalFd], questions(read.policy.fds, read.policy.intent));
  const planned = buildPlan(read.policy, facts, commandLineFrom(kernel, invocation.programAt));
  if (!planned.ok) {
    for (const { message } of planned.refusals) say(kernel, message);
    return REFUSAL_EXIT[planned.refusals[0]?.code ?? "command-line"];
  }

  warn(kernel, read.policy.log.level, planned.plan.warnings);
  const launched = launch(planned.plan, { kernel, firstOwn: signalFd + 1 });
  if (!launched.ok) return stop(LAUNCH_EXIT[launched.failure.code], launched.failure.message);
  // The point of no return: the program runs, and nothing may bail out any more.
  return supervise(kernel, signalFd, launched);
}

function stop(code: number, message: string): number {
  say(kernel, message);
  return code;
}

/** A defect of fdinit's own is said in one line, with the exit code that stands for it. */
function mainOrSoftwareError(): number {
  try {
    return main();
  } catch (error) {
    return stop(EXIT_SOFTWARE, `internal error, please report it: ${error}`);
  }
}

exitNow(mainOrSoftwareError());
