// System calls and memory as the host of the static executable has them (engine/host.c).

import type {} from "./host.ts";

export const syscall: (
  number: number,
  a?: number,
  b?: number,
  c?: number,
  d?: number,
  e?: number,
  f?: number,
) => number = host.syscall;
export const addressOf: (bytes: Uint8Array) => number = host.address;
export const bytesAt: (address: number) => Uint8Array = host.bytesAt;
export const pointerAt: (address: number, offset?: number) => number = host.integerAt;
export const integerAt: (address: number, offset?: number) => number = host.integerAt;
export const variableAddress: (name: number) => number = host.getenv;
/** The address of the environment that execve(2) left. */
export const ENVIRON: number = host.environ;
