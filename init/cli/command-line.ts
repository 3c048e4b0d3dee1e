// The command line and the environment that fdinit was started with, from the kernel: arguments.ts reads their words without it.
// fdinit's own variables are text here; the program gets its words and its environment byte for byte.

import type { CommandLine } from "../plan/plan.ts";
import type { Environment } from "../policy/types.ts";
import type { Kernel } from "../sys/kernel.ts";
import { textOf } from "../sys/text/bytes.ts";

export function environmentOf(kernel: Kernel): Environment {
  return (name) => {
    const value = kernel.environmentVariable(name);
    return value && textOf(value);
  };
}

/** The program that stands at argv[at], with the arguments after it, byte for byte. */
export function commandLineFrom(kernel: Kernel, at: number | undefined): CommandLine {
  return at === undefined
    ? undefined
    : { program: kernel.commandLineArgument(at), arguments: { commandLineFrom: at } };
}
