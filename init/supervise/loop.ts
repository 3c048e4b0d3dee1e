// The one wait loop: wait, decode, next(state, event), act. Blocks in sigtimedwait(2), or in ppoll(2) on the
// signalfd while tokens are out or something is due; nothing wakes up while nothing happens. Nothing here may
// throw: the program runs.

import type { ChangedProcess, ChildEnd, Kernel, ReceivedSignal, SignalRoute } from "../sys/kernel.ts";
import {
  SI_KERNEL,
  SI_USER,
  SIGCONT,
  SIGKILL,
  SIGSTOP,
  SIGTRAP,
  STDIN_FILENO,
} from "../sys/libc/constants.ts";
import type { Action, Event, Next, State } from "./events.ts";
import type { Observer } from "./observer.ts";
import { Sender } from "./sending.ts";
import { deadline, initialState, next } from "./state.ts";
import type { Started, Surroundings } from "./surroundings.ts";
import { leftInWords } from "./tree.ts";
import { cannotReapInWords, progressInWords, REAP_RETRY_MS } from "./words.ts";

// holders: loaded when a service with pipes or tokens ends. observing: loaded for `reaping.log` and `report`.
const holders = () => require("./holders.ts") as typeof import("./holders.ts");
// Loaded when the service ends by SIGKILL.
const oom = () => require("./oom-kills.ts") as typeof import("./oom-kills.ts");
const observing = () => require("./observer.ts") as typeof import("./observer.ts");

/** The most ended children taken in one round; fewer when `reaping.log` or `report` looks at each, which takes longer. */
const MOST_REAPED = 64;
const MOST_OBSERVED = 8;

/** Supervises until the container ends, reaping every child; answers the exit code. */
export function supervise(surroundings: Surroundings, first: Started): number {
  const { kernel, signalFd, supervision } = surroundings;
  const supervisor = new Supervisor(surroundings, initialState(kernel.pid, supervision));
  supervisor.started(first);
  // Each round takes a bounded number of signals and children: a stream of signals must not delay the end of the
  // container, and a stream of orphans must not delay a signal.
  for (;;) {
    // Signals first, so that one sent before the program ended still reaches it.
    for (const received of kernel.takeSignals(signalFd)) supervisor.signal(received);
    supervisor.time();
    const isAll = supervisor.reap();
    if (supervisor.exit !== undefined) return supervisor.leave(supervisor.exit);
    if (isAll) supervisor.wait();
  }
}

/** A step of a shutdown, or of the end with processes that are left. The end of a program that leaves none is not. */
function isProgress(before: State, { shutdown, ending }: State): boolean {
  return shutdown !== before.shutdown || (before.ending !== undefined && ending !== before.ending);
}

class Supervisor {
  exit: number | undefined;
  private readonly surroundings: Surroundings;
  private readonly kernel: Kernel;
  /** Set when `reaping.log` or `report` needs to know each child that ended. */
  private readonly observer: Observer | undefined;
  private readonly sender: Sender;
  private state: State;
  /** Children cannot be taken: they are looked for again after a while. */
  private isRetrying = false;
  private hasSaidCannotReap = false;
  /** Too many processes are left to be waited for. */
  private restEndsWithFdinit = false;
  /** The terminal that was lent to the service when it asked. */
  private lent: number | undefined;
  private hasDroppedTokens = false;
  /**
   * Where next() had signals sent that another process sends by kill(2). next() is pure, so in the same state it would
   * answer the same again, and need not be called. This shortens the way of a signal: code that is not in the cache is slow.
   */
  private routes: SignalRoute[] = [];

  constructor(surroundings: Surroundings, state: State) {
    this.surroundings = surroundings;
    this.kernel = surroundings.kernel;
    this.state = state;
    this.sender = new Sender(surroundings);
    const { reaping, report } = state.supervision;
    this.observer =
      reaping.log === "none" && report === undefined ? undefined : new (observing().Observer)(surroundings);
  }

  /** Blocks until something happens. Signals that it takes are handled when it returns. */
  wait(): void {
    const { context, signalFd } = this.surroundings;
    const { tokens } = context;
    const timeoutMs = this.timeout();
    if (tokens.length > 0 || timeoutMs !== undefined) {
      const ready = this.kernel.waitReadable([signalFd, ...tokens.map(({ fd }) => fd)], timeoutMs);
      if (tokens.length > 0) this.lookAtTokens(ready);
      return;
    }
    // Only a signal can come, so one call waits for it and takes it.
    const received = this.kernel.waitForSignal(this.routes, this.kernel.pid);
    if (received) this.signal(received);
    // The call was interrupted, or a seccomp profile forbids it. In the second case the loop would spin without this wait.
    else this.kernel.waitReadable([signalFd]);
  }

