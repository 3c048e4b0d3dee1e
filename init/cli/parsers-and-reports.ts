// Exports the parsers and reports that few starts need: reading a policy's text and a subcommand's words, standing in for other
// inits, the subcommands' reports, and the words for a start that failed. In the executable they are a module of their own
// (scripts/bundle.ts), which must not reach sys/libc: that would be in the executable twice.

export { loadPolicy } from "../policy/load.ts";
export { renderIssues } from "../policy/wording/render.ts";
export { onlyService } from "./policy-source/only-service.ts";
export { readSubcommand } from "./read-subcommand.ts";
export { report } from "./reports/reports.ts";
export { launchFailure } from "./start/launch-failure.ts";
export { refusal, sayWarnings } from "./start/refusal.ts";
export { tellPlan, tellStart } from "./start/tell-start.ts";
