// A try to connect to the first address that accepts, and to talk there. Connects, sends and reads without waiting.

import type { CheckAddress } from "../../../plan/plan.ts";
import type { Kernel, Watched } from "../../../sys/kernel.ts";
import { AF_INET, AF_INET6, SOCK_NONBLOCK, SOCK_STREAM } from "../../../sys/libc/constants.ts";
import { EAGAIN, EINPROGRESS, errnoText } from "../../../sys/libc/errno.ts";
import type { Attempt, Outcome } from "./attempt.ts";

/** The talk over a connection: a request first, then the answer decides. */
export interface Conversation {
  readonly request: Uint8Array;
  /** More of the answer; none at its end. */
  take(bytes: Uint8Array): Outcome;
}

const PIECE = 4096;

export class ConnectionAttempt implements Attempt {
  private readonly kernel: Kernel;
  private readonly written: string;
  private readonly left: CheckAddress[];
  private readonly converse: (() => Conversation) | undefined;
  private fd: number | undefined;
  private conversation: Conversation | undefined;
  private unsent: Uint8Array = new Uint8Array(0);
  private isConnected = false;

  /** Without a conversation, a connection that is accepted is all that is wanted. */
  constructor(
    kernel: Kernel,
    written: string,
    addresses: readonly CheckAddress[],
    converse?: () => Conversation,
  ) {
    this.kernel = kernel;
    this.written = written;
    this.left = [...addresses];
    this.converse = converse;
  }

  start(): Outcome {
    let outcome: Outcome = `${this.written}: no address is left`;
    for (let address = this.left.shift(); address; address = this.left.shift()) {
      outcome = this.begin(address);
      if (typeof outcome !== "string") return outcome;
      this.end();
    }
    return outcome;
  }

  watched(): Watched | undefined {
    if (this.fd === undefined) return undefined;
    const isReading = this.isConnected && this.unsent.length === 0;
    return { fd: this.fd, read: isReading, write: !isReading };
  }

  ready(): Outcome {
    return this.orNext(this.proceed());
  }

  late(): Outcome {
    return this.orNext(`${this.written}: no answer in time`);
  }

  end(): void {
    if (this.fd !== undefined) this.kernel.close(this.fd);
    this.fd = undefined;
    this.isConnected = false;
    this.unsent = new Uint8Array(0);
  }

  /** After a failure the next address is tried; after the last one the failure counts. */
  private orNext(outcome: Outcome): Outcome {
    if (typeof outcome !== "string") return outcome;
    this.end();
    return this.left.length > 0 ? this.start() : outcome;
  }

  private begin(address: CheckAddress): Outcome {
    const domain = address.family === "inet" ? AF_INET : AF_INET6;
    const fd = this.kernel.makeSocket(domain, SOCK_STREAM | SOCK_NONBLOCK);
    if (fd < 0) return this.failed(fd);
    this.fd = fd;
    const result = this.kernel.connect(fd, address);
    if (result === -EINPROGRESS) return undefined;
    return result < 0 ? this.failed(result) : this.connected();
  }

  private proceed(): Outcome {
    const { fd } = this;
    if (fd === undefined) return undefined;
    if (!this.isConnected) {
      const result = this.kernel.connectResult(fd);
      if (result === -EINPROGRESS) return undefined;
      return result < 0 ? this.failed(result) : this.connected();
    }
    if (this.unsent.length > 0) return this.send(fd);
    const bytes = this.kernel.readNow(fd, PIECE);
    if (typeof bytes !== "number") return this.worded(this.conversation?.take(bytes));
    return bytes === -EAGAIN ? undefined : this.failed(bytes);
  }

  private connected(): Outcome {
    this.isConnected = true;
    this.conversation = this.converse?.();
    if (!this.conversation || this.fd === undefined) return true;
    this.unsent = this.conversation.request;
    return this.send(this.fd);
  }

  private send(fd: number): Outcome {
    const took = this.kernel.sendNow(fd, this.unsent);
    if (took === -EAGAIN) return undefined;
    if (took < 0) return this.failed(took);
    this.unsent = this.unsent.subarray(took);
    return undefined;
  }

  private failed(result: number): string {
    return `${this.written}: ${errnoText(-result)}`;
  }

  private worded(outcome: Outcome): Outcome {
    return typeof outcome === "string" ? `${this.written}: ${outcome}` : outcome;
  }
}
