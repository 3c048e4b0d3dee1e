// The machine code of the architecture that runs this; in an executable one of the two files itself (scripts/bundle.ts).

import * as aarch64 from "./aarch64.ts";
import * as x86_64 from "./x86_64.ts";

const code = process.arch === "arm64" ? aarch64 : x86_64;

export const passToMainThread: typeof x86_64.passToMainThread = code.passToMainThread;
/** The machine code of a child between clone(2) and execve(2): ../child-code.ts. */
export const childCode: string = code.childCode;
export const blockAndPassOn: typeof x86_64.blockAndPassOn = code.blockAndPassOn;
export const RESTORER: Uint8Array | undefined = code.RESTORER;