  signal(received: ReceivedSignal): void {
    const { signal, code, pid } = received;
    const isPlain = code === SI_USER && pid !== this.kernel.pid;
    const state = this.state;
    const sharesProcessGroup = this.sharesProcessGroup(received);
    const { actions } = this.handle({
      type: "signal",
      now: this.kernel.now(),
      received,
      sharesProcessGroup,
    });
    if (!isPlain || this.state !== state || actions.length !== 1) return;
    const [only] = actions;
    if (only?.do === "send" && only.to !== "all" && "process" in only.to)
      this.routes[signal] = { pid: only.to.process, signal: only.signal };
  }

  started(first: Started): void {
    const now = this.kernel.now();
    if ("pid" in first) this.handle({ type: "started", now, ...first });
    else {
      this.observer?.endedOtherwise(first.message);
      this.handle({ type: "startFailed", now, ...first });
    }
  }

  /**
   * Takes a batch of changed children. Does not depend on SIGCHLD, because several of them merge into one. True when no
   * more are waiting.
   */
  reap(): boolean {
    const most = this.observer ? MOST_OBSERVED : MOST_REAPED;
    for (let taken = 0; taken < most; taken++) {
      // The observer looks at the child first, and exactly that child is taken then: afterwards /proc has lost it.
      const looked = this.observer ? this.kernel.nextChanged() : undefined;
      const seen = typeof looked === "object" ? looked : undefined;
      // When the look failed, the child is taken without it.
      const isNobody = this.observer !== undefined && (looked === undefined || looked === "none");
      const changed = isNobody ? looked : this.kernel.reap(seen?.pid);
      if (typeof changed === "number") {
        this.cannotReap(changed);
        return true;
      }
      this.isRetrying = seen !== undefined && changed === undefined;
      if (changed === undefined || changed === "none") {
        if (this.state.ending && this.exit === undefined)
          this.handle({ type: "settled", now: this.kernel.now(), childrenLeft: changed === undefined });
        return true;
      }
      this.childChanged(changed, seen);
    }
    return false;
  }

  private cannotReap(failed: number): void {
    if (!this.hasSaidCannotReap) this.surroundings.say("error", cannotReapInWords(-failed));
    this.hasSaidCannotReap = true;
    this.isRetrying = true;
  }

  private childChanged(changed: ChildEnd, seen: ChangedProcess | undefined): void {
    const isService = changed.pid === this.state.service?.pid;
    // WIFSTOPPED and WSTOPSIG of wait(2)
    if ((changed.status & 0xff) === 0x7f) {
      const signal = (changed.status >> 8) & 0xff;
      // The child has made its parent its tracer (PTRACE_TRACEME), and would wait for ever for the tracer to continue it.
      if (this.kernel.detach(changed.pid, signal === SIGTRAP ? 0 : signal)) return;
      if (isService) this.handle({ type: "serviceStopped", now: this.kernel.now(), signal });
      return;
    }
    this.observer?.ended(changed, seen, isService);
    if (!isService) return;
    if ((changed.status & 0x7f) === SIGKILL && !this.observer) oom().sayOomKills(this.surroundings, 0);
    this.observer?.serviceEnded(changed.status, this.state.service?.startedAt ?? 0, this.kernel.now());
    this.handle({ type: "serviceEnded", now: this.kernel.now(), status: changed.status });
    this.leaveRest();
  }

  /** Ends at once where the kernel is to kill what is left, and the exit code is known. */
  private leaveRest(): void {
    if (this.restEndsWithFdinit && this.state.ending) this.exit ??= this.state.ending.code;
  }

  time(): void {
    for (;;) {
      const at = deadline(this.state);
      if (at === undefined || this.exit !== undefined || at > this.kernel.now()) return;
      this.handle({ type: "time", now: this.kernel.now() });
    }
  }

  /** Until the next moment that something is due; undefined: for as long as nothing happens. */
  private timeout(): number | undefined {
    const at = deadline(this.state);
    const left = at === undefined ? undefined : at - this.kernel.now();
    return this.isRetrying ? Math.min(REAP_RETRY_MS, left ?? REAP_RETRY_MS) : left;
  }

  private lookAtTokens(ready: readonly number[]): void {
    const { tokens } = this.surroundings.context;
    for (const token of [...tokens]) {
      if (!ready.includes(token.fd) || !this.kernel.isAtEnd(token.fd)) continue;
      this.kernel.close(token.fd);
      tokens.splice(tokens.indexOf(token), 1);
      holders().tokenGone(token, this.surroundings);
    }
  }

