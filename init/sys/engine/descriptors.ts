// The seam's third part: which open descriptors are the engine's own.

export { findRuntimeDescriptors } from "./bun/descriptors.ts";
