// Lines are the same however the bytes come: what matters is the bytes, not the pieces.

import { describe, expect, test } from "bun:test";
import { LineBuffer, LONGEST_LINE } from "../../../init/supervise/services/log/line-buffer.ts";
import { bytesOf, textOf } from "../../../init/sys/text/bytes.ts";
import { Random } from "../random.ts";

interface Taken {
  readonly bytes: number[];
  readonly isContinued: boolean;
  readonly isPartial: boolean;
}

/** Every line, taken whenever there is one; the rest at the end. */
function linesOf(pieces: Iterable<Uint8Array>): Taken[] {
  const buffer = new LineBuffer();
  const taken: Taken[] = [];
  for (const piece of pieces) {
    buffer.push(piece);
    for (;;) {
      const isThere = buffer.hasLine();
      const line = buffer.take();
      expect(line !== undefined).toBe(isThere);
      if (!line) break;
      taken.push({ ...line, bytes: [...line.bytes] });
    }
  }
  const rest = buffer.rest();
  if (rest) taken.push({ ...rest, bytes: [...rest.bytes] });
  expect(buffer.isEmpty).toBe(true);
  return taken;
}

function* piecesOf(bytes: Uint8Array, random: Random, longest: number): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + random.below(longest + 1));
    yield bytes.slice(at, end);
    at = end;
  }
}

/** Bytes of every kind, many newlines, now and then a line that is too long. */
function bytesFrom(random: Random): Uint8Array {
  const parts: number[] = [];
  for (let nth = random.below(12); nth > 0; nth--) {
    const length = random.once(6) ? LONGEST_LINE - 2 + random.below(5) : random.below(200);
    const isText = random.once(2);
    for (let at = 0; at < length; at++) parts.push(isText ? 0x61 : random.below(256));
    if (!random.once(4)) parts.push(0x0a);
  }
  return new Uint8Array(parts);
}

test("any bytes in any pieces give the same lines, and nothing of them is lost", () => {
  const random = new Random(13);
  for (let run = 0; run < 150; run++) {
    const bytes = bytesFrom(random);
    const whole = linesOf([bytes]);
    for (const longest of [1 + random.below(7), 1000, 16_384])
      if (longest > 500 || bytes.length < 20_000)
        expect(linesOf(piecesOf(bytes, random, longest))).toEqual(whole);
    const put = whole.flatMap(({ bytes: line, isPartial }) => (isPartial ? line : [...line, 0x0a]));
    const isUnended = bytes.length > 0 && bytes.at(-1) !== 0x0a;
    expect(Buffer.from(isUnended ? put.slice(0, -1) : put).equals(Buffer.from(bytes))).toBe(true);
    for (const { bytes: line } of whole) expect(line.length).toBeLessThanOrEqual(LONGEST_LINE);
  }
});

describe("a line", () => {
  const shapes = (text: string) =>
    linesOf([bytesOf(text)]).map(({ bytes, isContinued, isPartial }) => [
      bytes.length,
      isContinued,
      isPartial,
    ]);

  test("of 64 KiB is whole, and one byte more makes two parts", () => {
    expect(shapes(`${"x".repeat(LONGEST_LINE)}\n`)).toEqual([[LONGEST_LINE, false, false]]);
    expect(shapes(`${"x".repeat(LONGEST_LINE + 1)}\n`)).toEqual([
      [LONGEST_LINE, false, true],
      [1, true, false],
    ]);
  });

  test("that is too long is not cut inside a character", () => {
    const text = `${"x".repeat(LONGEST_LINE - 1)}€€\n`;
    const parts = linesOf([bytesOf(text)]).map(({ bytes }) => textOf(new Uint8Array(bytes)));
    expect(`${parts.join("")}\n`).toBe(text);
    expect(parts.length).toBe(2);
  });

  test("without a newline at the end is the last one, and an empty one is a line", () => {
    expect(linesOf([bytesOf("a\n\nb")]).map(({ bytes }) => textOf(new Uint8Array(bytes)))).toEqual([
      "a",
      "",
      "b",
    ]);
  });
});
