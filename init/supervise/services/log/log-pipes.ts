// The pipes that services write their output to when their lines are to be told apart (`log.services: prefix | json`), as a
// watcher of the loop. Each start of a service has two, and its lines go to the output of fdinit that has the same name.
//
// Bounds: 16 KiB are read of a stream before another has its turn; a stream keeps at most a line of 64 KiB and what was
// read last; an output keeps at most 32 KiB and one line. A service that is idle has no memory here but its two numbers.

import type { Kernel, Watched } from "../../../sys/kernel.ts";
import { STDERR_FILENO, STDOUT_FILENO } from "../../../sys/libc/constants.ts";
import type { Watcher } from "../watcher.ts";
import { jsonFormat, prefixFormat, type StreamName } from "./formats.ts";
import { Sink } from "./sink.ts";

/** The write ends for a service that is about to start. The caller closes both when it has started. */
export interface LogEnds {
  readonly out: number;
  readonly err: number;
}

export interface LogOptions {
  readonly format: "prefix" | "json";
  /** The names of all services: prefixes are as wide as the longest. */
  readonly services: readonly string[];
  readonly say: (level: "warn", message: string) => void;
  /** RFC 3339 with milliseconds. */
  readonly clock?: () => string;
}

/** Of one service and stream: those of the latest starts. Processes that an earlier start left behind get EPIPE. */
const MOST_STARTS = 16;
/** Of one stream, when flush() reads what is there: no pipe has more by default. */
const MOST_FLUSHED = 65_536;

export class LogPipes implements Watcher {
  private readonly kernel: Kernel;
  private readonly out: Sink;
  private readonly err: Sink;
  private readonly clock: () => string;
  /** Undefined: something has changed since watched() was last asked. */
  private known: readonly Watched[] | undefined;

  constructor(kernel: Kernel, { format, services, say, clock }: LogOptions) {
    this.kernel = kernel;
    this.clock = clock ?? (() => new Date().toISOString());
    const form = format === "json" ? jsonFormat : prefixFormat(services);
    const sink = (fd: number, name: string) =>
      new Sink(kernel, fd, form, (reason) => say("warn", `cannot write to standard ${name}: ${reason}`));
    this.out = sink(STDOUT_FILENO, "output");
    this.err = sink(STDERR_FILENO, "error");
  }

  /**
   * Makes the two pipes for a start. `owner`: who may open them again by their name in /proc, as a program does that
   * writes to /dev/stdout. Answers a negated errno when there are no more descriptors.
   */
  open(service: string, owner?: { readonly uid: number; readonly gid: number }): LogEnds | number {
    const out = this.pipe(this.out, service, "stdout", owner);
    if (out < 0) return out;
    const err = this.pipe(this.err, service, "stderr", owner);
    if (err >= 0) return { out, err };
    this.kernel.close(out);
    const unused = this.out.isGone ? undefined : this.out.streams.at(-1);
    if (unused) this.out.drop(unused);
    this.known = undefined;
    return err;
  }

  watched(): readonly Watched[] {
    if (this.known) return this.known;
    const watched: Watched[] = [];
    this.out.watch(watched);
    this.err.watch(watched);
    this.known = watched;
    return watched;
  }

  ready(fd: number): void {
    this.known = undefined;
    if (fd === STDOUT_FILENO) this.out.pump();
    else if (fd === STDERR_FILENO) this.err.pump();
    else
      for (const sink of [this.out, this.err]) {
        const stream = sink.streams.find(({ watched, isAtEnd }) => watched.fd === fd && !isAtEnd);
        if (stream) sink.read(stream, this.clock());
      }
  }

  deadline(): undefined {
    return undefined;
  }

  time(): void {}

  /** Lines were read and are not written: an end of fdinit now would lose them. */
  hasLines(): boolean {
    return this.out.hasWork || this.err.hasWork;
  }

  /**
   * At the end, when nothing else is left to be done: takes what is in the pipes, lines without a newline included, and writes
   * it. An output that takes no more is waited for, `mostMs` in all; what it has not taken then is lost.
   */
  flush(mostMs: number): void {
    this.known = undefined;
    const until = this.kernel.now() + mostMs;
    for (const sink of [this.out, this.err]) {
      this.write(sink, until);
      for (const stream of [...sink.streams]) {
        for (let left = MOST_FLUSHED, got = 1; got > 0 && left > 0 && !sink.hasWork; left -= got) {
          got = sink.read(stream, this.clock());
          this.write(sink, until);
        }
        sink.end(stream);
        this.write(sink, until);
      }
    }
  }

  private write(sink: Sink, until: number): void {
    sink.pump(Number.POSITIVE_INFINITY);
    for (let left = until - this.kernel.now(); sink.hasWork && left > 0; left = until - this.kernel.now()) {
      this.kernel.waitReady([sink.watched], left);
      sink.pump(Number.POSITIVE_INFINITY);
    }
  }

  private pipe(
    sink: Sink,
    service: string,
    stream: StreamName,
    owner?: { readonly uid: number; readonly gid: number },
  ): number {
    const { kernel } = this;
    const pair = kernel.makePipe();
    if (typeof pair === "number") return pair;
    const [from, to] = pair;
    // Where the output's reader is gone, the service finds it gone too.
    if (sink.isGone) kernel.close(from);
    else {
      kernel.setNonBlocking(from);
      sink.add(from, { service, stream });
      const same = sink.streams.filter(({ source }) => source.service === service);
      for (const old of same.slice(0, Math.max(0, same.length - MOST_STARTS))) sink.drop(old);
      this.known = undefined;
    }
    // Without the right to do so the program cannot open its output by name, as under any other supervisor.
    if (owner) kernel.changeDescriptorOwner(to, owner.uid, owner.gid);
    return to;
  }
}
