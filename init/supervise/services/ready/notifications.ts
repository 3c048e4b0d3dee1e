// sd_notify(3): one datagram socket for all services, with a name in the abstract namespace that the kernel chooses, so that
// a read-only root does not matter. The sender is the process that the kernel names (SCM_CREDENTIALS); what it says is about the
// service it belongs to, and no other. A message of a process that belongs to none is closed unread. Any service may
// send anything: whatever comes costs a bounded time and a bounded memory, and is said once.

import type { Kernel, ReceivedMessage, Watched } from "../../../sys/kernel.ts";
import { AF_UNIX, SO_PASSCRED, SOCK_DGRAM, SOCK_NONBLOCK, SOL_SOCKET } from "../../../sys/libc/constants.ts";
import { errnoText } from "../../../sys/libc/errno.ts";
import type { SayLine } from "../../surroundings.ts";
import type { ServiceEvent } from "../machine/events.ts";
import type { Watcher } from "../watcher.ts";
import { MOST_BYTES, type Notification, parseNotification } from "./notification.ts";
import { MOST_OF_SERVICE, Store, type StoredDescriptor } from "./store.ts";

/** The most messages taken at once, before anything else is looked at. */
const MOST_AT_ONCE = 16;
/**
 * The most that notifications may cost within a window. When as many have come, or when handling them has taken as long (to find the
 * service of a process, /proc is looked through), the socket is not looked at for the rest of it, and senders wait.
 */
const WINDOW_MS = 100;
const MOST_PER_WINDOW = 256;
const MOST_MS_PER_WINDOW = 50;

export interface NotificationSurroundings {
  readonly kernel: Kernel;
  readonly emit: (event: ServiceEvent) => void;
  readonly say: SayLine;
  /** The service that a process belongs to. */
  readonly ownerOf: (pid: number) => string | undefined;
}

export class Notifications implements Watcher {
  /** For NOTIFY_SOCKET; undefined when there is no socket, and why has been said. */
  readonly name: string | undefined;
  private readonly surroundings: NotificationSurroundings;
  private readonly store: Store;
  private fd: number | undefined;
  /** Main processes that have ended while something was waiting, until all of that is read. */
  private readonly gone = new Map<number, string>();
  private readonly texts = new Map<string, string>();
  /** How often a text has changed. */
  changes = 0;
  /** The complaints that were said, by service and subject: there are as many as services times subjects. */
  private readonly said = new Set<string>();
  private windowEnd = 0;
  private takenInWindow = 0;
  private spentInWindowMs = 0;
  /** Of the senders of this window, which is too short for a number to be given to another process. */
  private readonly owners = new Map<number, string | undefined>();
  private isFlooded = false;

  constructor(surroundings: NotificationSurroundings) {
    this.surroundings = surroundings;
    this.store = new Store(surroundings.kernel);
    const opened = openSocket(surroundings.kernel);
    if (typeof opened === "number") {
      const reason = errnoText(-opened);
      surroundings.say("error", `cannot open the socket for sd_notify: ${reason}`);
      return;
    }
    this.fd = opened.fd;
    this.name = opened.name;
  }

  /** A new start: the status of the one before is gone, and the descriptors that it stored stay. */
  begin(service: string): void {
    this.texts.delete(service);
  }

  /**
   * The main process of a start has ended. Its messages may still be waiting: their descriptors are stored, and their other
   * lines are ignored, because they are not about the next start.
   */
  ended(service: string, pid: number): void {
    if (this.fd === undefined) return;
    const waiting = this.surroundings.kernel.waitReady([{ fd: this.fd, read: true }], 0);
    if (waiting.length > 0) this.gone.set(pid, service);
  }

  /** The last STATUS, with the error number that came last; fit to be shown. */
  status(service: string): string | undefined {
    return this.texts.get(service);
  }

  /** The descriptors that the next start is given by LISTEN_FDS and LISTEN_FDNAMES. */
  stored(service: string): readonly StoredDescriptor[] {
    return this.store.of(service);
  }

  /** Closes what a service has stored. */
  drop(service: string): void {
    this.store.drop(service);
  }

  close(): void {
    this.store.close();
    if (this.fd !== undefined) this.surroundings.kernel.close(this.fd);
    this.fd = undefined;
  }

  watched(): readonly Watched[] {
    const stored = this.store.watched();
    return this.fd === undefined || this.isFlooded ? stored : [{ fd: this.fd, read: true }, ...stored];
  }

  ready(fd: number, now: number): void {
    if (fd === this.fd) this.take(fd, now);
    else this.store.hungUp(fd);
  }

  deadline(): number | undefined {
    return this.isFlooded ? this.windowEnd : undefined;
  }

  time(now: number): void {
    if (now >= this.windowEnd) this.isFlooded = false;
  }

