// Texts and their bytes: the host encodes, and decodes ASCII; other UTF-8 is decoded here, as the Encoding Standard
// wants it. QuickJS has no TextDecoder.

import type {} from "./host.ts";

export const ENGINE: string = "QuickJS";

/** UTF-8, for what a policy or a person wrote. */
export const bytesOf: (text: string) => Uint8Array = host.encode;

/** For showing: bytes that are not UTF-8 become U+FFFD. A byte order mark at the start is left out. */
export function textOf(bytes: Uint8Array): string {
  return host.decode(bytes) ?? decoded(bytes);
}

const REPLACEMENT = "\ufffd";

function decoded(bytes: Uint8Array): string {
  let text = "";
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  while (at < bytes.length) {
    const lead = bytes[at++] as number;
    if (lead < 0x80) {
      text += String.fromCharCode(lead);
      continue;
    }
    const more =
      lead >= 0xc2 && lead <= 0xdf
        ? 1
        : lead >= 0xe0 && lead <= 0xef
          ? 2
          : lead >= 0xf0 && lead <= 0xf4
            ? 3
            : 0;
    let point = more === 0 ? -1 : lead & (0x3f >> more);
    for (let nth = 1; nth <= more && point >= 0; nth++) {
      const byte = bytes[at] ?? 0;
      // The second byte's bounds keep out long forms, surrogates and what lies above U+10FFFF (Unicode 15, table 3-7).
      const low = nth > 1 ? 0x80 : lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
      const high = nth > 1 ? 0xbf : lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
      if (byte < low || byte > high) point = -1;
      else {
        point = (point << 6) | (byte & 0x3f);
        at++;
      }
    }
    text += point < 0 ? REPLACEMENT : String.fromCodePoint(point);
  }
  return text;
}
