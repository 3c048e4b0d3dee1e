// A plan for people and as the document of schema/plan.schema.json.

import { descriptorInWords } from "../../plan/descriptor-words.ts";
import type { Step } from "../../plan/plan.ts";
import { readablePath } from "../../policy/key-path.ts";
import { textOf } from "../../sys/text/bytes.ts";
import { section, table } from "../output/table.ts";
import { decisionAsJson, decisionInWords, evidenceOf, keyRows, kindOf, policyInWords } from "./describe.ts";
import type { PlanReport } from "./plan-contents.ts";
import { resolvedKeys } from "./resolved-keys.ts";
import { commandInWords, serviceRows, stopRows } from "./services-in-words.ts";
import { shutdownTimeline } from "./shutdown-timeline.ts";

export function planAsText(report: PlanReport): string {
  const { policy, facts, fates, own, steps, refusals, warnings, exitCode, isForCommandLine } = report;
  const { soft, hard } = facts.nofile;
  const inherited = fates.map(({ known, inPid1, inProgram }) => [
    String(known.fd),
    kindOf(known),
    known.descriptor?.access ?? "-",
    known.decision.action,
    decisionInWords(known.decision, known.fd, policy),
    inPid1,
    inProgram.length === 0 ? "-" : inProgram.join(", "),
    evidenceOf(known),
  ]);
  const heads = ["fd", "kind", "access", "action", "decided by", "in PID 1", "in program", "evidence"];
  const owned = own.map(({ fd, owner, descriptor }) => [
    String(fd),
    kindOf({ descriptor }),
    owner,
    evidenceOf({ descriptor }),
  ]);
  const outcome = exitCode === 0 ? "it would start" : `nothing would start: exit code ${exitCode}`;
  return [
    table([
      ["policy", policyInWords(policy)],
      ["process", `pid ${facts.pid}, limit of open files ${soft}, hard ${hard}`],
      ["outcome", outcome],
      ...(isForCommandLine ? [["command", commandInWords(policy)]] : []),
    ]),
    section("inherited descriptors", inherited.length === 0 ? [] : [heads, ...inherited]),
    section("fdinit's own descriptors", owned),
    ...(refusals.length === 0
      ? []
      : [
          section(
            "refusals",
            refusals.map(({ line }) => [line]),
          ),
        ]),
    ...(warnings.length === 0
      ? []
      : [
          section(
            "warnings",
            warnings.map(({ line }) => [line]),
          ),
        ]),
    section(
      "steps",
      steps.map(({ words }, index) => [`${index + 1}.`, words]),
    ),
    ...(policy.services.length > 1 ? [section("services", serviceRows(policy))] : []),
    section(
      "a shutdown, when nothing ends by itself",
      policy.services.length > 1 ? stopRows(policy) : shutdownTimeline(policy),
    ),
    section("keys, and who set them", keyRows(policy)),
  ].join("\n");
}

/** `schema/plan.schema.json` describes every key. */
export function planAsJson(report: PlanReport) {
  const { policy, facts, fates, own, steps, refusals, warnings, exitCode } = report;
  return {
    version: 1,
    starts: exitCode === 0,
    exitCode,
    policy: { name: policy.source.name ?? null, intent: policy.intent, keys: resolvedKeys(policy) },
    process: {
      pid: facts.pid,
      nofile: facts.nofile,
      announced: facts.announced,
      runtimeCertain: facts.runtime.certain,
    },
    inherited: fates.map(({ known, inPid1, inProgram }) => ({
      fd: known.fd,
      what: descriptorInWords(known),
      descriptor: known.descriptor ? { fd: known.fd, ...known.descriptor } : null,
      decision: decisionAsJson(known.decision, known.fd, policy),
      inPid1,
      inProgram,
    })),
    own: own.map(({ fd, owner, descriptor }) => ({
      fd,
      owner: owner === "fdinit" ? "fdinit" : "runtime",
      what: descriptor.evidence,
      descriptor,
    })),
    steps: steps.map(({ step, words }) => ({ ...stepAsJson(step), words })),
    refusals: refusals.map(({ code, message, at }) => ({
      code,
      message,
      ...(at === undefined ? {} : { key: readablePath(at) }),
    })),
    warnings: warnings.map(({ message }) => message),
  };
}

function stepAsJson(step: Step) {
  if (step.do === "open") return { do: step.do, name: step.name, kind: step.what.open };
  if (step.do !== "spawn") return step;
  const { launch } = step;
  const { user } = launch;
  return {
    do: step.do,
    service: launch.service,
    program: textOf(launch.program),
    cwd: launch.cwd ?? null,
    pass: launch.pass,
    devNullAsStdin: launch.devNullAsStdin,
    variables: [...Object.keys(launch.environment), ...(launch.pidVariable ? [launch.pidVariable] : [])],
    user: user ? [user.user, ...(user.group ? [user.group] : [])].join(":") : null,
    group: launch.group ?? null,
    terminal: launch.terminal ?? false,
  };
}
