// Exports the way of a correct, plain policy. In the executable this is a module of its own (scripts/bundle.ts), since many
// starts have such a policy, and few need the parsers and reports, which are five times as large. Nothing here may
// reach sys/libc, which would then be in the executable twice.

export { loadPlainPolicy } from "../policy/load-plain.ts";
