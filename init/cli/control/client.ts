// The command line's end of the control socket: one connection a request, one line there and one back. Waits for a bounded
// time, and ends at a signal that would end any program.

import type { Reply, Request } from "../../supervise/services/control/protocol.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { SIGHUP, SIGINT, SIGQUIT, SIGTERM } from "../../sys/libc/constants.ts";
import { EACCES, EAGAIN, ECONNREFUSED, ENOENT, errnoText } from "../../sys/libc/errno.ts";
import { bytesOf, concatenate, textOf } from "../../sys/text/bytes.ts";
import { EXIT_NOT_DONE, EXIT_UNAVAILABLE, EXIT_USAGE } from "../exit-codes.ts";
import type { Outcome } from "../output/print.ts";

const VERSION = 1;
/** How long PID 1 may take to take the connection, and then to answer. */
const PATIENCE_MS = 5000;
const RETRY_MS = 20;
const CHUNK = 65_536;
const LONGEST_REPLY = 16 << 20;
const ENDING = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
const ROOT = 0;
const NEWLINE = 0x0a;

export type Accepted = Extract<Reply, { ok: true }>;
export type Answer = { readonly reply: Accepted } | { readonly outcome: Outcome };

export class Client {
  private readonly kernel: Kernel;
  private readonly signalFd: number;
  private readonly socket: string;

  constructor(kernel: Kernel, signalFd: number, socket: string) {
    this.kernel = kernel;
    this.signalFd = signalFd;
    this.socket = socket;
  }

  /** The reply; or how the subcommand ends without one. */
  ask(request: Request): Answer {
    const fd = this.connect();
    if (typeof fd !== "number") return { outcome: fd };
    const read = this.isTrusted(fd)
      ? this.exchange(fd, request)
      : this.unreachable("another user listens there");
    this.kernel.close(fd);
    return read instanceof Uint8Array ? this.understand(read) : { outcome: read };
  }

  /** Waits so long, or until a signal comes that ends this process: its exit code then. */
  pause(ms: number): Outcome | undefined {
    return this.wait({}, this.kernel.now() + ms);
  }

  private connect(): number | Outcome {
    const until = this.kernel.now() + PATIENCE_MS;
    for (;;) {
      const fd = this.kernel.connectUnix(this.socket);
      if (fd >= 0) return fd;
      // The backlog is full.
      if (fd !== -EAGAIN || this.kernel.now() >= until) return this.unreachable(reasonOf(-fd));
      const interrupted = this.pause(RETRY_MS);
      if (interrupted) return interrupted;
    }
  }

  /** A service that can write to the socket's directory could have put a socket of its own there. */
  private isTrusted(fd: number): boolean {
    const peer = this.kernel.peerCredentials(fd);
    if (typeof peer === "number") return false;
    return peer.uid === ROOT || peer.uid === this.kernel.ownCredentials().uid;
  }

  private exchange(fd: number, request: Request): Uint8Array | Outcome {
    const until = this.kernel.now() + PATIENCE_MS;
    // It fits into the socket. When it was closed already, a refusal can still be read.
    this.kernel.sendNow(fd, bytesOf(`${JSON.stringify({ version: VERSION, ...request })}\n`));
    let reply: Uint8Array = new Uint8Array(0);
    while (reply.length < LONGEST_REPLY) {
      const got = this.kernel.readNow(fd, CHUNK);
      if (got === -EAGAIN) {
        const ended = this.wait({ fd }, until);
        if (ended) return ended;
        if (this.kernel.now() >= until) return this.unreachable(`no answer within ${PATIENCE_MS / 1000} s`);
      } else if (typeof got === "number") return this.unreachable(errnoText(-got));
      else if (got.length === 0) return this.unreachable("the connection was closed without an answer");
      else {
        reply = concatenate(reply, got);
        if (reply[reply.length - 1] === NEWLINE) return reply;
      }
    }
    return this.unreachable("the answer is too long");
  }

  /** Until the descriptor can be read or the moment has come. */
  private wait({ fd }: { readonly fd?: number }, until: number): Outcome | undefined {
    const fds = fd === undefined ? [this.signalFd] : [this.signalFd, fd];
    for (;;) {
      const left = until - this.kernel.now();
      const ready = this.kernel.waitReadable(fds, Math.max(0, left));
      for (const { signal } of ready.includes(this.signalFd) ? this.kernel.takeSignals(this.signalFd) : [])
        if (ENDING.includes(signal)) return { code: 128 + signal };
      if (left <= 0 || (fd !== undefined && ready.includes(fd))) return undefined;
    }
  }

  private understand(bytes: Uint8Array): Answer {
    let reply: Reply;
    try {
      reply = JSON.parse(textOf(bytes)) as Reply;
    } catch {
      return { outcome: this.unreachable("the answer is no JSON: is this fdinit's socket?") };
    }
    if (typeof reply !== "object" || reply === null || reply.version !== VERSION)
      return { outcome: this.unreachable("the answer is of another version of fdinit") };
    return reply.ok ? { reply } : { outcome: { code: codeOf(reply), complaint: reply.message } };
  }

  private unreachable(reason: string): Outcome {
    return { code: EXIT_UNAVAILABLE, complaint: `cannot reach the control socket ${this.socket}: ${reason}` };
  }
}

function reasonOf(errno: number): string {
  switch (errno) {
    case ENOENT:
    case ECONNREFUSED:
      return `${errnoText(errno)}: does fdinit run, with control.socket in its policy?`;
    case EACCES:
      return `${errnoText(errno)}: root and the user of fdinit may use it`;
    default:
      return errnoText(errno);
  }
}

function codeOf({ code }: Extract<Reply, { ok: false }>): number {
  if (code === "unknown-service") return EXIT_USAGE;
  return code === "not-allowed" || code === "too-slow" ? EXIT_UNAVAILABLE : EXIT_NOT_DONE;
}
