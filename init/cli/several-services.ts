// Exports the supervision of several services. In the executable this is a module of its own (scripts/bundle.ts): the parsers and
// reports, which are much larger, are loaded only where there is something to say. Nothing here may reach sys/libc, which would
// then be in the executable twice.

export { runServices } from "./start/run-services.ts";
