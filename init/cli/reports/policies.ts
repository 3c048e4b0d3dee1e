// `fdinit policies [NAME]`: the policies in the executable, or the text of one.

import type { Kernel } from "../../sys/kernel.ts";
import { EXIT_USAGE } from "../exit-codes.ts";
import type { SubcommandLine } from "../invocation.ts";
import { type Outcome, print } from "../output/print.ts";
import { table } from "../output/table.ts";
import { embeddedNames, embeddedPolicy } from "../policy-source/embedded.ts";

export function policies(kernel: Kernel, { operands: [name] }: SubcommandLine): Outcome {
  if (name === undefined)
    return print(kernel, table(embeddedNames().map((each) => [each, firstComment(each)])));
  const text = embeddedPolicy(name);
  if (text !== undefined) return print(kernel, text);
  const complaint = `no embedded policy is called ${JSON.stringify(name)}: there are ${embeddedNames().join(", ")}`;
  return { code: EXIT_USAGE, complaint };
}

/** The first sentence a policy says of itself, past the line for editors. */
function firstComment(name: string): string {
  for (const line of embeddedPolicy(name)?.split("\n") ?? []) {
    if (!line.startsWith("#")) break;
    if (!line.startsWith("# yaml-language-server")) return line.replace(/^#\s*/, "").replace(/[.:] .*$/, "");
  }
  return "";
}
