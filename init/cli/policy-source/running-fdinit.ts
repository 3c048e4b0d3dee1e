// The options and variables that a running fdinit was started with, as /proc shows it: its options and its environment.

import type { Environment } from "../../policy/types.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { textOf } from "../../sys/text/bytes.ts";
import { readArguments } from "../arguments.ts";
import type { Options } from "../invocation.ts";
import { readSubcommand } from "../read-subcommand.ts";

const LONGEST = 1 << 20;

/** Its own options, its variables included; undefined: not to be seen, or a policy from standard input, which is gone. */
export function optionsOf(kernel: Kernel, pid: number): Options | undefined {
  const [, ...words] = textsOf(kernel, `/proc/${pid}/cmdline`);
  const variable = variablesOf(kernel, pid) ?? (() => undefined);
  const started = readArguments(words, variable, () => ({ readSubcommand }));
  return started.do === "run" && started.options.policy !== "-" ? started.options : undefined;
}

/** The words of the program on its command line; undefined: none there, and the policy names it. */
export function programWordsOf(kernel: Kernel, pid: number): readonly string[] | undefined {
  const words = textsOf(kernel, `/proc/${pid}/cmdline`);
  const started = readArguments(
    words.slice(1),
    () => undefined,
    () => ({ readSubcommand }),
  );
  return started.do === "run" && started.programAt !== undefined ? words.slice(started.programAt) : undefined;
}

/** The variables of a process; undefined where they cannot be read: another user's need CAP_SYS_PTRACE. */
export function variablesOf(kernel: Kernel, pid: number): Environment | undefined {
  const entries = textsOf(kernel, `/proc/${pid}/environ`);
  if (entries.length === 0) return undefined;
  return (name) => entries.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Texts that each end with a NUL. */
function textsOf(kernel: Kernel, path: string): string[] {
  const bytes = kernel.readFile(path, LONGEST);
  return typeof bytes === "number" ? [] : textOf(bytes).split("\0").slice(0, -1);
}
