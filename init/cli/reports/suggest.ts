// `fdinit audit --suggest`: a policy that allows exactly what was seen, each rule with its evidence.
// An undetermined descriptor gets no rule: a policy must not allow a descriptor that could not be looked at. A descriptor that
// the process opened itself gets none either. Used as it is, the policy starts the program again.

import type { Decided } from "../../plan/decide.ts";
import { FIRST_BEYOND_STANDARD } from "../../plan/match.ts";
import type { Policy } from "../../policy/types.ts";
import { flow } from "../../policy/wording/flow.ts";
import { printable } from "../../policy/wording/render.ts";
import type { Descriptor } from "../../sys/descriptors/kinds.ts";
import type { Inspection, StartedAs } from "../../sys/kernel.ts";
import { visibleJson } from "../../sys/text/visible.ts";
import { evidenceOf } from "./describe.ts";

export function suggestPolicy(
  { intent }: Policy,
  seen: Inspection,
  judged: readonly Decided[],
  program: StartedAs,
): string {
  const rules: string[] = [];
  for (const { fd, descriptor } of judged) {
    if (fd < FIRST_BEYOND_STANDARD || !descriptor) continue;
    const evidence = printable(evidenceOf({ descriptor }));
    if (seen.whose.get(fd)?.by === "itself") {
      rules.push(`      # ${fd} needs no rule, because the program opened it itself: ${evidence}`);
      continue;
    }
    if (descriptor.kinds[0] === "undetermined") {
      rules.push(`      # ${fd} is not allowed, because what it is cannot be determined: ${evidence}`);
      continue;
    }
    rules.push(`      # ${fd}: ${evidence}`);
    rules.push(`      - { match: ${flow(matchOf({ fd, ...descriptor }))}, action: keep }`);
  }
  const hasRules = rules.some((line) => line.trimStart().startsWith("-"));
  return [
    "# What `fdinit audit --suggest` saw. Read each rule before you use it: it allows what is there, good or bad.",
    `# process ${seen.pid}: ${printable(seen.command)}`,
    "version: 1",
    `intent: ${intent}`,
    "",
    "fds:",
    "  inherited:",
    "    default: close",
    "    # 0, 1 and 2 are kept without a rule",
    ...(hasRules ? ["    rules:"] : []),
    ...rules,
    ...serviceOf(program),
    "",
  ].join("\n");
}

/** A program that has written a title over its words: `nginx: master process nginx`. */
const TITLE = /^\S+: /;

function serviceOf({ words, executable, cwd, uid, gid }: StartedAs): string[] {
  const [first = ""] = words;
  const isTitle = TITLE.test(first);
  const command = isTitle ? (executable === undefined ? [] : [executable]) : words;
  if (command.length === 0 || command.some((word) => word.includes("\ufffd"))) return [];
  return [
    "",
    "services:",
    "  app:",
    ...(isTitle ? [`    # its words are gone, it calls itself ${printable(first)}: add its arguments`] : []),
    `    command: [${command.map((word) => quoted(word)).join(", ")}]`,
    ...(cwd === undefined || cwd === "/" ? [] : [`    cwd: ${quoted(cwd)}`]),
    ...(uid === undefined || uid === 0 ? [] : [`    user: "${uid}:${gid ?? uid}"`]),
  ];
}

/** `${` begins a variable of the policy, and `$$` stands for a dollar sign. */
function quoted(text: string): string {
  return visibleJson(text.replace(/\$(?=[{$])/g, "$$$$"));
}

/** Everything that was found out and stays the same from start to start, the number included. */
function matchOf({ fd, kinds, access, path, deleted, outsideRoot, socket }: Descriptor) {
  const where = path === undefined || path.includes("\ufffd") ? {} : { path: literal(path) };
  const about = {
    ...where,
    ...(deleted ? { deleted } : {}),
    ...(outsideRoot ? { outsideRoot } : {}),
  };
  const isOther = (word: string) => word === "other";
  const aboutSocket = socket && {
    ...(isOther(socket.family) ? {} : { family: socket.family }),
    ...(isOther(socket.type) ? {} : { type: socket.type }),
    listening: socket.listening,
    // Where a connection starts is different each time.
    ...(socket.local === undefined || socket.peer !== undefined ? {} : { address: literal(socket.local) }),
  };
  return { fd, kind: kinds[0], access, ...about, ...aboutSocket };
}

/** `*` and `?` are patterns and `$` begins a variable: the nearest pattern that fits the text. */
function literal(text: string): string {
  return text.replace(/[*?]/g, "?").replaceAll("$", "$$$$");
}
