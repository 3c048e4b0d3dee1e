// Text from outside (names, paths, arguments, policies) as it may be shown. A process can give itself a name
// with a line end or an escape sequence in it, so that its name would look like a line of fdinit's, or drive
// the reader's terminal. Pure: every room may import this file.

/**
 * The text on one line, with each character that is not seen as itself shown by its code: control characters
 * (`\x1b`, `\x0a`), those that change the direction of writing or are not seen at all (`\u202e`), line and
 * paragraph separators, and halves of surrogate pairs.
 */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    const code = character.codePointAt(0) as number;
    if (code < 0x100) return `\\x${hexadecimal(code, 2)}`;
    return code < 0x10000 ? `\\u${hexadecimal(code, 4)}` : `\\u{${code.toString(16)}}`;
  });
}

/**
 * A JSON document whose strings are exactly what they were when it is read, and in which no character can drive
 * a terminal: JSON.stringify escapes the control characters below U+0020, and this the others.
 */
export function visibleJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(
    /[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu,
    // A pair of surrogates is escaped as two.
    (character) => {
      let escaped = "";
      for (let at = 0; at < character.length; at++)
        escaped += `\\u${hexadecimal(character.charCodeAt(at), 4)}`;
      return escaped;
    },
  );
}

function hexadecimal(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
