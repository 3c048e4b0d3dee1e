// Runs a subcommand: its report on standard output, and its exit code.

import { version } from "../../../package.json";
import { ENGINE } from "../../sys/engine/text.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { EXIT_USAGE } from "../exit-codes.ts";
import type { Invocation } from "../invocation.ts";
import { type Outcome, print } from "../output/print.ts";

// Each is evaluated only when it is asked for.
const helping = () => require("../help/help.ts") as typeof import("../help/help.ts");
const standingIn = () => require("../drop-in/stand-in.ts") as typeof import("../drop-in/stand-in.ts");
const checking = () => require("../check/check.ts") as typeof import("../check/check.ts");
const planning = () => require("./plan.ts") as typeof import("./plan.ts");
const auditing = () => require("./audit.ts") as typeof import("./audit.ts");
const schemas = () => require("./schema.ts") as typeof import("./schema.ts");
const listing = () => require("./policies.ts") as typeof import("./policies.ts");
const doctoring = () => require("./doctor.ts") as typeof import("./doctor.ts");
const converting = () => require("../convert/convert.ts") as typeof import("../convert/convert.ts");
const controlling = () => require("../control/control.ts") as typeof import("../control/control.ts");
const completing = () => require("../help/completion.ts") as typeof import("../help/completion.ts");

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
      return helping().help(kernel, invocation);
    case "standIn":
      return { code: standingIn().standIn(kernel, invocation.original, invocation.argv, own) };
    case "check":
      return checking().check(kernel, invocation);
    case "plan":
      return planning().plan(kernel, invocation, own);
    case "audit":
      return auditing().audit(kernel, invocation);
    case "schema":
      return schemas().schema(kernel);
    case "policies":
      return listing().policies(kernel, invocation);
    case "doctor":
      return doctoring().doctor(kernel, invocation);
    case "convert":
      return converting().convert(kernel, invocation);
    case "completion":
      return completing().completion(kernel, invocation);
    default:
      return controlling().control(kernel, invocation, own);
  }
}
