// The way to the executable's other modules, each loaded at first use: the bytecode of the plain policies would cost every start
// a part of a millisecond, that of the parsers and reports more than one.

/** Set by scripts/bundle.ts: the modules' places in the executable. Undefined when fdinit runs from source. */
declare const PLAIN_POLICIES: string;
declare const PARSERS_AND_REPORTS: string;
declare const SEVERAL_SERVICES: string;

export function plainPolicies(): typeof import("./plain-policies.ts") {
  return typeof PLAIN_POLICIES === "undefined" ? require("./plain-policies.ts") : require(PLAIN_POLICIES);
}

export function parsersAndReports(): typeof import("./parsers-and-reports.ts") {
  return typeof PARSERS_AND_REPORTS === "undefined"
    ? require("./parsers-and-reports.ts")
    : require(PARSERS_AND_REPORTS);
}

function severalServices(): typeof import("./several-services.ts") {
  return typeof SEVERAL_SERVICES === "undefined"
    ? require("./several-services.ts")
    : require(SEVERAL_SERVICES);
}

type RunServices = ReturnType<typeof severalServices>["runServices"];

export function runServices(policy: Parameters<RunServices>[0], given: Parameters<RunServices>[1]) {
  return severalServices().runServices(policy, given, parsersAndReports);
}
