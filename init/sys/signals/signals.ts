// Signals: masks, dispositions, signalfd, sending. The kernel's 8-byte sets throughout, so that
// 32 and 33 (which libc keeps to itself) can be named too. Answers negated errnos.

import {
  O_CLOEXEC,
  O_NONBLOCK,
  SI_KERNEL,
  SI_QUEUE,
  SI_USER,
  type SIG_DFL,
  type SIG_IGN,
  SIG_SETMASK,
  SIGCHLD,
} from "../libc/constants.ts";
import { EAGAIN, EINTR, ENOSYS, ESRCH } from "../libc/errno.ts";
import { Block, keepAlive, SYS, syscall } from "../libc/libc.ts";
import type { ReceivedSignal, SignalRoute, SignalSet } from "./kernel.ts";

/** Of the kernel's sigset_t, in bytes. */
export const SIGSET_SIZE = 8;

/** Signals that libc uses inside itself (pthread_cancel and setxid): left unblocked, as libc does. */
const LIBC_SIGNALS = [32, 33];

/**
 * Set to default in a program: SIGCHLD (fdinit cannot reap while it is ignored), and libc's own two, which
 * glibc's posix_spawn leaves ignored.
 */
export const defaultedInPrograms: readonly number[] = [SIGCHLD, ...LIBC_SIGNALS];

/** The set of all signals but libc's own two. The kernel takes SIGKILL and SIGSTOP out by itself. */
export const everySignal = new Block(SIGSET_SIZE);
everySignal.bytes.fill(0xff);
for (const signal of LIBC_SIGNALS) remove(everySignal.bytes, signal);

export function has(set: SignalSet, signal: number): boolean {
  return ((set[(signal - 1) >> 3] as number) & (1 << ((signal - 1) & 7))) !== 0;
}

export function add(set: SignalSet, signal: number): void {
  set[(signal - 1) >> 3] = (set[(signal - 1) >> 3] as number) | (1 << ((signal - 1) & 7));
}

function remove(set: SignalSet, signal: number): void {
  set[(signal - 1) >> 3] = (set[(signal - 1) >> 3] as number) & ~(1 << ((signal - 1) & 7));
}

/** Reads the hexadecimal form of /proc/PID/status (highest signal first); undefined when it is not one. */
export function parseSignalSet(text: string): SignalSet | undefined {
  if (!/^[0-9a-f]{16}$/.test(text)) return undefined;
  const set = new Uint8Array(SIGSET_SIZE);
  for (let i = 0; i < SIGSET_SIZE; i++) set[i] = Number.parseInt(text.slice(14 - 2 * i, 16 - 2 * i), 16);
  return set;
}

export function formatSignalSet(set: SignalSet): string {
  return Array.from(set, (byte) => byte.toString(16).padStart(2, "0"))
    .reverse()
    .join("");
}

/** Sets the calling thread's mask (threads made later inherit it) and answers the one before. */
export function setMask(mask: SignalSet): SignalSet {
  const block = new Block(2 * SIGSET_SIZE);
  block.bytes.set(mask);
  syscall(SYS.rt_sigprocmask, SIG_SETMASK, block.address, block.address + SIGSET_SIZE, SIGSET_SIZE);
  return block.bytes.slice(SIGSET_SIZE);
}

/** SIG_DFL or SIG_IGN for a signal, by the system call: libc keeps some to itself. */
export function setDisposition(signal: number, handler: typeof SIG_DFL | typeof SIG_IGN): void {
  // struct kernel_sigaction is 32 bytes or fewer on both architectures; the handler comes first
  const action = new Block(32);
  action.bytes[0] = handler;
  syscall(SYS.rt_sigaction, signal, action.address, 0, SIGSET_SIZE);
  keepAlive(action);
}

/** signalfd(2), non-blocking and CLOEXEC, for every signal that can be taken; -ENOSYS when nothing can be waited with. */
export function openSignalFd(): number {
  return canWait() < 0
    ? -ENOSYS
    : syscall(SYS.signalfd4, -1, everySignal.address, SIGSET_SIZE, O_NONBLOCK | O_CLOEXEC);
}

/** Words why no signalfd could be opened, for the person who has to mend it. */
export function noSignals(failed: number): string {
  if (failed !== -ENOSYS) return "cannot open a signalfd: is the limit of open files used up?";
  return "cannot wait for signals: there is no signalfd, or rt_sigtimedwait and ppoll are both forbidden (seccomp)";
}

const NO_TIME = new Block(16);

// struct signalfd_siginfo, 128 bytes: u32 ssi_signo 0, s32 ssi_code 8, u32 ssi_pid 12, u64 ssi_ptr 48
const SIGINFO_SIZE = 128;
const BATCH = 32;
const received = new Block(SIGINFO_SIZE * BATCH);

