// The inits that are compared, each called so that all do the same: become a subreaper where they are
// not PID 1 (dumb-init cannot), start one program, forward signals to it.

import { existsSync } from "node:fs";
import { EXECUTABLE } from "../scripts/build.ts";
import { staticExecutable } from "../scripts/static.ts";
import { staticTargetOfThisMachine } from "../scripts/targets.ts";

/** A way of starting a program; a column of the tables. */
export interface Init {
  readonly name: string;
  /** The words before the program's own. Undefined: not installed. */
  readonly words: readonly string[] | undefined;
}

const STATIC_EXECUTABLE = staticExecutable(staticTargetOfThisMachine());

/** The column of the static executable. */
export const STATIC = "fdinit static";

export const INITS: readonly Init[] = [
  { name: "fdinit", words: [EXECUTABLE, "--"] },
  {
    name: STATIC,
    // Looked at late: the benchmark builds it.
    get words() {
      return existsSync(STATIC_EXECUTABLE) ? [STATIC_EXECUTABLE, "--"] : undefined;
    },
  },
  // Without -s tini complains on stderr when it is not PID 1, which would be measured too.
  installed("tini", "-s", "--"),
  installed("dumb-init", "--"),
  installed("catatonit", "--"),
];

/** Nothing between the harness and the program: what of a figure is no init's doing. */
export const NO_INIT: Init = { name: "no init", words: [] };

/** The column that every ratio is to. */
export const REFERENCE = "tini";

function installed(name: string, ...options: string[]): Init {
  const path = Bun.which(name);
  return { name, words: path ? [path, ...options] : undefined };
}
