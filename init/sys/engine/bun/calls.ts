// System calls by libc's syscall(2) through bun:ffi, which no other file imports. The kernel's ABI is the same under
// glibc and musl while their wrappers and structs are not (musl has no close_range); posix_spawn(3) alone is libc's.

import { dlopen, type FFIType, linkSymbols, type Pointer, ptr, read, toArrayBuffer } from "bun:ffi";

// musl's loader answers every name that begins with "libc." with itself, so glibc's name serves both.
// Never a second name to fall back on: Bun looks for a library in the working directory too.
const LIBC = "libc.so.6";

/** A number where it is exact, else a BigInt. By its value: in an executable there is Bun.FFI alone (scripts/bundle.ts). */
export const I64_FAST = 15 as FFIType.i64_fast;

/** The functions of libc that every start needs. Each costs a start time and memory; everything else is a bare system call. */
const libc = linked(
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

/** posix_spawn(3): 0 or an errno. The arguments are addresses. */
export function posixSpawn(
  pid: number,
  path: number,
  attributes: number,
  argv: number,
  envp: number,
): number {
  return libc.posix_spawn(pid, path, 0, attributes, argv, envp);
}

/** Where the bytes are. Small ones move when they are asked for their buffer (`subarray`, `DataView`). */
export function addressOf(bytes: Uint8Array): number {
  return ptr(bytes) as unknown as number;
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

const NAME = new TextEncoder().encode("environ\0");

/** The address of the environment that execve(2) left. */
export const ENVIRON = pointerAt(libc.dlsym(0, addressOf(NAME)) as unknown as number);

/** The address of the value of a variable, whose name is a C string's address, as getenv(3) finds it; 0 when it is not there. */
export function variableAddress(name: number): number {
  return (libc.getenv(name) as unknown as number | null) ?? 0;
}
