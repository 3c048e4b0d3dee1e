// The way to the executable's other modules, each loaded at first use: their bytecode would cost every start more
// than a millisecond.

/** Set by scripts/bundle.ts: where the executable holds the modules. Run from source there is no such place. */
declare const POLICY_MODULE: string;
declare const SECOND_MODULE: string;

export function policyModule(): typeof import("./policy-module.ts") {
  return typeof POLICY_MODULE === "undefined" ? require("./policy-module.ts") : require(POLICY_MODULE);
}

export function secondModule(): typeof import("./second-module.ts") {
  return typeof SECOND_MODULE === "undefined" ? require("./second-module.ts") : require(SECOND_MODULE);
}
