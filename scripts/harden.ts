// Edits the compiled executable so that Bun leaves alone what belongs to the payload: its soft limit
// of open files and its BUN_* variables. Every edit keeps the file's length, and each one states how
// often its text must occur; anything else fails the build, because then Bun has changed.
//
// What cannot be closed off this way is documented in docs/hardening.md (BUN_JSC_*).

export interface Hardened {
  readonly bytes: Buffer;
  readonly changes: readonly string[];
}

interface Section {
  readonly address: number;
  readonly offset: number;
  readonly size: number;
}

/**
 * Variables that would give the payload's environment power over PID 1. Bun must still know each of
 * them, else the list is out of date; every other BUN_ name is made deaf along with them.
 */
const MUST_BE_FOUND = [
  "BUN_BE_BUN",
  "BUN_OPTIONS",
  "BUN_INSPECT",
  "BUN_INSPECT_CONNECT_TO",
  "BUN_INSPECT_NOTIFY",
  "BUN_INSPECT_PRELOAD",
  "BUN_TCC_OPTIONS",
  "BUN_BYTECODE_ORDER_OUT",
  "BUN_FEATURE_FLAG_NO_ORPHANS",
  "BUN_GC_TIMER_INTERVAL",
  "NODE_CHANNEL_FD",
  "JSC_useJIT",
  "JSC_dumpOptions",
];

/** BUN_JSC_ is compared inline, not as a string: out of reach, see docs/hardening.md. */
const NAMES = /BUN_(?!JSC_)[A-Z][A-Z0-9_]+|NODE_CHANNEL_FD|(?<=\0)JSC_[a-zA-Z0-9]+(?=\0)/g;

export function harden(executable: Buffer): Hardened {
  const bytes = Buffer.from(executable);
  return {
    bytes,
    changes: [
      keepSoftLimit(bytes),
      deafen(bytes),
      settleAllocator(bytes),
      ...keepAlone(bytes),
      ...silence(bytes),
    ],
  };
}

/**
 * Bun raises RLIMIT_NOFILE to the hard limit at its start. `setrlimit` is an imported symbol: called
 * `getrlimit` in the dynamic string table, the call reads the limit and changes nothing.
 */
function keepSoftLimit(bytes: Buffer): string {
  const table = section(bytes, ".dynstr");
  const name = Buffer.from("\0setrlimit\0");
  const at = onlyOccurrence(
    bytes.subarray(table.offset, table.offset + table.size),
    name,
    "setrlimit in .dynstr",
  );
  bytes.write("getrlimit", table.offset + at + 1, "latin1");
  return "RLIMIT_NOFILE stays as the container runtime set it (setrlimit → getrlimit in .dynstr)";
}

/**
 * Turns the first letter of each name into "=", which no variable's name can hold. Only in .rodata:
 * the same names in Bun's JavaScript builtins are part of its source.
 */
function deafen(bytes: Buffer): string {
  const { offset, size } = section(bytes, ".rodata");
  const text = bytes.toString("latin1", offset, offset + size);
  const missing = MUST_BE_FOUND.filter((name) => !text.includes(name));
  if (missing.length > 0) throw new Error(`hardening: not in .rodata: ${missing.join(", ")}`);
  let places = 0;
  for (const { index } of text.matchAll(NAMES)) {
    bytes.write("=", offset + index, "latin1");
    places++;
  }
  return `BUN_* but BUN_JSC_*, JSC_* and NODE_CHANNEL_FD have no power over fdinit (${places} places)`;
}

// struct mi_option_desc_s { long value; int init; int option; const char *name, *legacy_name; }, 32 bytes,
// one for each option in order. init: 0 read MIMALLOC_<name> from the environment, 1 take the value.
const OPTION_SIZE = 32;
const OPTION_NAME = 16;
const DEFAULTED = 1;

/**
 * Bun's allocator, mimalloc, starts a thread that wakes up every half minute, and takes orders from
 * MIMALLOC_* variables. In its table of options the thread is switched off, and every option is marked as
 * already read.
 */
