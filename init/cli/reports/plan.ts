// `fdinit plan`: what a start with the descriptors of this very process would do, by the code of the real
// run: observe, decide, buildPlan. Looks at everything that is open, and changes nothing.

import { buildPlan, decideAll, hasSeveral } from "../../plan/build.ts";
import { questions } from "../../plan/decide.ts";
import type { CommandLine, Opening, PlanResult, Remark, Step, Sweep } from "../../plan/plan.ts";
import { buildServicesPlan } from "../../plan/services.ts";
import type { Policy } from "../../policy/types.ts";
import { LAST_FD } from "../../policy/types.ts";
import type { Facts, Rung } from "../../sys/facts.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { observe } from "../../sys/observe.ts";
import { textOf } from "../../sys/text/bytes.ts";
import { visibleJson } from "../../sys/text/visible.ts";
import { commandLineFrom } from "../command-line.ts";
import { REFUSAL_EXIT } from "../exit-codes.ts";
import type { SubcommandLine } from "../invocation.ts";
import { dressed, lookOf } from "../output/look.ts";
import { type Outcome, print } from "../output/print.ts";
import { readPolicy } from "../policy-source/read-policy.ts";
import { placedLine, policyText } from "../start/place.ts";
import { parser } from "./parser.ts";
import type { Fate, OwnDescriptor, PlanReport } from "./plan-contents.ts";
import { planAsJson, planAsText } from "./plan-report.ts";
import { startOrder } from "./services-in-words.ts";

export function plan(kernel: Kernel, line: SubcommandLine, own: readonly [number, ...number[]]): Outcome {
  const read = readPolicy(kernel, line.options, parser);
  if (!read.ok) return { code: read.code, complaint: read.message };
  const report = planReport(kernel, read.policy, line, own);
  const text = line.json
    ? `${visibleJson(planAsJson(report), 2)}\n`
    : dressed(planAsText(report), lookOf(kernel, line.color));
  return print(kernel, text, report.exitCode);
}

function planReport(
  kernel: Kernel,
  policy: Policy,
  { programAt, operands }: SubcommandLine,
  own: readonly [number, ...number[]],
): PlanReport {
  const asked = questions(policy);
  // The plan is made of what a run would have asked for; the report shows all there is.
  const facts = observe(kernel, own, asked);
  const everything = { ...asked, enumerate: true, classify: true, lookAt: [{ first: 0, last: LAST_FD }] };
  const seen = observe(kernel, own, everything);
  const planned = plannedSteps(policy, facts, commandLineFrom(kernel, programAt));
  const decided = decideAll(policy, seen);
  return {
    policy,
    facts,
    fates: decided.map((known) => fateOf(known, facts, planned)),
    own: ownDescriptors(kernel, seen),
    steps: planned.ok ? planned.steps.map((step) => ({ step, words: stepInWords(step, operands) })) : [],
    refusals: planned.ok ? [] : withPlaces(kernel, policy, planned.refusals),
    warnings: planned.ok ? withPlaces(kernel, policy, planned.warnings) : [],
    isForCommandLine: programAt !== undefined && policy.services[0].command !== undefined,
    exitCode: planned.ok ? 0 : REFUSAL_EXIT[planned.code],
  };
}

/** The steps in the order in which they would be taken; of several services, each one's first start. */
type PlannedSteps =
  | { readonly ok: true; readonly steps: readonly Step[]; readonly warnings: readonly Remark[] }
  | Extract<PlanResult, { ok: false }>;

function plannedSteps(policy: Policy, facts: Facts, commandLine: CommandLine): PlannedSteps {
  if (!hasSeveral(policy, commandLine)) {
    const planned = buildPlan(policy, facts, commandLine);
    return planned.ok ? { ok: true, ...planned.plan } : planned;
  }
  const planned = buildServicesPlan(policy, facts, commandLine);
  if (!planned.ok) return planned;
  const { steps, services, warnings } = planned.plan;
  const order = startOrder(policy).flat();
  const inOrder = order.map((name) => services.find((service) => service.name === name));
  return { ok: true, steps: [...steps, ...inOrder.flatMap((service) => service?.start ?? [])], warnings };
}

/** The fate of each inherited descriptor, each looked at as `plan` shows it. */
export function fatesOf(
  kernel: Kernel,
  policy: Policy,
  planned: PlannedSteps,
  own: readonly [number, ...number[]],
): Fate[] {
  const asked = questions(policy);
  const facts = observe(kernel, own, {
    ...asked,
    enumerate: true,
    classify: true,
    lookAt: [{ first: 0, last: LAST_FD }],
  });
  return decideAll(policy, facts).map((known) => fateOf(known, facts, planned));
}

function withPlaces<T extends Remark>(kernel: Kernel, policy: Policy, remarks: readonly T[]) {
  const text = remarks.length === 0 ? undefined : policyText(kernel, policy);
  return remarks.map((remark) => ({ ...remark, line: placedLine(text, remark.message, remark.at) }));
}

function fateOf(known: Fate["known"], { runtime }: Facts, planned: PlannedSteps): Fate {
  const { fd, decision } = known;
  if (!planned.ok) return { known, inPid1: decision.action === "refuse" ? "refused" : "-", inProgram: [] };
  const { steps } = planned;
  const inProgram: number[] = [];
  for (const step of steps) {
    if (step.do !== "spawn") continue;
    const { pass, devNullAsStdin, devNullOutputs = [] } = step.launch;
    for (const { from, to } of pass) if (from === fd && !inProgram.includes(to)) inProgram.push(to);
    const isReplaced = pass.some(({ to }) => to === fd) || (fd === 0 && devNullAsStdin);
    const isStandard = fd < 3 && !inProgram.includes(fd) && !isReplaced && decision.action !== "cloexec";
    if (isStandard && !devNullOutputs.includes(fd)) inProgram.push(fd);
  }
  return { known, inPid1: inPid1(fd, steps, runtime), inProgram };
}

