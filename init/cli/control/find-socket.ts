// Finds the control socket of a running fdinit: --control, else FDINIT_CONTROL, else what its policy says, which is found as
// process 1 finds it.

import type { Policy } from "../../policy/types.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { bytesOf } from "../../sys/text/bytes.ts";
import { environmentOf } from "../command-line.ts";
import type { SubcommandLine } from "../invocation.ts";
import type { Message } from "../output/say.ts";
import { type ReadPolicy, readPolicy } from "../policy-source/read-policy.ts";
import { optionsOf, variablesOf } from "../policy-source/running-fdinit.ts";
import { parser } from "../reports/parser.ts";

/** The process that the subcommands speak of. */
export const INIT = 1;

export interface FoundSocket {
  /** Undefined: `why` says why there is none. */
  readonly socket: string | undefined;
  readonly why: Message;
  /** It was named for this call, so nothing else is looked at. */
  readonly isNamed: boolean;
  /** The policy, when it had to be read and could be. */
  readonly policy?: Policy;
}

export function findSocket(kernel: Kernel, { control, options }: SubcommandLine): FoundSocket {
  const named = control ?? (environmentOf(kernel)("FDINIT_CONTROL") || undefined);
  if (named !== undefined) return { socket: named, why: "", isNamed: true };
  const read = policyOfInit(kernel, options);
  if (!read.ok) return { socket: undefined, why: read.message, isNamed: false };
  const { policy } = read;
  const name = policy.source.name === undefined ? "there is no policy" : `${policy.source.name} has none`;
  const why = `no control socket is known: ${name} (control.socket); name one with --control`;
  return { socket: policy.control?.socket, why, isNamed: false, policy };
}

/** Process 1 may have been given another policy than this call, and other values for its variables. */
function policyOfInit(kernel: Kernel, options: SubcommandLine["options"]): ReadPolicy {
  if (options.policy !== undefined || !kernel.isFdinit(INIT)) return readPolicy(kernel, options, parser);
  const variables = variablesOf(kernel, INIT);
  if (!variables) return readPolicy(kernel, options, parser);
  const asInit: Kernel = {
    ...kernel,
    environmentVariable: (name) => {
      const value = variables(name);
      return value === undefined ? undefined : bytesOf(value);
    },
  };
  return readPolicy(asInit, optionsOf(kernel, INIT) ?? options, parser);
}
