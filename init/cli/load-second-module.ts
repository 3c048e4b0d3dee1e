// The way to the second module of the executable, loaded at first use: its bytecode would cost every
// start more than a millisecond.

/** Set by scripts/bundle.ts: where the executable holds that module. Run from source there is no such place. */
declare const SECOND_MODULE: string;

export function secondModule(): typeof import("./second-module.ts") {
  return typeof SECOND_MODULE === "undefined" ? require("./second-module.ts") : require(SECOND_MODULE);
}
