// One more edit of the compiled executable: Bun leaves SIGPIPE and SIGXFSZ alone, so that a program ignores
// what its launcher ignored. Bun ignores the two by signal(3), which is called by another name: `abs` answers
// the signal's number and changes nothing. sigaction(2) stays: Bun's handler of SIGSYS is what lets it start
// under a seccomp profile that traps a call.

import { contents, onlyOccurrence, section } from "./elf.ts";

/** Edits `bytes` in place; answers what was changed. */
export function keepDispositions(bytes: Buffer): string {
  const names = contents(bytes, section(bytes, ".dynstr"));
  const at = onlyOccurrence(names, Buffer.from("\0signal\0"), "signal in .dynstr");
  names.write("abs".padEnd("signal".length, "\0"), at + 1, "latin1");
  return "SIGPIPE and SIGXFSZ stay as the launcher set them (signal → abs in .dynstr)";
}
