// Cuts what a service writes into lines, however the pieces come: the same bytes give the same lines. Pure. Memory is
// allocated when bytes wait and given back when none do.

/** A line that has more bytes is passed on in parts of at most so many. */
export const LONGEST_LINE = 65_536;

const NEWLINE = 0x0a;
const SMALLEST = 1024;
const NOTHING = new Uint8Array(0);

/** A line without its newline, or a part of one. The bytes are valid until the next push(). */
export interface Line {
  readonly bytes: Uint8Array;
  /** An earlier part of the same line came before it. */
  readonly isContinued: boolean;
  /** A further part of the same line comes after it. */
  readonly isPartial: boolean;
}

export class LineBuffer {
  private buffer = NOTHING;
  /** The bytes that wait are those from `start` to `end`; up to `scanned` there is no newline. */
  private start = 0;
  private end = 0;
  private scanned = 0;
  private isContinued = false;

  push(bytes: Uint8Array): void {
    this.makeRoom(bytes.length);
    this.buffer.set(bytes, this.end);
    this.end += bytes.length;
  }

  get isEmpty(): boolean {
    return this.start === this.end;
  }

  /** take() would answer a line. */
  hasLine(): boolean {
    return this.newline() >= 0 || this.end - this.start > LONGEST_LINE;
  }

  /** The next line, or part of one that is too long; undefined: more bytes have to come. */
  take(): Line | undefined {
    const newline = this.newline();
    const length = (newline < 0 ? this.end : newline) - this.start;
    if (length > LONGEST_LINE) return this.cut(this.boundary(), true, 0);
    return newline < 0 ? undefined : this.cut(length, false, 1);
  }

  /** The rest when no more bytes come: a last line without a newline; undefined when there is none. */
  rest(): Line | undefined {
    const length = this.end - this.start;
    return length === 0 ? undefined : this.cut(length, false, 0);
  }

  private newline(): number {
    if (this.scanned < this.end) {
      const found = this.buffer.subarray(0, this.end).indexOf(NEWLINE, this.scanned);
      this.scanned = found < 0 ? this.end : found;
    }
    return this.scanned < this.end ? this.scanned : -1;
  }

  private cut(length: number, isPartial: boolean, separator: number): Line {
    const bytes = this.buffer.subarray(this.start, this.start + length);
    const { isContinued } = this;
    this.isContinued = isPartial;
    this.start += length + separator;
    this.scanned = Math.max(this.scanned, this.start);
    // The bytes that are handed out stay in the old buffer.
    if (this.start === this.end) {
      this.buffer = NOTHING;
      this.start = this.end = this.scanned = 0;
    }
    return { bytes, isContinued, isPartial };
  }

  /** How long a part is: not in the middle of a character of UTF-8, which would be read as two wrong ones. */
  private boundary(): number {
    const byte = (at: number) => this.buffer[this.start + at] as number;
    for (let at = LONGEST_LINE; at > LONGEST_LINE - 4; at--) if ((byte(at) & 0xc0) !== 0x80) return at;
    return LONGEST_LINE;
  }

  private makeRoom(more: number): void {
    if (this.end + more <= this.buffer.length) return;
    const waiting = this.buffer.subarray(this.start, this.end);
    const needed = waiting.length + more;
    let size = Math.max(SMALLEST, this.buffer.length);
    while (size < needed) size *= 2;
    // Lines that were handed out are views of the old buffer, which is left as it is.
    this.buffer = new Uint8Array(size);
    this.buffer.set(waiting);
    this.scanned -= this.start;
    this.end = waiting.length;
    this.start = 0;
  }
}
