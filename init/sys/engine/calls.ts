// The first part of the seam that both engines meet behind: system calls, memory by its address, and what the
// kernel laid out at the start. scripts/bundle.ts puts ./quickjs/ in the place of ./bun/ for the static executable;
// the two sides export the same names with the same types (tests/unit/seam.test.ts). Decides nothing.

export {
  addressOf,
  bytesAt,
  ENVIRON,
  integerAt,
  pointerAt,
  syscall,
  variableAddress,
} from "./bun/calls.ts";
