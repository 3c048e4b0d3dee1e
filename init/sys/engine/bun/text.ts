// Texts and their bytes as Bun has them.

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const ENGINE: string = "Bun";

/** UTF-8, for what a policy or a person wrote. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

/** For showing: bytes that are not UTF-8 become U+FFFD. A byte order mark at the start is left out. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
