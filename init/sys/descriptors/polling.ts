// ppoll(2): the one place where fdinit waits, and the write that waits with it. Writes that must not wait: writing.ts.

import { POLLIN, POLLOUT } from "../libc/constants.ts";
import { EAGAIN, EINTR } from "../libc/errno.ts";
import { Block, SYS, setInteger, syscall } from "../libc/libc.ts";
import { bytesOf } from "../text/bytes.ts";

// struct pollfd { int fd; short events; short revents; }, 8 bytes
const POLLFD_SIZE = 8;
let polled = new Block(POLLFD_SIZE * 4);
// struct timespec of zero: look and come back
const NO_TIME = new Block(16);

function fill(fds: readonly number[], events: number): void {
  if (polled.bytes.length < POLLFD_SIZE * fds.length) polled = new Block(2 * POLLFD_SIZE * fds.length);
  for (let index = 0; index < fds.length; index++) {
    polled.view.setInt32(POLLFD_SIZE * index, fds[index] as number, true);
    polled.view.setInt16(POLLFD_SIZE * index + 4, events, true);
  }
}

const timeout = new Block(16);
const REST_MS = 20;

/** ppoll(2); where a seccomp profile forbids it, a short sleep, without which the loop would never rest. */
function waitPolled(count: number, limit: number): number {
  const ready = syscall(SYS.ppoll, polled.address, count, limit, 0);
  if (ready < 0 && ready !== -EINTR) {
    const rest = new Block(16);
    setInteger(rest.view, 8, REST_MS * 1_000_000);
    syscall(SYS.nanosleep, rest.address, 0);
  }
  return ready;
}

/** Blocks until one of `fds` can be read or is hung up, or until the timeout; answers those that are. */
export function waitReadable(fds: readonly number[], timeoutMs?: number): readonly number[] {
  fill(fds, POLLIN);
  let limit = 0;
  if (timeoutMs !== undefined) {
    // Rounded up, so that a wait for a moment does not end before the moment.
    const wholeMs = Math.max(0, Math.ceil(timeoutMs));
    setInteger(timeout.view, 0, Math.floor(wholeMs / 1000));
    setInteger(timeout.view, 8, (wholeMs % 1000) * 1_000_000);
    limit = timeout.address;
  }
  const count = waitPolled(fds.length, limit);
  const ready: number[] = [];
  for (let index = 0; count > 0 && index < fds.length; index++) {
    if (polled.view.getInt16(POLLFD_SIZE * index + 6, true) !== 0) ready.push(fds[index] as number);
  }
  return ready;
}

const drained = new Block(512);

export function isAtEnd(fd: number): boolean {
  for (;;) {
    fill([fd], POLLIN);
    if (syscall(SYS.ppoll, polled.address, 1, NO_TIME.address, 0) !== 1) return false;
    // Without anything to read, a pipe polls as hung up.
    if ((polled.view.getInt16(6, true) & POLLIN) === 0) return true;
    if (syscall(SYS.read, fd, drained.address, 512) <= 0) return true;
  }
}

/** Writes it whole, waiting where the descriptor makes it wait; 0 or a negated errno. */
export function write(fd: number, text: string | Uint8Array): number {
  const block = textBlock(text);
  const { length } = block.bytes;
  for (let at = 0; at < length; ) {
    const wrote = syscall(SYS.write, fd, block.address + at, length - at);
    if (wrote === -EAGAIN) {
      fill([fd], POLLOUT);
      waitPolled(1, 0);
    } else if (wrote < 0 && wrote !== -EINTR) return wrote;
    else at += Math.max(0, wrote);
  }
  return 0;
}

function textBlock(text: string | Uint8Array): Block {
  const bytes = typeof text === "string" ? bytesOf(text) : text;
  const block = new Block(bytes.length);
  block.bytes.set(bytes);
  return block;
}
