// The one wait loop: wait, decode, next(state, event), act. Blocks in sigtimedwait(2), or in ppoll(2) on the
// signalfd while tokens are out or something is due; nothing wakes up while nothing happens. Nothing here may
// throw: the program runs.

import type { GivenPipe, Supervision, Token } from "../plan/plan.ts";
import { SI_KERNEL, SI_USER, SIGCHLD, SIGKILL, SIGSTOP, STDIN_FILENO } from "../sys/constants.ts";
import type { ChangedProcess, ChildEnd, Kernel, ReceivedSignal } from "../sys/kernel.ts";
import type { Observer } from "./report.ts";
import {
  type Action,
  deadline,
  type Event,
  initialState,
  type Next,
  next,
  type State,
  type Target,
} from "./state.ts";
import { descendants, inWords } from "./tree.ts";

export type Say = (level: "error" | "warn" | "info" | "debug", message: string) => void;

/** What supervision is given besides the plan. */
export interface Surroundings {
  readonly kernel: Kernel;
  readonly signalFd: number;
  readonly supervision: Supervision;
  readonly say: Say;
  readonly context: {
    /** Tokens that are out; supervision takes those away that are gone. */
    readonly tokens: Token[];
    /** Of the last start. */
    readonly pipes: readonly GivenPipe[];
  };
  /** Another start of the service: its pid, or the exit code that stands for what stood in the way. */
  startAgain(): { readonly pid: number } | { readonly code: number; readonly message: string };
}

// Loaded when somebody holds something, and when somebody wants to know.
const holders = () => require("./holders.ts") as typeof import("./holders.ts");
const reports = () => require("./report.ts") as typeof import("./report.ts");

/** Supervises until the container ends, reaping every child; answers the exit code. */
export function supervise(surroundings: Surroundings, pid: number): number {
  const { kernel, signalFd, supervision } = surroundings;
  const supervisor = new Supervisor(surroundings, initialState(kernel.pid, supervision, pid, kernel.now()));
  for (;;) {
    // Signals first, so that one sent before the program ended still reaches it.
    for (const received of kernel.takeSignals(signalFd)) supervisor.signal(received);
    supervisor.time();
    supervisor.reap();
    if (supervisor.exit !== undefined) return supervisor.leave(supervisor.exit);
    supervisor.wait();
  }
}

class Supervisor {
  exit: number | undefined;
  private readonly surroundings: Surroundings;
  private readonly kernel: Kernel;
  /** There when someone wants to know of each child that ended. */
  private readonly observer: Observer | undefined;
  private state: State;
  /**
   * What a plain signal led to in this state, when that was to send one on. next() is pure: it would lead
   * there again. Between a wake-up and the program's signal every line counts that is not in the cache.
   */
  private known: { readonly pid: number; readonly signal: number }[] = [];

  constructor(surroundings: Surroundings, state: State) {
    this.surroundings = surroundings;
    this.kernel = surroundings.kernel;
    this.state = state;
    const { reaping, report } = state.supervision;
    this.observer =
      reaping.log === "none" && report === undefined ? undefined : new (reports().Observer)(surroundings);
  }

  /** Blocks until something happens; what it takes of that is done when it returns. */
  wait(): void {
    const { context, signalFd } = this.surroundings;
    const { tokens } = context;
    const timeoutMs = this.timeout();
    if (tokens.length > 0 || timeoutMs !== undefined) {
      const ready = this.kernel.waitReadable([signalFd, ...tokens.map(({ fd }) => fd)], timeoutMs);
      if (tokens.length > 0) this.lookAtTokens(ready);
      return;
    }
    // Nothing but a signal can come: waiting for it and taking it is one call then. For as long as each
    // is only passed on there is nothing else to look at.
    const state = this.state;
    while (this.state === state) {
      const received = this.kernel.waitForSignal();
      if (!received) {
        // Interrupted; or a seccomp profile forbids the call, and without this the loop would never rest.
        this.kernel.waitReadable([signalFd]);
        return;
      }
      this.signal(received);
      if (received.signal === SIGCHLD) return;
    }
  }

  signal(received: ReceivedSignal): void {
    const { signal, code, pid } = received;
    const isPlain = code === SI_USER && pid !== this.kernel.pid;
    const known = isPlain ? this.known[signal] : undefined;
    if (known) {
      this.kernel.kill(known.pid, known.signal);
      return;
    }
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
      this.known[signal] = { pid: only.to.process, signal: only.signal };
  }

