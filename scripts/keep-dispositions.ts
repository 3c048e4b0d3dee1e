// One more edit of the compiled executable: Bun leaves the signal dispositions alone that fdinit was started
// with, so that a program ignores what its launcher ignored. The C library's functions are called by other
// names: `isalpha` answers 0 for every signal number, as a sigaction(2) does that worked, and `abs` the number.
//
// What Bun sets these for is done by fdinit itself (init/sys/runtime-signals.ts) or of no use in PID 1.

import { contents, onlyOccurrence, section } from "./elf.ts";

const CALLED_INSTEAD: Readonly<Record<string, string>> = { sigaction: "isalpha", signal: "abs" };

/** Edits `bytes` in place; answers what was changed. */
export function keepDispositions(bytes: Buffer): string {
  const names = contents(bytes, section(bytes, ".dynstr"));
  for (const [name, other] of Object.entries(CALLED_INSTEAD)) {
    const at = onlyOccurrence(names, Buffer.from(`\0${name}\0`), `${name} in .dynstr`);
    names.write(other.padEnd(name.length, "\0"), at + 1, "latin1");
  }
  return "signal dispositions stay as the launcher set them (sigaction → isalpha, signal → abs in .dynstr)";
}
