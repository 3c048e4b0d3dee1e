// The seam's fourth part: how this process comes to have every signal blocked, and what of its dispositions and
// its environment is the engine's doing and must not reach a program.

export {
  blockSignals,
  environmentIsChanged,
  programDispositions,
  programEnvironment,
} from "./bun/process.ts";
