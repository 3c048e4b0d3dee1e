// The control socket, as a watcher of the loop: takes connections, checks who made them, answers one request of each. A client can
// be slow, silent or gone; PID 1 waits for none of them.
//
// Bounds: 8 connections at once, the rest wait in the kernel's backlog of 8; a request of 4 KiB within one second; a reply
// that is taken within five.

import type { SupervisedService } from "../../../plan/plan.ts";
import type { Kernel, PeerCredentials, Watched } from "../../../sys/kernel.ts";
import { EAGAIN } from "../../../sys/libc/errno.ts";
import { concatenate } from "../../../sys/text/bytes.ts";
import type { ServiceEvent } from "../machine/events.ts";
import type { Watcher } from "../watcher.ts";
import { isAbstract } from "./listening.ts";
import {
  answered,
  encoded,
  LONGEST_REQUEST,
  type Refused,
  type Reply,
  type Request,
  readRequest,
  refusal,
  refused,
} from "./protocol.ts";
import { obstacleToReload } from "./reloading.ts";
import type { Health, ServiceReport, StatusReport } from "./status-report.ts";

const MOST_CONNECTIONS = 8;
const REQUEST_MS = 1000;
const REPLY_MS = 5000;
const ROOT = 0;
const NOTHING = new Uint8Array(0);

/** The knowledge and the deeds that the control socket needs; the loop gives them. */
export interface Controlled {
  answerStatus(): StatusReport;
  /** Another value with each change of a service. */
  revision(): unknown;
  isHealthy(): Health;
  emit(event: ServiceEvent): void;
  /** Sends a signal to a service's main process; answers why that could not be done. */
  signal(service: string, signal: number): string | undefined;
}

export interface ControlOptions {
  /** Of listenForControl(). */
  readonly fd: number;
  readonly socket: string;
  readonly services: readonly Pick<SupervisedService, "name" | "reload">[];
  readonly controlled: Controlled;
  readonly say: (level: "info" | "warn", message: string) => void;
}

interface Connection {
  readonly fd: number;
  readonly peer: PeerCredentials;
  /** When it is closed, whatever it has come to. */
  until: number;
  got: Uint8Array;
  /** Undefined until the request has come; then what is left of the reply. */
  reply?: Uint8Array;
}

export class Control implements Watcher {
  private readonly kernel: Kernel;
  private readonly options: ControlOptions;
  private readonly ownUid: number;
  private connections: Connection[] = [];
  private hasSaidStranger = false;

  constructor(kernel: Kernel, options: ControlOptions) {
    this.kernel = kernel;
    this.options = options;
    this.ownUid = kernel.ownCredentials().uid;
  }

  watched(): readonly Watched[] {
    const watched: Watched[] = [];
    if (this.connections.length < MOST_CONNECTIONS) watched.push({ fd: this.options.fd, read: true });
    for (const { fd, reply } of this.connections)
      watched.push(reply === undefined ? { fd, read: true } : { fd, write: true });
    return watched;
  }

  ready(fd: number, now: number): void {
    if (fd === this.options.fd) this.accept(now);
    else {
      const connection = this.connections.find((one) => one.fd === fd);
      if (!connection) return;
      if (connection.reply === undefined) this.read(connection, now);
      else this.write(connection);
    }
  }

  deadline(): number | undefined {
    let soonest: number | undefined;
    for (const { until } of this.connections) soonest = Math.min(soonest ?? until, until);
    return soonest;
  }

  time(now: number): void {
    for (const connection of this.connections) {
      if (connection.until > now) continue;
      if (connection.reply === undefined)
        this.answer(connection, now, refusal(refused("too-slow", `no request came within ${REQUEST_MS} ms`)));
      else this.close(connection);
    }
  }

  private accept(now: number): void {
    const fd = this.kernel.accept(this.options.fd);
    if (fd < 0) return;
    const peer = this.kernel.peerCredentials(fd);
    if (typeof peer === "number") {
      this.kernel.close(fd);
      return;
    }
    const connection: Connection = { fd, peer, until: now + REQUEST_MS, got: NOTHING };
    this.connections.push(connection);
    if (!this.isAllowed(peer)) {
      this.sayStranger(peer);
      const message = `only root and the user of fdinit (uid ${this.ownUid}) may use this socket`;
      this.answer(connection, now, refusal(refused("not-allowed", message)));
    }
  }