  /** Takes every change of a child, whether or not a SIGCHLD is left that says so (they merge). */
  reap(): void {
    for (;;) {
      // Looked at first, and exactly that one is taken then: afterwards /proc knows nothing of it.
      const seen = this.observer ? this.kernel.nextChanged() : undefined;
      const isKnown = seen !== undefined && seen !== "none";
      const changed = this.observer && !isKnown ? seen : this.kernel.reap(isKnown ? seen.pid : undefined);
      if (changed === undefined || changed === "none") {
        if (this.state.ending && this.exit === undefined)
          this.handle({ type: "settled", now: this.kernel.now(), childrenLeft: changed === undefined });
        return;
      }
      this.childChanged(changed, isKnown ? seen : undefined);
    }
  }

  private childChanged(changed: ChildEnd, seen: ChangedProcess | undefined): void {
    const isService = changed.pid === this.state.service?.pid;
    // WIFSTOPPED and WSTOPSIG of wait(2)
    if ((changed.status & 0xff) === 0x7f) {
      const signal = changed.status >> 8;
      if (isService) this.handle({ type: "serviceStopped", now: this.kernel.now(), signal });
      return;
    }
    this.observer?.ended(changed, seen, isService);
    if (!isService) return;
    this.observer?.serviceEnded(changed.status, this.state.service?.startedAt ?? 0, this.kernel.now());
    this.handle({ type: "serviceEnded", now: this.kernel.now(), status: changed.status });
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
    return at === undefined ? undefined : at - this.kernel.now();
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
    if (result.state !== this.state) {
      this.state = result.state;
      this.known = [];
    }
    for (const action of result.actions) this.act(action);
    return result;
  }

  private act(action: Action): void {
    const kernel = this.kernel;
    const { say } = this.surroundings;
    switch (action.do) {
      case "send":
        this.send(action.to, action.signal, action.value);
        return;
      case "kill":
        this.killAll();
        return;
      case "start": {
        const started = this.surroundings.startAgain();
        const now = this.kernel.now();
        if ("message" in started) this.observer?.startFailed(started.message);
        this.handle(
          "pid" in started ? { type: "started", now, ...started } : { type: "startFailed", now, ...started },
        );
        return;
      }
      case "findHolders":
        holders().sayHolders(this.surroundings, action.only);
        return;
      case "stopSelf":
        this.giveTerminalBack();
        // Of no effect on PID 1, which nobody could wake again.
        kernel.kill(kernel.pid, SIGSTOP);
        return;
      case "foreground":
        if (this.state.service && kernel.terminal(STDIN_FILENO)?.isForeground)
          kernel.setForeground(STDIN_FILENO, this.state.service.pid);
        return;
      case "say":
        say(action.level, action.message);
        return;
      case "exit":
        this.exit ??= action.code;
    }
  }

  private send(to: Target, signal: number, value: bigint | undefined): void {
    const kernel = this.kernel;
    if (to !== "all" && "process" in to) {
      if (value === undefined) kernel.kill(to.process, signal);
      else kernel.queue(to.process, signal, value);
    } else if (to === "all") {
      // As PID 1, every process of the namespace; the kernel leaves the caller out.
      if (kernel.pid === 1) kernel.kill(-1, signal);
      else for (const { pid } of descendants(kernel)) kernel.kill(pid, signal);
    } else kernel.kill(-to.group, signal);
  }

  private killAll(): void {
    const left = descendants(this.kernel);
    if (left.length > 0) this.surroundings.say("warn", `SIGKILL to what is left: ${inWords(left)}`);
    this.observer?.killed(left);
    this.send("all", SIGKILL, undefined);
    const { service } = this.state;
    // Without /proc nobody knows the rest.
    if (service && this.kernel.pid !== 1) this.kernel.kill(service.pid, SIGKILL);
  }

  /** Below a shell, to the group it was taken from. */
  private giveTerminalBack(): void {
    if (this.state.supervision.hasTerminal)
      this.kernel.setForeground(STDIN_FILENO, this.kernel.processGroup(0));
  }

  /** Asked only of a signal that a terminal sent: those alone go to a whole process group. */
  private sharesProcessGroup({ code }: ReceivedSignal): boolean {
    const { service } = this.state;
    if (code !== SI_KERNEL || !service) return false;
    return this.kernel.processGroup(service.pid) === this.kernel.processGroup(0);
  }
}
