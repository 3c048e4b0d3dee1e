// How large an init's file is, and whether it starts where there is little address space.

import { statSync } from "node:fs";
import { type Figure, summarize } from "./figures.ts";
import { INITS } from "./inits.ts";
import type { Programs } from "./programs.ts";

const LITTLE_KB = 32 * 1024;

export function measureFiles(): Figure {
  return {
    title: "file",
    unit: "kB",
    values: each(([file = ""]) => statSync(file).size / 1024),
    staticGoal: { atMost: 2.5 * 1024 },
  };
}

export function tryLittleAddressSpace({ payload }: Programs): Figure {
  return {
    title: "does not start with 32 MB of address space (RLIMIT_AS)",
    unit: "",
    values: each((words) => {
      const script = `ulimit -v ${LITTLE_KB} && exec "$@"`;
      const { success } = Bun.spawnSync(["sh", "-c", script, "sh", ...words, payload], { timeout: 10_000 });
      return success ? 0 : 1;
    }),
    staticGoal: { atMost: 0 },
  };
}

function each(measure: (words: readonly string[]) => number): Figure["values"] {
  return new Map(
    INITS.flatMap(({ name, words }) => (words ? [[name, summarize([measure(words)])] as const] : [])),
  );
}