function settleAllocator(bytes: Buffer): string {
  const rodata = section(bytes, ".rodata");
  const strings = bytes.subarray(rodata.offset, rodata.offset + rodata.size);
  const thread = "mi-scavenger\0";
  const name = onlyOccurrence(strings, Buffer.from(thread), thread) + "mi-".length;
  const data = section(bytes, ".data");
  const table = bytes.subarray(data.offset, data.offset + data.size);
  const pointer = Buffer.alloc(8);
  pointer.writeBigUInt64LE(BigInt(rodata.address + name));
  const scavenger = onlyOccurrence(table, pointer, "mimalloc's option scavenger") - OPTION_NAME;
  if (table.readBigInt64LE(scavenger) !== 1n) throw new Error("hardening: mimalloc's scavenger is not on");
  const first = scavenger - OPTION_SIZE * table.readInt32LE(scavenger + 12);
  table.writeBigInt64LE(0n, scavenger);
  let options = 0;
  for (
    let at = first;
    table.readInt32LE(at + 8) === 0 && table.readInt32LE(at + 12) === options;
    at += OPTION_SIZE
  ) {
    table.writeInt32LE(DEFAULTED, at + 8);
    options++;
  }
  if (scavenger >= first + OPTION_SIZE * options)
    throw new Error("hardening: mimalloc's options are not in order");
  return `the allocator's thread is off and its MIMALLOC_* variables have no power (${options} options)`;
}

// <elf.h>: e_machine
const EM_X86_64 = 62;

/**
 * JavaScriptCore starts a thread that warms up memory once its heap has 64 blocks. The default is set
 * beside another one (32 blocks at a time) by one instruction, mov rax, 0x40_00000020; with 2^31-1 in its
 * place the thread is never started, and PID 1 has one thread. Not done on arm64, where code looks different.
 */
function keepAlone(bytes: Buffer): string[] {
  if (bytes.readUInt16LE(0x12) !== EM_X86_64) return [];
  const text = section(bytes, ".text");
  const code = bytes.subarray(text.offset, text.offset + text.size);
  const instruction = Buffer.from([0x48, 0xb8, 0x20, 0, 0, 0, 0x40, 0, 0, 0]);
  const at = onlyOccurrence(code, instruction, "the default of warmUpMarkedBlockStartAfterBlocks");
  code.writeInt32LE(0x7fffffff, at + 6);
  return ["the engine's warm-up thread is never started (warmUpMarkedBlockStartAfterBlocks)"];
}

/**
 * Where SIGPWR was ignored at the start, the engine remarks on standard error that it replaces the handler.
 * The jump around that remark, je in front of the mov edi that names its text, becomes jmp.
 */
function silence(bytes: Buffer): string[] {
  if (bytes.readUInt16LE(0x12) !== EM_X86_64) return [];
  const rodata = section(bytes, ".rodata");
  const remark = "Overriding existing handler for signal";
  const strings = bytes.subarray(rodata.offset, rodata.offset + rodata.size);
  const address = Buffer.alloc(4);
  address.writeUInt32LE(rodata.address + onlyOccurrence(strings, Buffer.from(remark), remark));
  const text = section(bytes, ".text");
  const code = bytes.subarray(text.offset, text.offset + text.size);
  const jump = onlyOccurrence(
    code,
    Buffer.concat([Buffer.from([0x74, 0x0e, 0xbf]), address]),
    "the engine's remark",
  );
  code.writeUInt8(0xeb, jump);
  return ["the engine says nothing about an ignored SIGPWR"];
}

function onlyOccurrence(area: Buffer, text: Buffer, what: string): number {
  const found = occurrences(area, text);
  const [at] = found;
  if (found.length !== 1 || at === undefined)
    throw new Error(`hardening: ${what} occurs ${found.length} times, not once`);
  return at;
}

function occurrences(area: Buffer, text: Buffer): number[] {
  const found: number[] = [];
  for (let at = area.indexOf(text); at >= 0; at = area.indexOf(text, at + 1)) found.push(at);
  return found;
}

/** A section of a 64-bit little-endian ELF file (elf(5): Elf64_Ehdr, Elf64_Shdr). */
function section(bytes: Buffer, wanted: string): Section {
  if (bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2)
    throw new Error("hardening: not a 64-bit ELF file");
  const table = Number(bytes.readBigUInt64LE(0x28));
  const entrySize = bytes.readUInt16LE(0x3a);
  const count = bytes.readUInt16LE(0x3c);
  const names = header(bytes, table + entrySize * bytes.readUInt16LE(0x3e));
  for (let index = 0; index < count; index++) {
    const at = table + entrySize * index;
    const nameAt = names.offset + bytes.readUInt32LE(at);
    const name = bytes.toString("latin1", nameAt, bytes.indexOf(0, nameAt));
    if (name === wanted) return header(bytes, at);
  }
  throw new Error(`hardening: no section ${wanted}`);
}

function header(bytes: Buffer, at: number): Section {
  const field = (offset: number) => Number(bytes.readBigUInt64LE(at + offset));
  return { address: field(0x10), offset: field(0x18), size: field(0x20) };
}
