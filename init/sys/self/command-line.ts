// The argument vector and the environment as the kernel laid them out: byte for byte, without
// process.argv and process.env, which decode UTF-8 and lose what is not.
//
// execve(2) puts argc, argv[0..argc-1], NULL, envp[0..], NULL on the stack in this order, so the
// vector is found by walking down from `environ`. Works without /proc.

import { ENVIRON, variableAddress } from "../engine/calls.ts";
import { bytesAt, cString, integerAt, pointerAt } from "../libc/libc.ts";
import { textOf } from "../text/bytes.ts";

const POINTER = 8;
// ARG_MAX cannot hold more arguments than this; a walk that gets there has lost its way.
const MOST_ARGUMENTS = 1 << 22;

const environ = ENVIRON;

/** Finds argc below `environ`: the first word, going down, that equals the number of words passed. */
function findArgumentVector(): { address: number; count: number } {
  for (let count = 1; count < MOST_ARGUMENTS; count++) {
    if (integerAt(environ, -POINTER * (count + 2)) === count) {
      return { address: environ - POINTER * (count + 1), count };
    }
  }
  throw new Error("the argument vector is not where execve(2) puts it");
}

const vector = findArgumentVector();

/** How many arguments fdinit was started with, argv[0] included. */
export const argumentCount = vector.count;

/** The address of argv[index]: a NULL-terminated vector of the arguments from there on. */
export function argumentVectorFrom(index: number): number {
  return vector.address + POINTER * index;
}

export function commandLineArgument(index: number): Uint8Array {
  return bytesAt(pointerAt(argumentVectorFrom(index)));
}

/** The address of the inherited environment, for posix_spawn(3). */
export const environmentAddress = environ;

/** Each inherited environment string's address. */
export function environmentStrings(): number[] {
  const addresses: number[] = [];
  for (let at = environ; ; at += POINTER) {
    const address = pointerAt(at);
    if (address === 0) return addresses;
    addresses.push(address);
  }
}

const EQUALS = 0x3d;

/** The value of an inherited variable as getenv(3) finds it, byte for byte, or undefined. */
export function environmentVariable(name: string): Uint8Array | undefined {
  const key = cString(name);
  const value = variableAddress(key.address);
  return value === 0 ? undefined : bytesAt(value);
}

/** The name part of an environment string. */
export function variableName(text: Uint8Array): string {
  const end = text.indexOf(EQUALS);
  return textOf(end < 0 ? text : text.subarray(0, end));
}

/** An entry of the auxiliary vector (getauxval(3)), which follows the environment on the stack; 0 when absent. */
export function auxiliaryValue(type: number): number {
  let at = environ;
  while (pointerAt(at) !== 0) at += POINTER;
  for (at += POINTER; ; at += 2 * POINTER) {
    const found = integerAt(at);
    if (found === type) return integerAt(at + POINTER);
    if (found === 0) return 0;
  }
}

/** The arguments, argv[0] first, decoded for reading options; the payload gets the bytes. */
export function commandLineWords(): string[] {
  const words: string[] = [];
  for (let index = 0; index < argumentCount; index++) words.push(textOf(commandLineArgument(index)));
  return words;
}
