// The way to parsers-and-reports.ts, which is a module of its own in the executable and is loaded at first use: its bytecode
// would cost every start more than a millisecond.

/** Set by scripts/bundle.ts: the module's place in the executable. Undefined when fdinit runs from source. */
declare const PARSERS_AND_REPORTS: string;

export function parsersAndReports(): typeof import("./parsers-and-reports.ts") {
  return typeof PARSERS_AND_REPORTS === "undefined"
    ? require("./parsers-and-reports.ts")
    : require(PARSERS_AND_REPORTS);
}
