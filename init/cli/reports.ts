// What the subcommands print on standard output, and their exit codes.

import { version } from "../../package.json";
import { ENGINE } from "../sys/engine/text.ts";
import type { Kernel } from "../sys/kernel.ts";
import type { Invocation } from "./arguments.ts";
import { embeddedNames } from "./embedded.ts";
import { EXIT_USAGE } from "./exit-codes.ts";
import { DEFAULT_POLICY_FILE } from "./find-policy.ts";
import { type Outcome, print } from "./print.ts";

/** Answers every invocation but an ordinary start. `own` is what fdinit itself has opened. */
export function report(
  kernel: Kernel,
  invocation: Exclude<Invocation, { do: "run" }>,
  own: readonly [number, ...number[]],
): Outcome {
  switch (invocation.do) {
    case "complain":
      return { code: EXIT_USAGE, complaint: [invocation.message, "see: fdinit help"] };
    case "version":
      return print(kernel, `fdinit ${version} (${ENGINE})\n`);
    case "help":
      return print(kernel, help());
    case "standIn": {
      const { standIn } = require("./drop-in/stand-in.ts") as typeof import("./drop-in/stand-in.ts");
      return { code: standIn(kernel, invocation.original, invocation.argv, own) };
    }
    // Each is evaluated only when it is asked for: the start of a program needs none of them.
    case "check":
      return (require("./check.ts") as typeof import("./check.ts")).check(kernel, invocation);
    case "plan":
      return (require("./plan.ts") as typeof import("./plan.ts")).plan(kernel, invocation, own);
    case "audit":
      return (require("./audit.ts") as typeof import("./audit.ts")).audit(kernel, invocation);
    case "schema":
      return (require("./schema.ts") as typeof import("./schema.ts")).schema(kernel);
    case "policies":
      return (require("./policies.ts") as typeof import("./policies.ts")).policies(kernel, invocation);
    default:
      return {
        code: EXIT_USAGE,
        complaint: `"${invocation.do}" is not part of this version; to run a program of that name: fdinit -- ${invocation.do}`,
      };
  }
}

function help(): string {
  return `fdinit ${version}: a container init that decides about every inherited file descriptor

usage: fdinit [options] [--] command [args...]
       fdinit check [FILE|NAME...]              every complaint about policies; exit code 0 or 78
       fdinit plan [--json] [--] [command...]   what would be done with the descriptors of this process
       fdinit audit [--pid N] [--json|--suggest]
                                                the descriptors of a running process (default: 1), judged
       fdinit schema                            the JSON Schema of the policy
       fdinit policies [NAME]                   the embedded policies, or one of them
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
  77   the policy refused an inherited descriptor; of audit: it would not allow one
  78   the policy is invalid or cannot be read
  126  the program was found but cannot be executed
  127  the program was not found
`;
}
