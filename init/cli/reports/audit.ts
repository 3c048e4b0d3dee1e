// `fdinit audit [--pid N]`: the descriptors of a running process, judged by a policy with the code of a
// start. Changes nothing in that process; says what it could not see.

import { type Decided, decide } from "../../plan/decide.ts";
import { descriptorInWords } from "../../plan/descriptor-words.ts";
import type { Policy } from "../../policy/types.ts";
import type { Inspection, Kernel, StartedAs, Whose } from "../../sys/kernel.ts";
import { EACCES, ENOENT, errnoText } from "../../sys/libc/errno.ts";
import { visibleJson } from "../../sys/text/visible.ts";
import { EXIT_REFUSED, EXIT_SOFTWARE } from "../exit-codes.ts";
import type { Options, SubcommandLine } from "../invocation.ts";
import { dressed, lookOf } from "../output/look.ts";
import { type Outcome, print } from "../output/print.ts";
import { section, table } from "../output/table.ts";
import { embeddedNames } from "../policy-source/embedded.ts";
import { readPolicy } from "../policy-source/read-policy.ts";
import { optionsOf, programWordsOf } from "../policy-source/running-fdinit.ts";
import { decisionAsJson, decisionInWords, evidenceOf, kindOf, policyInWords } from "./describe.ts";
import { parser } from "./parser.ts";
import { suggestPolicy } from "./suggest.ts";

/** The process whose descriptors are looked at when `--pid` is absent. */
const INIT = 1;

export function audit(
  kernel: Kernel,
  { options, pid = INIT, json, suggest, color }: SubcommandLine,
): Outcome {
  const seen = kernel.inspect(pid);
  const read = readPolicy(kernel, optionsFor(kernel, options, seen), parser);
  const isItself = (known: Decided) => typeof seen !== "number" && seen.whose.get(known.fd)?.by === "itself";
  if (!read.ok) return { code: read.code, complaint: read.message };
  const { policy } = read;
  if (typeof seen === "number") {
    const hint =
      seen === -EACCES
        ? ": root, or the same user, with CAP_SYS_PTRACE can"
        : seen === -ENOENT
          ? ": /proc is not mounted"
          : "";
    const complaint = `cannot look at the descriptors of process ${pid} (/proc/${pid}/fd): ${errnoText(-seen)}${hint}`;
    return { code: EXIT_SOFTWARE, complaint };
  }
  if (!seen.descriptors) {
    const complaint = `count only: process ${pid} (${seen.command}) has ${seen.count} open descriptors, and what they are cannot be read without CAP_SYS_PTRACE`;
    const document = { version: 1, process: processAsJson(seen), countOnly: seen.count };
    if (json) print(kernel, `${visibleJson(document, 2)}\n`);
    return { code: EXIT_SOFTWARE, complaint };
  }
  const judged = judge(policy, seen);
  if (suggest) return print(kernel, suggestPolicy(policy, seen, judged, programOf(kernel, policy, seen)));
  // No start inherits a descriptor that the process opened itself: it is listed, and nothing is held against it.
  const code = judged.every((known) => isAllowed(known) || isItself(known)) ? 0 : EXIT_REFUSED;
  const text = json
    ? `${visibleJson(auditAsJson(policy, seen, judged, code), 2)}\n`
    : dressed(auditAsText(policy, seen, judged, code), lookOf(kernel, color));
  return print(kernel, text, code);
}

/**
 * Those that a running fdinit was started with, when `--policy` names no other: the process itself, else PID 1. A policy by a
 * relative path lies below that fdinit's working directory.
 */
function optionsFor(kernel: Kernel, given: Options, seen: Inspection | number): Options {
  if (given.policy !== undefined || given.intent !== undefined) return given;
  const init = runningFdinit(seen) ?? runningFdinit(kernel.inspect(INIT));
  const options = init && optionsOf(kernel, init.pid);
  if (!options) return given;
  const { policy } = options;
  const { cwd } = init.startedAs;
  const isRelative = policy !== undefined && !policy.startsWith("/") && !embeddedNames().includes(policy);
  return isRelative && cwd !== undefined ? { ...options, policy: `${cwd}/${policy}` } : options;
}