  private take(fd: number, now: number): void {
    if (now >= this.windowEnd) {
      this.windowEnd = now + WINDOW_MS;
      this.takenInWindow = 0;
      this.spentInWindowMs = 0;
      this.owners.clear();
    }
    const { kernel } = this.surroundings;
    for (let taken = 0; taken < MOST_AT_ONCE; taken++) {
      if (this.takenInWindow >= MOST_PER_WINDOW || this.spentInWindowMs >= MOST_MS_PER_WINDOW) {
        this.isFlooded = true;
        const many = `${this.takenInWindow} notifications in ${WINDOW_MS} ms are more than fdinit takes`;
        this.sayOnce("", "flood", `${many}: the others wait`);
        return;
      }
      const began = kernel.now();
      const message = kernel.receiveNow(fd, MOST_BYTES);
      if (typeof message === "number") {
        // All that these had sent has been read.
        this.gone.clear();
        return;
      }
      this.received(message, now);
      this.takenInWindow++;
      this.spentInWindowMs += kernel.now() - began;
    }
  }

  private ownerOf(pid: number): string | undefined {
    if (!this.owners.has(pid)) this.owners.set(pid, this.surroundings.ownerOf(pid));
    return this.owners.get(pid);
  }

  private received(message: ReceivedMessage, now: number): void {
    const gone = this.gone.get(message.pid);
    const service = gone ?? (message.pid > 0 ? this.ownerOf(message.pid) : undefined);
    if (service === undefined) {
      this.closeAll(message.fds);
      this.refuseSender(message.pid);
      return;
    }
    const parsed = message.isCut ? `it has more than ${MOST_BYTES} bytes` : parseNotification(message.bytes);
    if (typeof parsed === "string") {
      this.closeAll(message.fds);
      this.sayOnce(service, parsed, `a notification of service "${service}" is ignored: ${parsed}`);
      return;
    }
    if (gone === undefined) this.tell(service, parsed, now);
    this.descriptors(service, parsed, message);
    const [wrong] = parsed.malformed;
    if (wrong !== undefined)
      this.sayOnce(service, "line", `service "${service}" notified "${wrong}": ignored`);
  }

  private refuseSender(pid: number): void {
    const who = pid > 0 ? `process ${pid}, which belongs to no service` : "a process outside the container";
    this.sayOnce("", pid > 0 ? "stranger" : "outsider", `a notification came from ${who}: ignored`);
  }

  private descriptors(service: string, { store, remove }: Notification, message: ReceivedMessage): void {
    if (remove !== undefined) this.store.drop(service, remove);
    const isWhole = !message.lacksDescriptors;
    if (!isWhole)
      this.sayOnce(
        service,
        "lost",
        `descriptors of service "${service}" were lost: fdinit has too many open. None of that notification is stored`,
      );
    // That of BARRIER=1 is closed as any other, which is its meaning (sd_notify_barrier(3)): what came before is done by now.
    if (!store || !isWhole) {
      this.closeAll(message.fds);
      return;
    }
    for (const fd of message.fds)
      if (!this.store.add(service, fd, store.name, store.isWatched))
        this.sayOnce(
          service,
          "room",
          `service "${service}" stores more descriptors than there is room for, ${MOST_OF_SERVICE} at most: the rest is closed`,
        );
  }

  private tell(service: string, told: Notification, now: number): void {
    const { emit } = this.surroundings;
    this.noteStatus(service, told);
    if (told.mainPid !== undefined) this.mainPid(service, told.mainPid, now);
    if (told.watchdogMs !== undefined) emit({ type: "watchdogPeriod", now, service, ms: told.watchdogMs });
    if (told.isReloading) emit({ type: "reloading", now, service });
    if (told.isReady) emit({ type: "ready", now, service });
    if (told.isStopping) emit({ type: "stopping", now, service });
    if (told.extendMs !== undefined) emit({ type: "extend", now, service, ms: told.extendMs });
    if (told.watchdog !== undefined)
      emit({ type: "watchdog", now, service, isFailure: told.watchdog === "failed" });
  }

  private noteStatus(service: string, { status, errno }: Notification): void {
    if (status === undefined && errno === undefined) return;
    const error = errno === undefined ? "" : errnoText(errno);
    const text = status && error ? `${status} (${error})` : status || error;
    this.changes++;
    if (text === "") this.texts.delete(service);
    else this.texts.set(service, text);
  }

  private mainPid(service: string, pid: number, now: number): void {
    const { emit, kernel } = this.surroundings;
    if (pid !== kernel.pid && this.ownerOf(pid) === service) emit({ type: "mainPid", now, service, pid });
    else
      this.sayOnce(
        service,
        "MAINPID",
        `service "${service}" named MAINPID=${pid}, which is not its: ignored`,
      );
  }

  private closeAll(fds: readonly number[]): void {
    for (const fd of fds) this.surroundings.kernel.close(fd);
  }

  private sayOnce(service: string, subject: string, message: string): void {
    const key = `${service}\n${subject}`;
    if (this.said.has(key)) return;
    this.said.add(key);
    this.surroundings.say("warn", message);
  }
}

function openSocket(kernel: Kernel): { readonly fd: number; readonly name: string } | number {
  const fd = kernel.makeSocket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK);
  if (fd < 0) return fd;
  // Before it has a name: every message is to come with its sender.
  const failed = kernel.setSocketOption(fd, SOL_SOCKET, SO_PASSCRED, 1);
  const name = failed < 0 ? failed : kernel.bindAnywhere(fd);
  if (typeof name === "string") return { fd, name };
  kernel.close(fd);
  return name;
}
