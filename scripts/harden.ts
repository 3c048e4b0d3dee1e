// Edits the compiled executable so that Bun leaves alone what belongs to the payload: its soft limit
// of open files and its BUN_* variables, and reserves little. Every edit but the last, which adds a segment at the
// end, keeps the file's length, and each one states how often its text must occur; anything else fails the build,
// because then Bun has changed.
//
// The variables that cannot be closed off this way are documented in docs/hardening.md (BUN_JSC_*).

import { contents, onlyOccurrence, section } from "./elf.ts";
import { askBeforeMain } from "./harden/before-main.ts";
import { countOneCpu, keepAlone, silence } from "./harden/code.ts";
import { askNothing } from "./harden/questions.ts";
import { ARENA_KIB, reserveLittle } from "./harden/reservations.ts";

export interface Hardened {
  readonly bytes: Buffer;
  readonly changes: readonly string[];
}

/** How often each thing is there: Bun 1.4.5's own numbers, for whichever C library it was built. */
interface Expected {
  readonly names: number;
  readonly options: number;
}
const EXPECTED: Readonly<Record<"glibc" | "musl", Expected>> = {
  glibc: { names: 806, options: 56 },
  musl: { names: 805, options: 56 },
};

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
  "JavaScriptCoreUseJIT",
  "JSC_dumpOptions",
];

/** BUN_JSC_ is compared inline, not as a string: out of reach, see docs/hardening.md. */
const NAMES =
  /BUN_(?!JSC_)[A-Z][A-Z0-9_]+|NODE_CHANNEL_FD|JavaScriptCoreUseJIT|(?<=\0)JSC_[a-zA-Z0-9]+(?=\0)/g;

/** Hardens an executable compiled by Bun for any of scripts/targets.ts. */
export function harden(executable: Buffer): Hardened {
  const bytes = Buffer.from(executable);
  const expected = EXPECTED[libcOf(bytes)];
  const changes = [
    keepSoftLimit(bytes),
    deafen(bytes, expected.names),
    settleAllocator(bytes, expected.options),
    keepAlone(bytes),
    countOneCpu(bytes),
    silence(bytes),
    askNothing(bytes),
    reserveLittle(bytes),
  ];
  const asking = askBeforeMain(bytes);
  return { bytes: asking.bytes, changes: [...changes, asking.change] };
}

/** Which C library it asks for, by the loader it names. */
function libcOf(bytes: Buffer): keyof typeof EXPECTED {
  const loader = contents(bytes, section(bytes, ".interp")).toString("latin1");
  if (loader.startsWith("/lib/ld-musl-")) return "musl";
  if (/^\/lib(64)?\/ld-linux-/.test(loader)) return "glibc";
  throw new Error(`hardening: nothing is known of the loader ${JSON.stringify(loader)}`);
}

/**
 * Bun raises RLIMIT_NOFILE to the hard limit at its start. `setrlimit` is an imported symbol: called
 * `getrlimit` in the dynamic string table, the call reads the limit and changes nothing.
 */
function keepSoftLimit(bytes: Buffer): string {
  const table = contents(bytes, section(bytes, ".dynstr"));
  const at = onlyOccurrence(table, Buffer.from("\0setrlimit\0"), "setrlimit in .dynstr");
  table.write("getrlimit", at + 1, "latin1");
  return "RLIMIT_NOFILE stays as the container runtime set it (setrlimit → getrlimit in .dynstr)";
}

/**
 * Turns the first letter of each name into "=", which no variable's name can hold. Only in .rodata:
 * the same names in Bun's JavaScript builtins are part of its source.
 */
function deafen(bytes: Buffer, expected: number): string {
  const strings = contents(bytes, section(bytes, ".rodata"));
  const text = strings.toString("latin1");
  const missing = MUST_BE_FOUND.filter((name) => !text.includes(name));
  if (missing.length > 0) throw new Error(`hardening: not in .rodata: ${missing.join(", ")}`);
  let places = 0;
  for (const { index } of text.matchAll(NAMES)) {
    strings.write("=", index, "latin1");
    places++;
  }
  if (places !== expected) throw new Error(`hardening: ${places} names of variables, not ${expected}`);
  return `BUN_* but BUN_JSC_*, JSC_* and NODE_CHANNEL_FD have no power over fdinit (${places} places)`;
}

// struct mi_option_desc_s { long value; int init; int option; const char *name, *legacy_name; }, 32 bytes,
// one for each option in order. init: 0 read MIMALLOC_<name> from the environment, 1 take the value.
const OPTION_SIZE = 32;
const OPTION_NAME = 16;
const DEFAULTED = 1;

/**
 * Bun's allocator, mimalloc, starts a thread that wakes up every half minute, reserves a gigabyte of writable
 * addresses, and takes orders from MIMALLOC_* variables. In its table of options the thread is switched off, an arena
 * is small and becomes writable as it is used, and every option is marked as already read.
 */
function settleAllocator(bytes: Buffer, expected: number): string {
  const table = contents(bytes, section(bytes, ".data"));
  const scavenger = optionOf(bytes, table, "scavenger", "mi-");
  if (table.readBigInt64LE(scavenger) !== 1n) throw new Error("hardening: mimalloc's scavenger is not on");
  const first = scavenger - OPTION_SIZE * table.readInt32LE(scavenger + 12);
  table.writeBigInt64LE(0n, scavenger);
  table.writeBigInt64LE(BigInt(ARENA_KIB), optionOf(bytes, table, "arena_reserve"));
  table.writeBigInt64LE(0n, optionOf(bytes, table, "arena_eager_commit"));
  let options = 0;
  for (
    let at = first;
    table.readInt32LE(at + 8) === 0 && table.readInt32LE(at + 12) === options;
    at += OPTION_SIZE
  ) {
    table.writeInt32LE(DEFAULTED, at + 8);
    options++;
  }
  if (options !== expected || scavenger >= first + OPTION_SIZE * options)
    throw new Error(`hardening: mimalloc's options are not in order (${options}, not ${expected})`);
  return `the allocator's thread is off, its arenas are small, and its MIMALLOC_* variables have no power (${options} options)`;
}

/** Where the entry of an option begins in mimalloc's table. `prefix` is what stands before its name in .rodata, if not a NUL. */
function optionOf(bytes: Buffer, table: Buffer, name: string, prefix = "\0"): number {
  const rodata = section(bytes, ".rodata");
  const text = Buffer.from(`${prefix}${name}\0`);
  const at = onlyOccurrence(contents(bytes, rodata), text, `mimalloc's ${name}`) + prefix.length;
  const pointer = Buffer.alloc(8);
  pointer.writeBigUInt64LE(BigInt(rodata.address + at));
  return onlyOccurrence(table, pointer, `mimalloc's option ${name}`) - OPTION_NAME;
}
