// The only file that imports bun:ffi: libc's entry points and the memory they are given.
// Everything but posix_spawn goes through libc's syscall(2), because the kernel's ABI is the same
// under glibc and musl while their wrappers and structs are not (musl has no close_range).
// Only files of sys/ may import this one.

import { dlopen, type FFIType, linkSymbols, type Pointer, ptr, read, toArrayBuffer } from "bun:ffi";
import { bytesOf } from "./bytes.ts";

export * from "./abi/this-machine.ts";

// musl's loader answers every name that begins with "libc." with itself, so glibc's name serves both.
// Never a second name to fall back on: Bun looks for a library in the working directory too.
const LIBC = "libc.so.6";

/** A number where it is exact, else a BigInt. By its value: in an executable there is Bun.FFI alone (scripts/bundle.ts). */
export const I64_FAST = 15 as FFIType.i64_fast;

/** What every start needs. Each symbol costs a start its time and memory: the kernel's ABI serves for the rest. */
export const libc = linked(
  dlopen(LIBC, {
    syscall: { args: ["i64", "i64", "i64", "i64", "i64", "i64", "i64"], returns: I64_FAST },
    __errno_location: { args: [], returns: "ptr" },
    dlsym: { args: ["i64", "i64"], returns: "ptr" },
    getenv: { args: ["i64"], returns: "ptr" },
    posix_spawn: { args: ["i64", "i64", "i64", "i64", "i64", "i64"], returns: "i32" },
  }),
).symbols;

/** bun:ffi throws when something cannot be linked; Bun.FFI, which an executable has in its place, answers with the error. */
function linked<T extends object>(library: T): T {
  if (library instanceof Error) throw library;
  return library;
}

/** A function of machine code as one of JavaScript's: four integers in, one out. */
export function callable(address: number): (a: number, b: number, c: number, d: number) => number {
  const { call } = linked(
    linkSymbols({
      call: { ptr: address as Pointer, args: ["i64", "i64", "i64", "i64"], returns: I64_FAST },
    }),
  ).symbols;
  return call as (a: number, b: number, c: number, d: number) => number;
}

const errnoAddress = libc.__errno_location() as Pointer;

/**
 * One system call. Answers its result, or the negated errno when it failed (the kernel's own
 * convention), read before anything else can touch it.
 */
export function syscall(number: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): number {
  const result = libc.syscall(number, a, b, c, d, e, f) as number;
  return result === -1 ? -read.i32(errnoAddress, 0) : result;
}

/**
 * Memory whose address stays the same for as long as the process lives. An ArrayBuffer is made
 * first because asking a small typed array for its buffer later would move its bytes.
 */
export class Block {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly address: number;

  constructor(size: number) {
    const buffer = new ArrayBuffer(size);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.address = ptr(this.bytes) as unknown as number;
  }
}

/** Memory that C reads. Nobody asks `bytes` for their buffer: a small typed array's bytes would move. */
export interface Bytes {
  readonly bytes: Uint8Array;
  readonly address: number;
}

/** A NUL-terminated copy of `text`. The caller keeps it for as long as C may read it. */
export function cString(text: string | Uint8Array): Bytes {
  const bytes = typeof text === "string" ? bytesOf(`${text}\0`) : terminated(text);
  return { bytes, address: ptr(bytes) as unknown as number };
}

function terminated(text: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(text.length + 1);
  bytes.set(text);
  return bytes;
}

/**
 * Stores a 64-bit integer below 2^53, a pointer for one: in two halves, so that no BigInt is made. Without
 * Math.floor, for which the engine makes machine code when it is first asked for.
 */
export function setInteger(view: DataView, offset: number, value: number): void {
  const low = value % 2 ** 32;
  view.setUint32(offset, low, true);
  view.setUint32(offset + 4, (value - low) / 2 ** 32, true);
}

/** A NULL-terminated array of pointers. */
export function pointers(addresses: readonly number[]): Block {
  const block = new Block(8 * (addresses.length + 1));
  addresses.forEach((address, index) => {
    setInteger(block.view, 8 * index, address);
  });
  return block;
}

/** The bytes of a C string, without its NUL. */
export function bytesAt(address: number): Uint8Array {
  let length = 0;
  while (read.u8(address as Pointer, length) !== 0) length++;
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = read.u8(address as Pointer, i);
  return bytes;
}

/** The pointer stored at `address + offset`. */
export function pointerAt(address: number, offset = 0): number {
  return read.ptr(address as Pointer, offset) as unknown as number;
}

/** The 64-bit integer stored at `address + offset`, exact below 2^53. */
export function integerAt(address: number, offset = 0): number {
  return Number(read.i64(address as Pointer, offset));
}

/** Copies bytes to an address. */
export function writeAt(address: number, bytes: Uint8Array): void {
  new Uint8Array(toArrayBuffer(address as Pointer, 0, bytes.length)).set(bytes);
}

/**
 * Named after a call, so that nothing C was reading is collected before the call is over. Asks for their
 * addresses, because a function that does nothing is what a minifier takes away.
 */
export function keepAlive(...blocks: readonly Bytes[]): void {
  for (const { bytes } of blocks) ptr(bytes);
}
