// Who is compared, and how each is called so that all do the same: become a subreaper where they are
// not PID 1 (dumb-init cannot), start one program, forward signals to it.

import { EXECUTABLE } from "../scripts/build.ts";

/** A way of starting a program; a column of the tables. */
export interface Init {
  readonly name: string;
  /** The words before the program's own. Undefined: not installed. */
  readonly words: readonly string[] | undefined;
}

export const INITS: readonly Init[] = [
  { name: "fdinit", words: [EXECUTABLE, "--"] },
  // Without -s tini complains on stderr when it is not PID 1, which would be measured too.
  installed("tini", "-s", "--"),
  installed("dumb-init", "--"),
  installed("catatonit", "--"),
];

/** Nothing between the harness and the program: what of a figure is no init's doing. */
export const NO_INIT: Init = { name: "no init", words: [] };

/** What every ratio is to. */
export const REFERENCE = "tini";

function installed(name: string, ...options: string[]): Init {
  const path = Bun.which(name);
  return { name, words: path ? [path, ...options] : undefined };
}
