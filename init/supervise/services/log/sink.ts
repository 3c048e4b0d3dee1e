// One of fdinit's own two outputs, and the streams of services that go to it. Takes lines from the streams only while the
// output takes them: else they stay in the services' pipes, which fill, and the services wait as they would on the output
// itself. Nothing here waits.

import type { Kernel, Watched } from "../../../sys/kernel.ts";
import { EAGAIN, ECONNRESET, EPIPE, errnoText } from "../../../sys/libc/errno.ts";
import type { LineFormat, LineSource } from "./formats.ts";
import { LineBuffer } from "./line-buffer.ts";

/** Read from one stream at once, and formatted before the output is asked again: a stream that floods leaves the others their turn. */
const MOST_READ = 16_384;
const BATCH = 32_768;
/** Written by one call of pump(). */
const MOST_WRITTEN = 131_072;
const NOTHING = new Uint8Array(0);

/** The read end of a pipe that one start of a service writes to, and what was read and is not written yet. */
export interface Stream {
  readonly source: LineSource;
  readonly watched: Watched;
  readonly lines: LineBuffer;
  /** Its last writer is gone, and its end of the pipe is closed. */
  isAtEnd: boolean;
  /** RFC 3339: when the last bytes were read. */
  readAt: string;
}

export class Sink {
  readonly streams: Stream[] = [];
  /** Its reader is gone. */
  isGone = false;
  private readonly kernel: Kernel;
  private readonly fd: number;
  private readonly format: LineFormat;
  private readonly complain: (message: string) => void;
  /** For ppoll(2), while there is something to write. */
  readonly watched: Watched;
  /** Lines in their form that the output has not taken yet: at most BATCH and one line. */
  private waiting: Uint8Array = NOTHING;
  /** The output has a part of a line, and the kernel room keeps the rest. */
  private isBegun = false;
  private hasComplained = false;

  constructor(kernel: Kernel, fd: number, format: LineFormat, complain: (message: string) => void) {
    this.kernel = kernel;
    this.fd = fd;
    this.format = format;
    this.complain = complain;
    this.watched = { fd, write: true };
  }

  add(fd: number, source: LineSource): void {
    const lines = new LineBuffer();
    this.streams.push({ source, watched: { fd, read: true }, lines, isAtEnd: false, readAt: "" });
  }

  /** Reads once, and writes what the output takes. Answers how many bytes came. */
  read(stream: Stream, time: string): number {
    const got = stream.isAtEnd ? 0 : this.kernel.readNow(stream.watched.fd, MOST_READ);
    if (got === -EAGAIN) return 0;
    const bytes = typeof got === "number" ? NOTHING : got;
    if (bytes.length === 0) this.end(stream);
    else {
      stream.lines.push(bytes);
      stream.readAt = time;
    }
    this.pump();
    return bytes.length;
  }

  /** Something was read and is not written. */
  get hasWork(): boolean {
    return this.isHeldUp || this.streams.some(hasLine);
  }

  private get isHeldUp(): boolean {
    return this.waiting.length > 0 || this.isBegun;
  }

  /** Adds what ppoll(2) is to wait for: the output while it has something to take, and each stream that has nothing left to write. */
  watch(watched: Watched[]): void {
    if (this.hasWork) watched.push(this.watched);
    if (this.isHeldUp) return;
    for (const stream of this.streams) if (!stream.isAtEnd && !hasLine(stream)) watched.push(stream.watched);
  }

  /** Writes lines until the output takes no more, or there are none, or the bound is reached. */
  pump(most = MOST_WRITTEN): void {
    for (let wrote = 0; wrote < most && !this.isGone; ) {
      if (!this.isHeldUp) this.waiting = this.batch();
      if (!this.isHeldUp) return;
      const { taken, isBegun, errno } = this.kernel.writeLines(this.fd, this.waiting);
      wrote += taken;
      this.isBegun = isBegun;
      this.waiting = taken === this.waiting.length ? NOTHING : this.waiting.subarray(taken);
      if (errno === 0) this.hasComplained = false;
      else if (errno === EAGAIN) return;
      else this.refused(errno);
    }
  }

  /** Closes a stream that is to be read no more: its writers get EPIPE. */
  drop(stream: Stream): void {
    if (!stream.isAtEnd) this.kernel.close(stream.watched.fd);
    this.streams.splice(this.streams.indexOf(stream), 1);
  }

  /** Nothing more is read of it; what was read is still to be written. */
  end(stream: Stream): void {
    if (stream.isAtEnd) return;
    this.kernel.close(stream.watched.fd);
    stream.isAtEnd = true;
  }

  /** A reader that is gone is what the services would see themselves (EPIPE, SIGPIPE). Any other refusal costs the lines it met. */
  private refused(errno: number): void {
    this.waiting = NOTHING;
    this.isBegun = false;
    if (errno === EPIPE || errno === ECONNRESET) {
      this.isGone = true;
      for (const stream of [...this.streams]) this.drop(stream);
      return;
    }
    if (!this.hasComplained)
      this.complain(`${errnoText(errno)}: lines of services are lost until it takes them again`);
    this.hasComplained = true;
  }

  /** The next lines in their form, a few of each stream in turn. Streams that have come to their end leave. */
  private batch(): Uint8Array {
    const parts: Uint8Array[] = [];
    let size = 0;
    // The one that was first is the last next time.
    for (let turns = this.streams.length; turns > 0 && size < BATCH; turns--) {
      const stream = this.streams.shift() as Stream;
      while (size < BATCH) {
        const line = stream.lines.take() ?? (stream.isAtEnd ? stream.lines.rest() : undefined);
        if (!line) break;
        for (const part of this.format(stream.source, line, stream.readAt)) {
          parts.push(part);
          size += part.length;
        }
      }
      if (!stream.isAtEnd || hasLine(stream)) this.streams.push(stream);
    }
    return joined(parts, size);
  }
}

function hasLine({ lines, isAtEnd }: Stream): boolean {
  return lines.hasLine() || (isAtEnd && !lines.isEmpty);
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
