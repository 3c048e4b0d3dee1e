// What few starts need: the subcommands' reports, standing in for other inits, and the part of the policy room that reads text. In the
// executable a module of its own (scripts/bundle.ts). Nothing here may import sys/libc or what does: it
// would be there twice.

export { loadPolicy } from "../policy/load.ts";
export { renderIssues } from "../policy/wording/render.ts";
export { readSubcommand } from "./read-subcommand.ts";
export { report } from "./reports/reports.ts";
export { launchFailure } from "./start/launch-failure.ts";
export { refusal } from "./start/refusal.ts";
export { tellStart } from "./start/tell-start.ts";
