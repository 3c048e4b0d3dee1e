// ppoll(2): the one place where fdinit waits, and the write that waits with it. Writes that must not wait: writing.ts.

import { POLLIN, POLLOUT } from "../libc/constants.ts";
import { EAGAIN, EINTR } from "../libc/errno.ts";
import { Block, SYS, setInteger, syscall } from "../libc/libc.ts";
import { bytesOf } from "../text/bytes.ts";
import type { Watched } from "./kernel.ts";

// struct pollfd { int fd; short events; short revents; }, 8 bytes
const POLLFD_SIZE = 8;
let polled = new Block(POLLFD_SIZE * 4);
// struct timespec of zero: look and come back
const NO_TIME = new Block(16);

function fill(fds: readonly number[], events: number): void {
  makeRoom(fds.length);
  for (let index = 0; index < fds.length; index++) put(index, fds[index] as number, events);
}

function makeRoom(count: number): void {
  if (polled.bytes.length < POLLFD_SIZE * count) polled = new Block(2 * POLLFD_SIZE * count);
}

function put(index: number, fd: number, events: number): void {
  polled.view.setInt32(POLLFD_SIZE * index, fd, true);
  polled.view.setInt16(POLLFD_SIZE * index + 4, events, true);
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
  return waited(fds.length, timeoutMs);
}

/** The same, each descriptor with its own wish. One that is hung up or not open counts as ready, so that it is looked at. */
export function waitReady(watched: readonly Watched[], timeoutMs?: number): readonly number[] {
  makeRoom(watched.length);
  for (let index = 0; index < watched.length; index++) {
    const { fd, read, write } = watched[index] as Watched;
    put(index, fd, (read ? POLLIN : 0) | (write ? POLLOUT : 0));
  }
  return waited(watched.length, timeoutMs);
}

function waited(count: number, timeoutMs: number | undefined): readonly number[] {
  let limit = 0;
  if (timeoutMs !== undefined) {
    // Rounded up, so that a wait for a moment does not end before the moment.
    const wholeMs = Math.max(0, Math.ceil(timeoutMs));
    setInteger(timeout.view, 0, Math.floor(wholeMs / 1000));
    setInteger(timeout.view, 8, (wholeMs % 1000) * 1_000_000);
    limit = timeout.address;
  }
  const ready: number[] = [];
  if (waitPolled(count, limit) <= 0) return ready;
  for (let index = 0; index < count; index++) {
    if (polled.view.getInt16(POLLFD_SIZE * index + 6, true) !== 0)
      ready.push(polled.view.getInt32(POLLFD_SIZE * index, true));
  }
  return ready;
}

let incoming = new Block(0);

export function readNow(fd: number, length: number): Uint8Array | number {
  if (incoming.bytes.length < length) incoming = new Block(length);
  for (;;) {
    const got = syscall(SYS.read, fd, incoming.address, length);
    if (got >= 0) return incoming.bytes.slice(0, got);
    if (got !== -EINTR) return got;
  }
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
