// How many columns a text takes on a terminal: wide characters take two, combining and invisible ones none. The
// engine's own count is not used, so that a complaint's underline is the same whatever runs fdinit.

/** Pairs of first and last code point, ascending. East Asian Wide and Fullwidth, and pictures. */
const WIDE = [
  0x1100, 0x115f, 0x231a, 0x231b, 0x23e9, 0x23ec, 0x2614, 0x2615, 0x26a1, 0x26a1, 0x2705, 0x2705, 0x274c,
  0x274c, 0x2e80, 0x303e, 0x3041, 0xa4cf, 0xa960, 0xa97c, 0xac00, 0xd7a3, 0xf900, 0xfaff, 0xfe30, 0xfe6f,
  0xff01, 0xff60, 0xffe0, 0xffe6, 0x1f300, 0x1f64f, 0x1f680, 0x1f6ff, 0x1f900, 0x1f9ff, 0x20000, 0x3fffd,
];
/** Control characters, combining marks, joiners, marks of direction, selectors of variants. */
const NONE = [
  0x0, 0x1f, 0x7f, 0x9f, 0x300, 0x36f, 0x483, 0x489, 0x591, 0x5bd, 0x610, 0x61a, 0x64b, 0x65f, 0x1ab0, 0x1aff,
  0x1dc0, 0x1dff, 0x200b, 0x200f, 0x202a, 0x202e, 0x2060, 0x2064, 0x20d0, 0x20ff, 0xfe00, 0xfe0f, 0xfe20,
  0xfe2f, 0xfeff, 0xfeff, 0xe0100, 0xe01ef,
];

export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) {
    const point = character.codePointAt(0) as number;
    columns += point >= 0x20 && point < 0x7f ? 1 : isIn(NONE, point) ? 0 : isIn(WIDE, point) ? 2 : 1;
  }
  return columns;
}

function isIn(ranges: readonly number[], point: number): boolean {
  for (let at = 0; at < ranges.length; at += 2)
    if (point <= (ranges[at + 1] as number)) return point >= (ranges[at] as number);
  return false;
}
