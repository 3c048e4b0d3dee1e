// s6's way to tell of readiness: a service writes a line to a descriptor it was given when it is ready
// (https://skarnet.org/software/s6/notifywhenup.html). One pipe for each start; PID 1 has the end that is read.

import type { Kernel, Watched } from "../../../sys/kernel.ts";
import { EAGAIN } from "../../../sys/libc/errno.ts";
import type { SayLine } from "../../surroundings.ts";
import type { ServiceEvent } from "../machine/events.ts";
import type { Watcher } from "../watcher.ts";

const LINE_FEED = 0x0a;
/** The most bytes that are read of a pipe at once, and in all: readiness is one short line. */
const PIECE = 512;
const MOST_BYTES = 65_536;

interface NotifyPipe {
  readonly service: string;
  readonly fd: number;
  taken: number;
}

export interface NotifyPipeSurroundings {
  readonly kernel: Kernel;
  readonly emit: (event: ServiceEvent) => void;
  readonly say: SayLine;
}

export class NotifyPipes implements Watcher {
  private readonly surroundings: NotifyPipeSurroundings;
  private readonly pipes = new Map<string, NotifyPipe>();

  constructor(surroundings: NotifyPipeSurroundings) {
    this.surroundings = surroundings;
  }

  /**
   * Makes the pipe of a start: the end that is written to, or a negated errno. It is the caller's, who closes it when the
   * service has it: only then is the end of the last writer seen.
   */
  open(service: string): number {
    const { kernel } = this.surroundings;
    this.close(service);
    const pair = kernel.makePipe();
    if (typeof pair === "number") return pair;
    const [fd, writeEnd] = pair;
    const failed = kernel.setNonBlocking(fd);
    if (failed < 0) {
      kernel.close(fd);
      kernel.close(writeEnd);
      return failed;
    }
    this.pipes.set(service, { service, fd, taken: 0 });
    return writeEnd;
  }

  /** Closes the pipe of a start that is over. Without a service: all of them. */
  close(service?: string): void {
    for (const pipe of [...this.pipes.values()])
      if (service === undefined || pipe.service === service) this.drop(pipe);
  }

  watched(): readonly Watched[] {
    return [...this.pipes.values()].map(({ fd }) => ({ fd, read: true }));
  }

  ready(fd: number, now: number): void {
    for (const pipe of this.pipes.values())
      if (pipe.fd === fd) {
        this.take(pipe, now);
        return;
      }
  }

  deadline(): undefined {
    return undefined;
  }

  time(): void {
    // Nothing is ever due: deadline() names no moment.
  }

  private take(pipe: NotifyPipe, now: number): void {
    const { kernel, emit, say } = this.surroundings;
    const { service } = pipe;
    const bytes = kernel.readNow(pipe.fd, PIECE);
    if (bytes === -EAGAIN) return;
    if (typeof bytes !== "number" && bytes.includes(LINE_FEED)) {
      // A later write to the descriptor is of no use: as with s6, it finds the pipe closed.
      this.drop(pipe);
      emit({ type: "ready", now, service });
      return;
    }
    if (typeof bytes === "number" || bytes.length === 0) {
      this.drop(pipe);
      say("info", `service "${service}" closed its notification descriptor without a line`);
      return;
    }
    pipe.taken += bytes.length;
    if (pipe.taken <= MOST_BYTES) return;
    this.drop(pipe);
    const advice = "a line end says that it is ready, and nothing else belongs there";
    say(
      "warn",
      `service "${service}" wrote ${pipe.taken} bytes to its notification descriptor without a line end: ${advice}`,
    );
  }

  private drop(pipe: NotifyPipe): void {
    this.pipes.delete(pipe.service);
    this.surroundings.kernel.close(pipe.fd);
  }
}
