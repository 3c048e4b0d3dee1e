// `fdinit audit [--pid N]`: the descriptors of a running process, judged by a policy with the code of a
// start. Changes nothing in that process; says what it could not see.

import { type Decided, decide } from "../../plan/decide.ts";
import { descriptorInWords } from "../../plan/descriptor-words.ts";
import type { Policy } from "../../policy/types.ts";
import type { Inspection, Kernel } from "../../sys/kernel.ts";
import { EACCES, ENOENT, errnoText } from "../../sys/libc/errno.ts";
import { visibleJson } from "../../sys/text/visible.ts";
import { EXIT_REFUSED, EXIT_SOFTWARE } from "../exit-codes.ts";
import type { Options, SubcommandLine } from "../invocation.ts";
import { dressed, lookOf } from "../output/look.ts";
import { type Outcome, print } from "../output/print.ts";
import { section, table } from "../output/table.ts";
import { readPolicy } from "../policy-source/read-policy.ts";
import { optionsOf } from "../policy-source/running-fdinit.ts";
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
  if (suggest) return print(kernel, suggestPolicy(policy, seen, judged));
  const code = judged.every(isAllowed) ? 0 : EXIT_REFUSED;
  const text = json
    ? `${visibleJson(auditAsJson(policy, seen, judged, code), 2)}\n`
    : dressed(auditAsText(policy, seen, judged, code), lookOf(kernel, color));
  return print(kernel, text, code);
}

/** Those that a running fdinit was started with, when `--policy` names no other. */
function optionsFor(kernel: Kernel, given: Options, seen: Inspection | number): Options {
  const isOther = typeof seen === "number" || seen.own.length === 0;
  if (isOther || given.policy !== undefined || given.intent !== undefined) return given;
  return optionsOf(kernel, seen.pid) ?? given;
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
  const heads = ["fd", "kind", "access", "action", "decided by", "evidence"];
  const rows = judged.map((known) => [
    String(known.fd),
    kindOf(known),
    known.descriptor?.access ?? "-",
    known.decision.action,
    decisionInWords(known.decision, known.fd, policy),
    evidenceOf(known),
  ]);
  const own = (seen.descriptors ?? []).filter(({ fd }) => seen.own.includes(fd));
  const odd = judged.filter((known) => !isAllowed(known)).length;
  const outcome =
    code === 0
      ? "everything would be allowed"
      : `${odd} of ${judged.length} would be refused, closed or replaced`;
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
      decision: decisionAsJson(known.decision, known.fd, policy),
    })),
    own: seen.own,
  };
}
