// The numbers and the machine code of the architecture that runs this. In an executable that is one of the
// two files itself (scripts/bundle.ts): a choice at run time would cost every start.

import * as aarch64 from "./aarch64.ts";
import * as x86_64 from "./x86_64.ts";

const abi = process.arch === "arm64" ? aarch64 : x86_64;

/** System call numbers of this architecture. */
export const SYS: { readonly [K in keyof typeof x86_64.SYS]: number } = abi.SYS;
export const O_DIRECTORY: number = abi.O_DIRECTORY;
export const O_NOFOLLOW: number = abi.O_NOFOLLOW;
/** Where struct stat has these. */
export const STAT: { readonly mode: number; readonly links: number; readonly uid: number } = abi.STAT;
export const passToMainThread: typeof x86_64.passToMainThread = abi.passToMainThread;
/** What a child does between clone(2) and execve(2): child.ts. */
export const childCode: string = abi.childCode;
export const blockAndPassOn: typeof x86_64.blockAndPassOn = abi.blockAndPassOn;
export const RESTORER: Uint8Array | undefined = abi.RESTORER;
