// Exports what few starts need: the subcommands' reports, standing in for other inits, and the part of the policy room that
// reads text. In the executable this is a module of its own (scripts/bundle.ts). Nothing here may reach sys/libc, which would
// then be in the executable twice.

export { loadPolicy } from "../policy/load.ts";
export { renderIssues } from "../policy/wording/render.ts";
export { readSubcommand } from "./read-subcommand.ts";
export { report } from "./reports/reports.ts";
export { launchFailure } from "./start/launch-failure.ts";
export { refusal, sayWarnings } from "./start/refusal.ts";
export { tellStart } from "./start/tell-start.ts";
