// How much address space Bun's engine and allocator reserve at their start: gigabytes, writable, for programs
// that PID 1 is not. A host that does not overcommit memory (vm.overcommit_memory=2) and a launcher's RLIMIT_AS,
// RLIMIT_DATA or RLIMIT_STACK refuse them. Each becomes what PID 1 never fills; the defaults are in the machine code
// of JavaScriptCore (Options::initialize, StructureMemoryManager, ExecutableAllocator).

import { contents, EM_AARCH64, EM_X86_64, machineOf, occurrences, only, section } from "../elf.ts";

/** structureHeapSizeInKB: a power of two, 64 MiB instead of 4 GiB. 32 MiB are too few for the engine to start. */
const STRUCTURES_LOG2 = 26;
/** jitMemoryReservationSize, bytes: instead of 1 GiB, or 512 MiB on arm64. Code that finds no room is interpreted. */
const COMPILED_CODE = 2 << 20;
/** softReservedZoneSize and reservedZoneSize, bytes: instead of 128 and 64 KiB, which is all of a stack that is as small. */
const SOFT_ZONE = 32 << 10;
const ZONE = 16 << 10;
/** mimalloc's arena_reserve, KiB: the least it takes at a time, instead of 1 GiB. */
export const ARENA_KIB = 8 << 10;

/** Edits `bytes` in place; answers what was changed. */
export function reserveLittle(bytes: Buffer): string {
  const text = contents(bytes, section(bytes, ".text"));
  const machine = machineOf(bytes);
  if (machine === EM_X86_64) reserveLittleX86(text);
  else if (machine === EM_AARCH64) reserveLittleArm(text);
  else throw new Error(`hardening: nothing is known of machine ${machine}`);
  return "the engine reserves megabytes where it reserved gigabytes, and starts on a stack of 128 KiB";
}

const STRUCTURES = "the size of the heap of structures";
const WRITABLE = "the protection of the heap of structures";
const CODE = "the size of the memory for compiled code";
const CODE_PLACES = 2;
const ZONES = "the reserved zones of the stack";

/** shl rax, 32 */
const SHIFT_X86 = Buffer.from([0x48, 0xc1, 0xe0, 0x20]);
/** mov ecx, [rip+…]; mov r14 or r15, rcx; shl by 10; test rcx, rcx: the option, if it is set, in bytes */
const OPTION_X86 = [
  Buffer.from([0x49, 0x89, 0xce, 0x49, 0xc1, 0xe6, 0x0a, 0x48, 0x85, 0xc9, 0x4c, 0x0f, 0x44, 0xf0]),
  Buffer.from([0x49, 0x89, 0xcf, 0x49, 0xc1, 0xe7, 0x0a, 0x48, 0x85, 0xc9, 0x4c, 0x0f, 0x44, 0xf8]),
];
const LOAD_LENGTH = 6;
const CALL = 0xe8;
const CALL_LENGTH = 5;
/** mov r8d, 1: `writable`. Reserved memory is made writable piece by piece, by mprotect(2), in any case. */
const WRITABLE_X86 = Buffer.from([0x41, 0xb8, 1, 0, 0, 0]);
/** mov r14d or r15d, 0x40000000; cmovne …, eax: where the option is zero */
const CODE_X86 = [
  Buffer.from([0x41, 0xbe, 0, 0, 0, 0x40, 0x44, 0x0f, 0x45, 0xf0]),
  Buffer.from([0x41, 0xbf, 0, 0, 0, 0x40, 0x44, 0x0f, 0x45, 0xf8]),
];
/** movabs rax, 128 KiB << 32 | 5 MiB (maxPerThreadStackUsage); mov [rip+…], rax */
const ZONES_X86 = Buffer.from([0x48, 0xb8, 0, 0, 0x50, 0, 0, 0, 0x02, 0, 0x48, 0x89, 0x05]);
/** mov dword [rip+…], 64 KiB */
const STORE_X86 = Buffer.from([0xc7, 0x05]);

function reserveLittleX86(text: Buffer): void {
  const load =
    only(
      OPTION_X86.flatMap((pattern) => occurrences(text, pattern)),
      STRUCTURES,
    ) - LOAD_LENGTH;
  text.writeUInt8(STRUCTURES_LOG2, shiftBefore(text, load) + 3);
  const writable = text.subarray(load, load + 96).indexOf(WRITABLE_X86);
  if (writable < 0) throw new Error(`hardening: ${WRITABLE} is not where it was`);
  text.writeUInt32LE(0, load + writable + 2);

  const codes = CODE_X86.flatMap((pattern) => occurrences(text, pattern));
  expectPlaces(codes, CODE_PLACES, CODE);
  for (const at of codes) text.writeUInt32LE(COMPILED_CODE, at + 2);

  const zones = only(occurrences(text, ZONES_X86), ZONES);
  const second = zones + ZONES_X86.length + 4;
  if (!startsWith(text, second, STORE_X86) || text.readUInt32LE(second + 6) !== 64 << 10)
    throw new Error(`hardening: ${ZONES} are not where they were`);
  text.writeUInt32LE(SOFT_ZONE, zones + 6);
  text.writeUInt32LE(ZONE, second + 6);
}

