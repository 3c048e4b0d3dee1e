// A few instructions in front of the executable's entry: they ask for the memory that Bun's engine is about
// to need and give it back at once. Where it is refused (RLIMIT_AS, RLIMIT_DATA, vm.overcommit_memory=2, PR_SET_MDWE) the engine
// would abort or show its own source; instead PID 1 says one line and exits with 70. Costs a start six system calls.

import { EM_AARCH64, EM_X86_64, machineOf } from "../elf.ts";

/** before-main-*.s assembled, in hexadecimal. */
export const CODE: Readonly<Record<number, string>> = {
  [EM_X86_64]:
    "5231d241ba22400000488b3590000000e836000000ba0300000041ba22000000488b3581000000e81f000000ba07" +
    "00000041ba22000000be01000000e80a0000005a488b054f000000ffe0b80900000031ff49c7c0ffffffff4531c9" +
    "0f05483d01f0ffff730b4889c7b80b0000000f05c3b801000000bf02000000488d3536000000488b15270000000f" +
    "05b8e7000000bf460000000f0590",
  [EM_AARCH64]:
    "f30300aae1040058020080d2430488d20d000094a1040058620080d2430480d209000094210080d2e20080d24304" +
    "80d205000094e00313aa1e0080d2f002005800021fd6f40301aa000080d204008092050080d2c81b80d2010000d4" +
    "1ffc3fb1a2000054e10314aae81a80d2010000d4c0035fd6400080d201020010a2010058080880d2010000d4c008" +
    "80d2c80b80d2010000d41f2003d5",
};

/** The address space that a start takes beside the executable's own segments, measured with ulimit -v and -d (tests/pid1/engine.test.ts). */
const ADDRESSES = 232 << 20;
const WRITTEN = 34 << 20;

const MESSAGE =
  "fdinit: the engine cannot start: it needs 350 MB of address space, 40 MB of it writable, and memory that can be executed (RLIMIT_AS, RLIMIT_DATA, vm.overcommit_memory, PR_SET_MDWE, SELinux execmem)\n";

// Offsets of struct Elf64_Ehdr and Elf64_Phdr (elf(5)).
const E_ENTRY = 24;
const E_PHOFF = 32;
const E_PHENTSIZE = 54;
const E_PHNUM = 56;
const P = { type: 0, flags: 4, offset: 8, vaddr: 16, paddr: 24, filesz: 32, memsz: 40, align: 48 } as const;
const PT_LOAD = 1;
const PT_NOTE = 4;
const PF_X = 1;
const PF_R = 4;
/** The largest page of arm64: a segment's address and offset agree modulo this. */
const PAGE = 0x10000;

/**
 * The executable with a segment of its own for the code, which becomes its entry. The program header of the
 * build id (PT_NOTE), which nothing reads at run time, becomes the segment's.
 */
export function askBeforeMain(bytes: Buffer): { readonly bytes: Buffer; readonly change: string } {
  const code = CODE[machineOf(bytes)];
  if (code === undefined) throw new Error(`hardening: nothing is known of machine ${machineOf(bytes)}`);
  const table = Number(bytes.readBigUInt64LE(E_PHOFF));
  const headers = Array.from(
    { length: bytes.readUInt16LE(E_PHNUM) },
    (_, index) => table + index * bytes.readUInt16LE(E_PHENTSIZE),
  );
  const note = headers.find((at) => bytes.readUInt32LE(at + P.type) === PT_NOTE);
  if (note === undefined) throw new Error("hardening: the executable has no PT_NOTE");
  const ends = headers
    .filter((at) => bytes.readUInt32LE(at + P.type) === PT_LOAD)
    .map((at) => Number(bytes.readBigUInt64LE(at + P.vaddr) + bytes.readBigUInt64LE(at + P.memsz)));
  const offset = up(bytes.length);
  const address = up(Math.max(...ends));

  const segment = segmentOf(Buffer.from(code, "hex"), bytes.readBigUInt64LE(E_ENTRY));
  const result = Buffer.concat([bytes, Buffer.alloc(offset - bytes.length), segment]);
  result.writeUInt32LE(PT_LOAD, note + P.type);
  result.writeUInt32LE(PF_R | PF_X, note + P.flags);
  for (const [field, value] of [
    [P.offset, offset],
    [P.vaddr, address],
    [P.paddr, address],
    [P.filesz, segment.length],
    [P.memsz, segment.length],
    [P.align, PAGE],
  ] as const)
    result.writeBigUInt64LE(BigInt(value), note + field);
  result.writeBigUInt64LE(BigInt(address), E_ENTRY);
  return { bytes: result, change: "where the engine cannot start, one line and exit code 70 (e_entry)" };
}

/** The code and, behind it, what its labels stand for: entry, needed, written, length, message. */
function segmentOf(code: Buffer, entry: bigint): Buffer {
  const numbers = Buffer.alloc(32);
  numbers.writeBigUInt64LE(entry, 0);
  numbers.writeBigUInt64LE(BigInt(ADDRESSES), 8);
  numbers.writeBigUInt64LE(BigInt(WRITTEN), 16);
  numbers.writeBigUInt64LE(BigInt(MESSAGE.length), 24);
  return Buffer.concat([code, numbers, Buffer.from(MESSAGE)]);
}

function up(value: number): number {
  return Math.ceil(value / PAGE) * PAGE;
}
