// The numbers of the architecture that runs this. In an executable that is one of the two files itself
// (scripts/bundle.ts): a choice at run time would cost every start.

import * as aarch64 from "./aarch64.ts";
import * as x86_64 from "./x86_64.ts";

const abi = process.arch === "arm64" ? aarch64 : x86_64;

/** System call numbers of this architecture. */
export const SYS: { readonly [K in keyof typeof x86_64.SYS]: number } = abi.SYS;
export const O_DIRECTORY: number = abi.O_DIRECTORY;
export const O_NOFOLLOW: number = abi.O_NOFOLLOW;
/** Where struct stat has these. */
export const STAT: { readonly mode: number; readonly links: number; readonly uid: number } = abi.STAT;