  /** An abstract name is known in the whole network namespace, which containers may share: there the process must be of this one's. */
  private isAllowed({ pid, uid }: PeerCredentials): boolean {
    if (isAbstract(this.options.socket) && pid === 0) return false;
    return uid === ROOT || uid === this.ownUid;
  }

  private sayStranger(peer: PeerCredentials): void {
    if (!this.hasSaidStranger)
      this.options.say("warn", `control socket: ${inWords(peer)} was refused; others are not told of`);
    this.hasSaidStranger = true;
  }

  private read(connection: Connection, now: number): void {
    const got = this.kernel.readNow(connection.fd, LONGEST_REQUEST + 1 - connection.got.length);
    if (got === -EAGAIN) return;
    if (typeof got === "number") {
      this.close(connection);
      return;
    }
    connection.got = concatenate(connection.got, got);
    const isEnd = got.length === 0;
    if (isEnd && connection.got.length === 0) {
      this.close(connection);
      return;
    }
    const request = readRequest(connection.got, isEnd);
    if (request) this.answer(connection, now, this.replyTo(request, connection.peer, now));
  }

  private replyTo(request: Request | Refused, peer: PeerCredentials, now: number): Reply {
    if ("code" in request) return refusal(request);
    const { controlled, say } = this.options;
    if (request.request === "health") return answered(controlled.isHealthy());
    const status = controlled.answerStatus();
    if (request.request === "status") return answered({ status });
    const before = status.services.find(({ name }) => name === request.service);
    const obstacle = before ? this.obstacleTo(request, before, status) : unknownService(status);
    if (obstacle || !before) return refusal(obstacle ?? unknownService(status));
    const detail = request.request === "signal" ? ` ${request.signal}` : "";
    say("info", `control socket: ${request.request} ${request.service}${detail}, asked by ${inWords(peer)}`);
    if (request.request === "signal") {
      const failed = controlled.signal(request.service, request.signal);
      return failed === undefined ? answered({ before }) : refusal(refused("failed", failed));
    }
    controlled.emit({ type: "request", now, service: request.service, request: request.request });
    return answered({ before });
  }

  private obstacleTo({ request }: Request, before: ServiceReport, status: StatusReport): Refused | undefined {
    const { name, pid } = before;
    if (status.shutdown && (request === "start" || request === "restart"))
      return refused("shutting-down", "fdinit is shutting down: nothing is started any more");
    if (request !== "reload" && request !== "signal") return undefined;
    if (pid === undefined) return refused("not-running", `${name} has no process`);
    const isNamed = this.options.services.some((one) => one.name === name && one.reload !== undefined);
    return request === "signal" || isNamed ? undefined : obstacleToReload(this.kernel, name, pid);
  }

  private answer(connection: Connection, now: number, reply: Reply): void {
    connection.reply = encoded(reply);
    connection.until = now + REPLY_MS;
    connection.got = NOTHING;
    this.write(connection);
  }

  private write(connection: Connection): void {
    const reply = connection.reply ?? NOTHING;
    const sent = this.kernel.sendNow(connection.fd, reply);
    if (sent === -EAGAIN) return;
    if (sent < 0 || sent === reply.length) this.close(connection);
    else connection.reply = reply.subarray(sent);
  }

  private close(connection: Connection): void {
    this.kernel.close(connection.fd);
    this.connections = this.connections.filter((one) => one !== connection);
  }
}

function inWords({ pid, uid }: PeerCredentials): string {
  return `${pid === 0 ? "a process of another PID namespace" : `process ${pid}`} of uid ${uid}`;
}

function unknownService({ services }: StatusReport): Refused {
  const names = services.map(({ name }) => name).join(", ");
  return refused("unknown-service", `there is no service of that name; there are: ${names}`);
}
