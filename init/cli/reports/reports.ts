// Runs a subcommand: its report on standard output, and its exit code.

import { version } from "../../../package.json";
import { ENGINE } from "../../sys/engine/text.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { EXIT_USAGE } from "../exit-codes.ts";
import type { Invocation } from "../invocation.ts";
import { type Outcome, print } from "../output/print.ts";

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
      return (require("../help/help.ts") as typeof import("../help/help.ts")).help(kernel, invocation);
    case "standIn": {
      const { standIn } = require("../drop-in/stand-in.ts") as typeof import("../drop-in/stand-in.ts");
      return { code: standIn(kernel, invocation.original, invocation.argv, own) };
    }
    // Each is evaluated only when it is asked for: the start of a program needs none of them.
    case "check":
      return (require("../check/check.ts") as typeof import("../check/check.ts")).check(kernel, invocation);
    case "plan":
      return (require("./plan.ts") as typeof import("./plan.ts")).plan(kernel, invocation, own);
    case "audit":
      return (require("./audit.ts") as typeof import("./audit.ts")).audit(kernel, invocation);
    case "schema":
      return (require("./schema.ts") as typeof import("./schema.ts")).schema(kernel);
    case "policies":
      return (require("./policies.ts") as typeof import("./policies.ts")).policies(kernel, invocation);
    case "doctor":
      return (require("./doctor.ts") as typeof import("./doctor.ts")).doctor(kernel, invocation);
    case "convert":
      return (require("../convert/convert.ts") as typeof import("../convert/convert.ts")).convert(
        kernel,
        invocation,
      );
    case "completion":
      return (require("../help/completion.ts") as typeof import("../help/completion.ts")).completion(
        kernel,
        invocation,
      );
    default:
      return {
        code: EXIT_USAGE,
        complaint: `"${invocation.do}" is not part of this version; to run a program of that name: fdinit -- ${invocation.do}`,
      };
  }
}