  /** The last words; answers the code. */
  leave(code: number): number {
    const { tokens } = this.surroundings.context;
    if (tokens.length > 0) this.lookAtTokens(tokens.map(({ fd }) => fd));
    if (this.kernel.pid !== 1) this.giveTerminalBack();
    this.observer?.report(code, this.state.service !== undefined);
    return code;
  }

  private handle(event: Event): Next {
    const result = next(this.state, event);
    let told: readonly string[] = [];
    if (result.state !== this.state) {
      const before = this.state;
      this.state = result.state;
      if (isProgress(before, result.state)) told = progressInWords(before, result);
      this.routes = [];
    }
    for (const action of result.actions) {
      // The reason is said first, then the step, then what has come of it.
      if (action.do !== "say" && action.do !== "sayLeft" && told.length > 0) told = this.tell(told);
      this.act(action);
    }
    if (told.length > 0) this.tell(told);
    return result;
  }

  private tell(lines: readonly string[]): readonly string[] {
    for (const line of lines) this.surroundings.say("info", line);
    return [];
  }

  private act(action: Action): void {
    const kernel = this.kernel;
    const { say } = this.surroundings;
    switch (action.do) {
      case "send":
        this.sender.send(action.to, action.signal, action.value, this.state.service?.pid);
        return;
      case "kill":
        this.restEndsWithFdinit ||= this.sender.killAll(this.state.service?.pid, this.observer);
        this.leaveRest();
        return;
      case "start":
        this.started(this.surroundings.startAgain());
        this.dropOldTokens();
        return;
      case "findHolders":
        // sayHolders() looks through every process, which is of no use when no child is left.
        if (kernel.hasChildren()) holders().sayHolders(this.surroundings, action.only);
        return;
      case "stopSelf":
        this.stopSelf();
        return;
      case "foreground":
        if (this.state.service && kernel.terminal(this.terminal)?.isForeground)
          kernel.setForeground(this.terminal, this.state.service.pid);
        return;
      case "lendTerminal":
        if (!this.lendTerminal() && !kernel.isOrphaned()) this.suspend();
        return;
      case "say":
        say(action.level, action.message);
        return;
      case "sayLeft":
        say("warn", action.message + leftInWords(kernel));
        return;
      case "exit":
        this.exit ??= action.code;
    }
  }

  private get terminal(): number {
    return this.lent ?? STDIN_FILENO;
  }

  /** Makes the service the terminal's foreground, when fdinit is in the foreground, and continues it. False: not done. */
  private lendTerminal(): boolean {
    const { kernel } = this;
    const { service } = this.state;
    const fd = this.lent ?? kernel.controllingTerminal();
    if (fd < 0 || !service) return false;
    this.lent = fd;
    if (!kernel.terminal(fd)?.isForeground || kernel.setForeground(fd, service.pid) < 0) return false;
    this.sender.check(kernel.kill(-service.pid, SIGCONT), SIGCONT);
    return true;
  }

  private stopSelf(): void {
    const { kernel } = this;
    const { service, supervision } = this.state;
    // The kernel does not stop the members of an orphaned process group (setpgid(2)). The program would have been in
    // fdinit's group, so a stop that fdinit's group could not have got is undone.
    if (service && supervision.isJob && kernel.isOrphaned()) {
      this.sender.check(kernel.kill(-service.pid, SIGCONT), SIGCONT);
      return;
    }
    this.suspend();
  }

  private suspend(): void {
    this.giveTerminalBack();
    // The kernel drops a SIGSTOP that PID 1 sends itself: no other process of the namespace could continue it.
    this.kernel.kill(this.kernel.pid, SIGSTOP);
  }

  private dropOldTokens(): void {
    const { context } = this.surroundings;
    if (context.tokens.length > 0)
      this.hasDroppedTokens = holders().dropOldTokens(this.surroundings, this.hasDroppedTokens);
  }

  /** Makes fdinit's own process group the terminal's foreground again, which is the shell's job. */
  private giveTerminalBack(): void {
    if (this.state.supervision.hasTerminal || this.lent !== undefined)
      this.kernel.setForeground(this.terminal, this.kernel.processGroup(0));
  }

  /** Asked only of a signal that a terminal sent: those alone go to a whole process group. */
  private sharesProcessGroup({ code }: ReceivedSignal): boolean {
    const { service } = this.state;
    if (code !== SI_KERNEL || !service) return false;
    return this.kernel.processGroup(service.pid) === this.kernel.processGroup(0);
  }
}
