// fdinit's story: block signals, read the command line and the policy, look at what was inherited,
// plan, launch, supervise, leave with the truthful code. The only file that ends the process.

import "./sys/first.ts"; // before everything else: until it has run, a signal can be lost
import { readCommandLine } from "./cli/arguments.ts";
import { commandLineFrom, environmentOf } from "./cli/command-line.ts";
import { EXIT_SOFTWARE } from "./cli/exit-codes.ts";
import { parsersAndReports, plainPolicies, runServices } from "./cli/load-modules.ts";
import { DEFAULT_LOG, lastWords, type Message, voiceOf } from "./cli/output/say.ts";
import { readPolicy } from "./cli/policy-source/read-policy.ts";
import { isTriedAgain, started, startingAgain } from "./cli/start/start-again.ts";
import { launch, launchContext } from "./launch/launch.ts";
import { buildPlan, hasSeveral } from "./plan/build.ts";
import { questions } from "./plan/decide.ts";
import { supervise } from "./supervise/loop.ts";
import { linux as kernel } from "./sys/linux.ts";
import { observe } from "./sys/observe.ts";
import { commandLineWords } from "./sys/self/command-line.ts";
import { exitNow } from "./sys/self/process.ts";
import { noSignals, openSignalFd } from "./sys/signals/signals.ts";

let say = voiceOf(kernel, DEFAULT_LOG);
function main(): number {
  const signalFd = openSignalFd();
  if (signalFd < 0) return stop(EXIT_SOFTWARE, noSignals(signalFd));
  const invocation = readCommandLine(commandLineWords(), environmentOf(kernel), parsersAndReports);
  if (invocation.do !== "run") {
    const { code, complaint } = parsersAndReports().report(kernel, invocation, [signalFd]);
    return complaint === undefined ? code : stop(code, complaint);
  }
  const read = readPolicy(kernel, invocation.options, parsersAndReports, plainPolicies);
  if (!read.ok) return stop(read.code, read.message);
  const { policy } = read;
  say = voiceOf(kernel, policy.log);
  const facts = observe(kernel, [signalFd], questions(policy));
  const commandLine = commandLineFrom(kernel, invocation.programAt);
  if (hasSeveral(policy, commandLine))
    return stop(...runServices(policy, { kernel, signalFd, facts, commandLine, say }));
  const planned = buildPlan(policy, facts, commandLine);
  if (!planned.ok) return stop(...parsersAndReports().refusal(kernel, policy, planned));
  const { steps, again, supervision, warnings } = planned.plan;
  const told = policy.log.level !== "warn";
  if (told || warnings.length > 0) parsersAndReports().tellPlan(say, kernel, policy, planned, signalFd);
  const context = launchContext(kernel, signalFd + 1);
  const launched = launch(steps, context);
  if (!launched.ok && !isTriedAgain(launched, again))
    return stop(...parsersAndReports().launchFailure(kernel, policy, launched.failure, invocation));
  // The point of no return: the program runs, and nothing may bail out any more.
  const first = started(launched, say);
  if (told) parsersAndReports().tellStart(say, steps, first);
  const startAgain = startingAgain(again, context, say);
  return supervise({ kernel, signalFd, supervision, say, context, startAgain }, first);
}

function stop(code: number, ...messages: readonly Message[]): number {
  for (const message of messages) say("error", message);
  return code;
}

try {
  exitNow(lastWords(kernel, main()));
} catch (error) {
  exitNow(stop(EXIT_SOFTWARE, `internal error, please report it: ${error}`));
}