/** From the steps themselves, so that the word cannot differ from what is done. */
function inPid1(fd: number, steps: readonly Step[], runtime: Facts["runtime"]): string {
  const does = (kind: "close" | "cloexec") =>
    steps.some(
      (step) => step.do === kind && step.ranges.some(({ first, last }) => first <= fd && fd <= last),
    );
  const isDropped = steps.some((step) => step.do === "drop" && step.fd === fd);
  if (!runtime.certain && runtime.numbers.includes(fd)) return "closed, number occupied";
  if (steps.some((step) => step.do === "devnull" && step.fd === fd))
    return isDropped ? "/dev/null, given up" : "/dev/null";
  if (does("close")) return "closed";
  if (isDropped) return "given up";
  return does("cloexec") ? "open, close-on-exec" : "open";
}

function ownDescriptors(kernel: Kernel, { own, runtime }: Facts): OwnDescriptor[] {
  const described = (fd: number, owner: OwnDescriptor["owner"]): OwnDescriptor => ({
    fd,
    owner,
    descriptor: { fd, ...kernel.classify(fd) },
  });
  return [
    ...own.map((fd) => described(fd, "fdinit")),
    ...(runtime.certain ? runtime.numbers.map((fd) => described(fd, "the runtime")) : []),
  ].sort((a, b) => a.fd - b.fd);
}

function openingInWords(what: Opening): string {
  switch (what.open) {
    case "listen":
      return `a ${what.type} socket at ${what.written}${what.type === "dgram" ? "" : `, listening with a backlog of ${what.backlog}`}`;
    case "file":
      return `the file ${JSON.stringify(what.path)} for ${what.access}`;
    case "token":
      return "a keep-alive token, whose end of file PID 1 waits for";
    case "pipe":
      return `the ${what.end} end of a pipe, and its Peer`;
    case "socketpair":
      return `one end of a ${what.type} socket pair, and its Peer`;
    case "memfd":
      return `a sealed memory file with ${"text" in what.content ? "a text of the policy" : `what ${JSON.stringify(what.content.file)} holds`}`;
    case "devnull":
      return "/dev/null";
  }
}

const RUNG_WORDS: Readonly<Record<Rung, string>> = {
  closeRange: "with close_range(2)",
  procfs: "as /proc/self/fd lists them",
  scan: "by trying every number",
};

/** Which descriptors, and by which rung of the ladder. */
function sweepInWords({ ranges, rungs, scanLimit, mayMiss }: Sweep): string {
  const isOne = ranges.length === 1 && ranges[0]?.first === ranges[0]?.last;
  const numbers = ranges.map(({ first, last }) =>
    first === last ? `${first}` : last === LAST_FD ? `${first} and up` : `${first} to ${last}`,
  );
  const [rung = "scan"] = rungs;
  const bound = rung === "scan" ? ` below ${scanLimit}${mayMiss ? ", the rest unseen" : ""}` : "";
  return `descriptor${isOne ? "" : "s"} ${numbers.join(", ")}, ${RUNG_WORDS[rung]}${bound}`;
}

export function stepInWords(step: Step, operands: readonly string[]): string {
  switch (step.do) {
    case "close":
      return `close ${sweepInWords(step)}`;
    case "cloexec":
      return `mark close-on-exec ${sweepInWords(step)}`;
    case "devnull":
      return `put /dev/null in the place of descriptor ${step.fd}`;
    case "occupy":
      return `close descriptor ${step.fd} and keep its number from being given out (it may be the runtime's)`;
    case "nofile":
      return `set the limit of open files to ${step.limit.soft}, hard ${step.limit.hard}`;
    case "subreaper":
      return "become the subreaper: orphans come to fdinit though it is not PID 1";
    case "spawn": {
      const { service, program, arguments: given, pass, devNullAsStdin, cwd } = step.launch;
      const words = "words" in given ? given.words : [textOf(program), ...operands.slice(1)];
      const passes = pass.map(({ from, to }) => (from === to ? `${from}` : `${from} as ${to}`));
      return [
        `start ${service}: ${words.map((word) => (/^[\w./:=@%+-]+$/.test(word) ? word : JSON.stringify(word))).join(" ")}`,
        cwd === undefined ? "" : `in ${JSON.stringify(cwd)}`,
        devNullAsStdin ? "with /dev/null as standard input" : "",
        passes.length === 0 ? "" : `with descriptor${passes.length > 1 ? "s" : ""} ${passes.join(", ")}`,
      ]
        .filter((part) => part !== "")
        .join(", ");
    }
    case "hide":
      return `mark descriptor ${step.fd} close-on-exec: PID 1 keeps it, and the program does not get that number`;
    case "open":
      return `open ${JSON.stringify(step.name)}: ${openingInWords(step.what)}`;
    case "drop":
      return `give up PID 1's copy of descriptor ${typeof step.fd === "number" ? step.fd : JSON.stringify(step.fd)}`;
    case "dropPrivileges":
      return "give up every capability of PID 1 that nothing needs any more";
  }
}