/** The shift that makes 4 GiB of one: in front of the load, or in the function that is called there (musl's build). */
function shiftBefore(text: Buffer, load: number): number {
  if (startsWith(text, load - SHIFT_X86.length, SHIFT_X86)) return load - SHIFT_X86.length;
  const call = load - CALL_LENGTH;
  const called = text[call] === CALL ? load + text.readInt32LE(call + 1) : text.length;
  const shift = text.subarray(called, called + 128).indexOf(SHIFT_X86);
  if (shift < 0) throw new Error(`hardening: ${STRUCTURES} is not where it was`);
  return called + shift;
}

// Arm Architecture Reference Manual, A64 base instructions; the low five bits name the register.
const REGISTER = 31;
const MOVZ_X_4G = 0xd2c00020; //       movz xN, #1, lsl #32
const MOVZ_X_64M = 0xd2a08000; //      movz xN, #0x400, lsl #16
const LSL_X_10 = 0xd376d400; //        lsl  xN, xM, #10
const LSL_ANY = 0xfffffc00;
/** csel x0, x8, xzr, ne; ldur x8, [x29, #-8]: in musl's build the size comes from a function with a stack protector. */
const CSEL_X0 = 0x9a9f1100;
const LDUR_GUARD = 0xf85f83a8;
const MOV_W2_MINUS_5 = 0x12800082; //  mov  w2, #-5: what the memory is for
const MOV_W4_1 = 0x52800024; //        mov  w4, #1: writable
const MOV_W4_0 = 0x52800004;
const MOVZ_W9_512M = 0x52a40009; //    movz w9, #0x2000, lsl #16
const MOVZ_W9_2M = 0x52a00409; //      movz w9, #0x20, lsl #16
const CMP_W8_0 = 0x7100011f;
const MOVZ_X_5M = 0xd2a00a00; //       movz xN, #0x50, lsl #16
const MOVK_X_SOFT = 0xf2e00040; //     movk xN, #2, lsl #48: 128 KiB in the upper half
const MOVK_X_32K = 0xf2d00000; //      movk xN, #0x8000, lsl #32
const MOVZ_W_64K = 0x52a00020; //      movz wN, #1, lsl #16
const MOVZ_W_16K = 0x52880000; //      movz wN, #0x4000

function reserveLittleArm(text: Buffer): void {
  const at = (index: number) => text.readUInt32LE(4 * index);
  const put = (index: number, word: number) => text.writeUInt32LE(word >>> 0, 4 * index);
  const isAnyRegister = (index: number, word: number) => (at(index) & ~REGISTER) >>> 0 === word;
  const sizes: number[] = [];
  const purposes: number[] = [];
  const codes: number[] = [];
  const zones: number[] = [];
  for (let index = 0; index < text.length / 4 - 16; index++) {
    if (isAnyRegister(index, MOVZ_X_4G)) {
      const isShifted = (at(index + 1) & LSL_ANY) >>> 0 === LSL_X_10;
      if (isShifted || (at(index + 1) === CSEL_X0 && at(index + 2) === LDUR_GUARD)) sizes.push(index);
    }
    if (at(index) === MOV_W2_MINUS_5 && within(at, index, 4, MOV_W4_1) !== undefined) purposes.push(index);
    if (at(index) === MOVZ_W9_512M && at(index + 2) === CMP_W8_0) codes.push(index);
    if (isAnyRegister(index, MOVZ_X_5M)) {
      const half = at(index) & REGISTER;
      if (within(at, index, 6, (MOVK_X_SOFT | half) >>> 0) !== undefined) zones.push(index);
    }
  }
  const size = only(sizes, STRUCTURES);
  put(size, MOVZ_X_64M | (at(size) & REGISTER));
  for (const index of purposes) put(foundAt(within(at, index, 4, MOV_W4_1), WRITABLE), MOV_W4_0);
  if (purposes.length === 0) throw new Error(`hardening: ${WRITABLE} is not where it was`);

  expectPlaces(codes, CODE_PLACES, CODE);
  for (const index of codes) put(index, MOVZ_W9_2M);

  const stack = only(zones, ZONES);
  const register = at(stack) & REGISTER;
  const soft = foundAt(within(at, stack, 6, (MOVK_X_SOFT | register) >>> 0), ZONES);
  put(soft, MOVK_X_32K | register);
  const second = foundAt(within(at, soft, 10, (MOVZ_W_64K | register) >>> 0), ZONES);
  put(second, MOVZ_W_16K | register);
}

/** The index of an instruction among those that follow another one. */
function within(
  at: (index: number) => number,
  from: number,
  count: number,
  word: number,
): number | undefined {
  for (let index = from + 1; index <= from + count; index++) if (at(index) === word) return index;
  return undefined;
}

function foundAt(index: number | undefined, what: string): number {
  if (index === undefined) throw new Error(`hardening: ${what} is not where it was`);
  return index;
}

function expectPlaces(found: readonly number[], expected: number, what: string): void {
  if (found.length !== expected)
    throw new Error(`hardening: ${what} is there ${found.length} times, not ${expected}`);
}

function startsWith(text: Buffer, at: number, pattern: Buffer): boolean {
  return text.subarray(at, at + pattern.length).equals(pattern);
}
