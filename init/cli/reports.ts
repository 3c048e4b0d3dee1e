// What the subcommands print on standard output, and their exit codes.

import { version } from "../../package.json";
import { errnoText } from "../sys/errno.ts";
import type { Kernel } from "../sys/kernel.ts";
import type { Invocation } from "./arguments.ts";
import { embeddedNames } from "./embedded.ts";
import { EXIT_SOFTWARE, EXIT_USAGE } from "./exit-codes.ts";
import { DEFAULT_POLICY_FILE } from "./find-policy.ts";

const STDOUT = 1;

/** What a report subcommand came to: nothing more to say, or a complaint for standard error. */
export interface Outcome {
  readonly code: number;
  readonly complaint?: string;
}

/** Answers every invocation that does not run a program. */
export function report(kernel: Kernel, invocation: Exclude<Invocation, { do: "run" }>): Outcome {
  switch (invocation.do) {
    case "complain":
      return { code: EXIT_USAGE, complaint: `${invocation.message}\nsee: fdinit help` };
    case "version":
      return print(kernel, `fdinit ${version}\n`);
    case "help":
      return print(kernel, help());
    default:
      return {
        code: EXIT_USAGE,
        complaint: `"${invocation.do}" is not part of this version; to run a program of that name: fdinit -- ${invocation.do}`,
      };
  }
}

function print(kernel: Kernel, text: string): Outcome {
  const failed = kernel.write(STDOUT, text);
  return failed < 0
    ? { code: EXIT_SOFTWARE, complaint: `cannot write to standard output: ${errnoText(-failed)}` }
    : { code: 0 };
}

function help(): string {
  return `fdinit ${version}: a container init that decides about every inherited file descriptor

usage: fdinit [options] [--] command [args...]
       fdinit version | help

Runs one program as a container's PID 1 (or below it), with exactly the descriptors that the policy
lets through; forwards every signal, reaps every child, and exits with the program's own code.

options
  --policy FILE|NAME  a policy file, or one of the embedded policies: ${embeddedNames().join(", ")}
                      (variable FDINIT_POLICY; else ${DEFAULT_POLICY_FILE}; else the built-in one)
  --intent INTENT     security (default), performance or simplicity: fills every key the policy
                      leaves unset (variable FDINIT_INTENT)
  -h, --help          this text
  -V, --version       the version
  --                  what follows is the program, even when it has a subcommand's name

exit codes
  the program's own   128 + n when signal n ended it
  64   wrong command line
  70   fdinit itself failed
  77   the policy refused an inherited descriptor
  78   the policy is invalid or cannot be read
  126  the program was found but cannot be executed
  127  the program was not found
`;
}