/** One batch at most: senders that are faster than fdinit must not keep it from everything else. */
export function takeSignals(signalFd: number): ReceivedSignal[] {
  const taken: ReceivedSignal[] = [];
  const got = syscall(SYS.read, signalFd, received.address, SIGINFO_SIZE * BATCH);
  for (let at = 0; at < got; at += SIGINFO_SIZE) taken.push(decode(received.view, at));
  // A full batch: more signals may wait. One of each other signal is taken as well, because a sender that floods fdinit
  // with a low signal would otherwise keep the higher ones from being taken.
  if (got === SIGINFO_SIZE * BATCH) takeOthers(taken);
  // The signalfd does not answer (a seccomp profile): the signals wait in the process all the same.
  if (got < 0 && got !== -EAGAIN && got !== -EINTR) {
    const one = takeOne(NO_TIME.address);
    if (one) taken.push(one);
  }
  return taken;
}

const waited = new Block(SIGINFO_SIZE);
// An element of a typed array is the engine's own, a method of a DataView is a call: on the way of a signal that counts.
const waitedWords = new Int32Array(waited.bytes.buffer);

/** The most signals passed on before children are looked at again: SIGCHLD comes after those of lower numbers. */
const MOST_PASSED_ON = 32;

/**
 * rt_sigtimedwait(2) without a timeout: waits for a signal and takes it in one call.
 * While it waits the kernel counts the signals as not blocked, but for handlers and defaults: none runs.
 */
export function waitForSignal(
  routes: readonly (SignalRoute | undefined)[],
  self: number,
): ReceivedSignal | undefined {
  for (let passed = 0; passed < MOST_PASSED_ON; passed++) {
    const signal = syscall(SYS.rt_sigtimedwait, everySignal.address, waited.address, 0, SIGSET_SIZE);
    if (signal <= 0) return undefined;
    const route = routes[signal];
    // siginfo_t: si_code 8, si_pid 16
    if (!route || waitedWords[2] !== SI_USER || waitedWords[4] === self) return receivedSignal(signal);
    // One that could not be passed on is the caller's, who says why.
    if (syscall(SYS.kill, route.pid, route.signal) < 0) return receivedSignal(signal);
  }
  return undefined;
}

const noSignal = new Block(SIGSET_SIZE);

/** 0 when one of the two calls works that fdinit can wait with, else the negated errno. Takes no signal away. */
function canWait(): number {
  const answer = syscall(SYS.rt_sigtimedwait, noSignal.address, 0, NO_TIME.address, SIGSET_SIZE);
  if (answer >= 0 || answer === -EAGAIN || answer === -EINTR) return 0;
  return Math.min(0, syscall(SYS.ppoll, 0, 0, NO_TIME.address, 0));
}

function takeOthers(taken: ReceivedSignal[]): void {
  const others = new Block(SIGSET_SIZE);
  others.bytes.set(everySignal.bytes);
  for (const { signal } of taken) remove(others.bytes, signal);
  for (;;) {
    const one = takeOne(NO_TIME.address, others);
    if (!one) return;
    remove(others.bytes, one.signal);
    taken.push(one);
  }
}

function takeOne(limit: number, set: Block = everySignal): ReceivedSignal | undefined {
  const signal = syscall(SYS.rt_sigtimedwait, set.address, waited.address, limit, SIGSET_SIZE);
  return signal > 0 ? receivedSignal(signal) : undefined;
}

function receivedSignal(signal: number): ReceivedSignal {
  const { view } = waited;
  // siginfo_t: si_code 8, si_pid 16, si_value 24, the latter two of those that a process sent
  const code = view.getInt32(8, true);
  const pid = code === SI_KERNEL ? 0 : view.getUint32(16, true);
  return code === SI_QUEUE
    ? { signal, code, pid, value: view.getBigUint64(24, true) }
    : { signal, code, pid };
}

function decode(view: DataView, at: number): ReceivedSignal {
  const signal = view.getUint32(at, true);
  const code = view.getInt32(at + 8, true);
  const pid = view.getUint32(at + 12, true);
  return code === SI_QUEUE
    ? { signal, code, pid, value: view.getBigUint64(at + 48, true) }
    : { signal, code, pid };
}

export function kill(pid: number, signal: number): number {
  return syscall(SYS.kill, pid, signal);
}

export function queue(pid: number, signal: number, value: bigint): number {
  // siginfo_t for SI_QUEUE, 128 bytes: si_signo 0, si_errno 4, si_code 8, si_pid 16, si_uid 20, si_value 24
  const queued = new Block(SIGINFO_SIZE);
  queued.view.setInt32(0, signal, true);
  queued.view.setInt32(8, SI_QUEUE, true);
  queued.view.setInt32(16, syscall(SYS.getpid), true);
  queued.view.setBigUint64(24, value, true);
  const failed = syscall(SYS.rt_sigqueueinfo, pid, signal, queued.address);
  keepAlive(queued);
  // RLIMIT_SIGPENDING of the user is used up, or the call is forbidden: kill(2) delivers without the value.
  return failed < 0 && failed !== -ESRCH ? kill(pid, signal) : failed;
}
