// Memory that C can read (blocks with an address, C strings, arrays of pointers), and system calls, as the engine makes
// them (engine/calls.ts). Everything goes through the kernel's ABI, which is the same with every C library.
// Only files of sys/ may import this one.

import { addressOf } from "../engine/calls.ts";
import { bytesOf } from "../text/bytes.ts";

export { bytesAt, integerAt, pointerAt, syscall } from "../engine/calls.ts";
export * from "./abi/this-machine.ts";

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
    this.address = addressOf(this.bytes);
  }
}

/** Memory that C reads. `bytes.buffer` must not be read: the engine then moves the bytes of a small typed array. */
export interface Bytes {
  readonly bytes: Uint8Array;
  readonly address: number;
}

/** A NUL-terminated copy of `text`. The caller keeps it for as long as C may read it. */
export function cString(text: string | Uint8Array): Bytes {
  const bytes = typeof text === "string" ? bytesOf(`${text}\0`) : terminated(text);
  return { bytes, address: addressOf(bytes) };
}

function terminated(text: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(text.length + 1);
  bytes.set(text);
  return bytes;
}

/**
 * Stores a 64-bit integer below 2^53, a pointer for one: in two halves, so that no BigInt is made.
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

/**
 * Named after a call, so that nothing C was reading is collected before the call is over. Asks for their
 * addresses, because a function that does nothing is what a minifier takes away.
 */
export function keepAlive(...blocks: readonly Bytes[]): void {
  for (const { bytes } of blocks) addressOf(bytes);
}
