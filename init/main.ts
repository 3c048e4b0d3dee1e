// fdinit's story: block signals, read the command line and the policy, look at what was inherited,
// plan, launch, supervise, leave with the truthful code. The only file that ends the process.

import "./sys/first.ts"; // before everything else: until it has run, a signal can be lost

import { commandLineFrom, readCommandLine } from "./cli/arguments.ts";
import { EXIT_SOFTWARE } from "./cli/exit-codes.ts";
import { secondModule } from "./cli/load-second-module.ts";
import { readPolicy } from "./cli/read-policy.ts";
import { DEFAULT_LOG, type Message, voiceOf } from "./cli/say.ts";
import { startingAgain } from "./cli/start-again.ts";
import { launch, launchContext } from "./launch/launch.ts";
import { buildPlan } from "./plan/build.ts";
import { questions } from "./plan/decide.ts";
import { supervise } from "./supervise/loop.ts";
import { commandLineWords } from "./sys/command-line.ts";
import { linux as kernel } from "./sys/linux.ts";
import { observe } from "./sys/observe.ts";
import { exitNow } from "./sys/processes.ts";
import { openSignalFd } from "./sys/signals.ts";

let say = voiceOf(kernel, DEFAULT_LOG);

function main(): number {
  const signalFd = openSignalFd();
  if (signalFd < 0) return stop(EXIT_SOFTWARE, "cannot open a signalfd: is the limit of open files used up?");

  const invocation = readCommandLine(kernel, commandLineWords());
  if (invocation.do !== "run") {
    const { code, complaint } = secondModule().report(kernel, invocation, [signalFd]);
    return complaint === undefined ? code : stop(code, complaint);
  }
  const read = readPolicy(kernel, invocation.options);
  if (!read.ok) return stop(read.code, read.message);
  say = voiceOf(kernel, read.policy.log);

  const facts = observe(kernel, [signalFd], questions(read.policy));
  const planned = buildPlan(read.policy, facts, commandLineFrom(kernel, invocation.programAt));
  if (!planned.ok) return stop(...secondModule().refusal(kernel, read.policy, planned));
  const { steps, again, supervision, warnings } = planned.plan;
  for (const warning of warnings) say("warn", warning);

  const context = launchContext(kernel, signalFd + 1);
  const launched = launch(steps, context);
  if (!launched.ok)
    return stop(...secondModule().launchFailure(kernel, launched.failure, invocation.programAt));
  // The point of no return: the program runs, and nothing may bail out any more.
  for (const problem of launched.afterwards) say("error", problem);
  const startAgain = startingAgain(again, context, say);
  return supervise({ kernel, signalFd, supervision, say, context, startAgain }, launched.pid);
}

function stop(code: number, ...messages: readonly Message[]): number {
  for (const message of messages) say("error", message);
  return code;
}

try {
  exitNow(main());
} catch (error) {
  exitNow(stop(EXIT_SOFTWARE, `internal error, please report it: ${error}`));
}
