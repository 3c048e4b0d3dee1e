// One more edit of the compiled executable: Bun leaves the signal dispositions alone that fdinit was started
// with, so that a program ignores what its launcher ignored. The C library's functions are called by other
// names: `isalpha` answers 0 for every signal number, as a sigaction(2) does that worked, and `abs` the number.
//
// Bun's uses of the two are done by fdinit itself (init/sys/engine/bun/runtime-signals.ts) or of no use in PID 1. With
// them goes Bun's handler for a seccomp profile that traps its first close_range(2); so that call goes too:
// another number stands in its place. fdinit decides about every inherited descriptor itself.

import { contents, onlyOccurrence, section } from "./elf.ts";

const CALLED_INSTEAD: Readonly<Record<string, string>> = { sigaction: "isalpha", signal: "abs" };

/** Edits `bytes` in place; answers what was changed. */
export function keepDispositions(bytes: Buffer): string[] {
  const names = contents(bytes, section(bytes, ".dynstr"));
  for (const [name, other] of Object.entries(CALLED_INSTEAD)) {
    const at = onlyOccurrence(names, Buffer.from(`\0${name}\0`), `${name} in .dynstr`);
    names.write(other.padEnd(name.length, "\0"), at + 1, "latin1");
  }
  leaveInheritedAlone(bytes);
  return [
    "signal dispositions stay as the launcher set them (sigaction → isalpha, signal → abs in .dynstr)",
    "inherited descriptors stay as they are until fdinit looks at them (close_range → getpid)",
  ];
}

// <elf.h>: e_machine
const EM_X86_64 = 62;

/** syscall(SYS_close_range, 4, ~0, CLOSE_RANGE_CLOEXEC), whose answer nobody looks at, becomes getpid(2). */
function leaveInheritedAlone(bytes: Buffer): void {
  const isX86 = bytes.readUInt16LE(0x12) === EM_X86_64;
  // mov edi, 436; mov esi, 4; mov edx, -1; mov ecx, 4; and the same in w0 to w3
  const call = isX86
    ? Buffer.from("bfb4010000be04000000baffffffffb904000000", "hex")
    : words(0x52803680, 0x52800081, 0x12800002, 0x52800083);
  // mov edi, 39; mov w0, #172
  const other = isX86 ? Buffer.from("bf27000000", "hex") : words(0x52801580);
  const code = contents(bytes, section(bytes, ".text"));
  other.copy(code, onlyOccurrence(code, call, "the close_range of Bun's start"));
}

function words(...instructions: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * instructions.length);
  for (const [index, instruction] of instructions.entries()) bytes.writeUInt32LE(instruction, 4 * index);
  return bytes;
}
