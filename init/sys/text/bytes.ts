// Byte strings: paths, arguments and variables as the kernel has them, which need not be UTF-8.
// Plain Uint8Array; Buffer is not used on the way to the program, it costs a start its memory.

export { bytesOf, textOf } from "../engine/text.ts";

/** "/", between the names of a path. */
export const SLASH = 0x2f;

export function concatenate(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The parts between separators; an empty string has one empty part. */
export function split(bytes: Uint8Array, separator: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let start = 0; ; ) {
    const end = bytes.indexOf(separator, start);
    if (end < 0) {
      parts.push(bytes.subarray(start));
      return parts;
    }
    parts.push(bytes.subarray(start, end));
    start = end + 1;
  }
}