function runningFdinit(seen: Inspection | number): Inspection | undefined {
  return typeof seen === "number" || seen.own.length === 0 ? undefined : seen;
}

/** The program that a start by a suggested policy is to run: of a running fdinit its own program. */
function programOf(kernel: Kernel, { services: [service] }: Policy, seen: Inspection): StartedAs {
  if (seen.own.length === 0) return seen.startedAs;
  return { words: programWordsOf(kernel, seen.pid) ?? service.command ?? [] };
}

/** The decisions of a start that inherits these descriptors. */
function judge({ fds, intent }: Policy, { descriptors = [], own }: Inspection): Decided[] {
  const judged: Decided[] = [];
  for (const descriptor of descriptors) {
    const { fd } = descriptor;
    if (own.includes(fd)) continue;
    const known = { fd, descriptor };
    judged.push({ ...known, decision: decide(fds.inherited, intent, known) });
  }
  return judged;
}

/** Marked close-on-exec it is still open; replaced by /dev/null it is as good as closed. */
function isAllowed({ decision: { action } }: Decided): boolean {
  return action === "keep" || action === "cloexec";
}

function auditAsText(policy: Policy, seen: Inspection, judged: readonly Decided[], code: number): string {
  const heads = ["fd", "kind", "access", "opened by", "action", "decided by", "evidence"];
  const rows = judged.map((known) => [
    String(known.fd),
    kindOf(known),
    known.descriptor?.access ?? "-",
    whoseInWords(seen.whose.get(known.fd)),
    known.decision.action,
    decisionInWords(known.decision, known.fd, policy),
    [evidenceOf(known), seen.whose.get(known.fd)?.because].filter(Boolean).join("; "),
  ]);
  const own = (seen.descriptors ?? []).filter(({ fd }) => seen.own.includes(fd));
  const inherited = judged.filter(({ fd }) => seen.whose.get(fd)?.by !== "itself");
  const odd = inherited.filter((known) => !isAllowed(known)).length;
  const itself = judged.length - inherited.length;
  const opened = itself === 0 ? "" : `; ${itself} more the process opened itself`;
  const outcome =
    code === 0
      ? `everything would be allowed${opened}`
      : `${odd} of ${inherited.length} would be refused, closed or replaced${opened}`;
  return [
    table([
      ["process", `${seen.pid}, ${seen.command}`],
      ["policy", policyInWords(policy)],
      ["outcome", outcome],
    ]),
    section("descriptors", rows.length === 0 ? [] : [heads, ...rows]),
    ...(own.length === 0
      ? []
      : [
          section(
            "fdinit's own descriptors",
            own.map((descriptor) => [String(descriptor.fd), kindOf({ descriptor }), descriptor.evidence]),
          ),
        ]),
  ].join("\n");
}

function whoseInWords(whose: Whose | undefined): string {
  return whose === undefined ? "not known" : whose.by === "itself" ? "itself" : "inherited";
}

function processAsJson({ pid, command }: Inspection) {
  return { pid, command };
}

function auditAsJson(policy: Policy, seen: Inspection, judged: readonly Decided[], exitCode: number) {
  return {
    version: 1,
    process: processAsJson(seen),
    policy: { name: policy.source.name ?? null, intent: policy.intent },
    allowed: exitCode === 0,
    exitCode,
    descriptors: judged.map((known) => ({
      fd: known.fd,
      what: descriptorInWords(known),
      descriptor: known.descriptor ?? null,
      openedBy: seen.whose.get(known.fd) ?? null,
      decision: decisionAsJson(known.decision, known.fd, policy),
    })),
    own: seen.own,
  };
}
