// Exports what few starts need: the subcommands' reports, standing in for other inits, and the part of the policy room that
// reads text. In the executable this is a module of its own (scripts/bundle.ts). Nothing here may reach sys/libc, which would
// then be in the executable twice.

export { checkPolicy, placed, textOfPolicy } from "../policy/check.ts";
export { loadPolicy } from "../policy/load.ts";
export { renderIssues } from "../policy/render.ts";
export { launchFailure } from "./launch-failure.ts";
export { readSubcommand } from "./read-subcommand.ts";
export { refusal } from "./refusal.ts";
export { report } from "./reports.ts";
export { tellStart } from "./tell-start.ts";
