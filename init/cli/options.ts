// The options that a start and every subcommand have, and the variables that stand in for them.

import type { Environment, Intent } from "../policy/types.ts";
import { INTENTS, type Options } from "./invocation.ts";

/** The options as they were written, before they are looked at. */
export interface WrittenOptions {
  policy?: string;
  intent?: string;
}

/** An option wins over its variable; a variable set to nothing counts as unset. */
export function commandLineOptions(
  given: WrittenOptions,
  environment: Environment,
): Options | { message: string } {
  const policy = given.policy ?? (environment("FDINIT_POLICY") || undefined);
  const word = given.intent ?? (environment("FDINIT_INTENT") || undefined);
  const intent = INTENTS.includes(word as Intent) ? (word as Intent) : undefined;
  if (word !== undefined && !intent) {
    const origin = given.intent === undefined ? "FDINIT_INTENT" : "--intent";
    return { message: `${origin} is ${JSON.stringify(word)}, not one of: ${INTENTS.join(", ")}` };
  }
  return { ...(policy === undefined ? {} : { policy }), ...(intent ? { intent } : {}) };
}

export function cut(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
