// ppoll(2): the one place where fdinit waits, and the look before a write that must not block.

import { bytesOf } from "./bytes.ts";
import { POLLIN, POLLOUT } from "./constants.ts";
import { EAGAIN, EINTR } from "./errno.ts";
import { Block, SYS, syscall } from "./libc.ts";

// struct pollfd { int fd; short events; short revents; }, 8 bytes
const POLLFD_SIZE = 8;
const MOST_POLLED = 64;
const polled = new Block(POLLFD_SIZE * MOST_POLLED);
// struct timespec of zero: look and come back
const NO_TIME = new Block(16);

function fill(fds: readonly number[], events: number): void {
  for (let index = 0; index < fds.length; index++) {
    polled.view.setInt32(POLLFD_SIZE * index, fds[index] as number, true);
    polled.view.setInt16(POLLFD_SIZE * index + 4, events, true);
  }
}

/** Blocks until one of `fds` (at most 64) can be read; no timeout. */
export function waitReadable(fds: readonly number[]): number {
  fill(fds, POLLIN);
  return syscall(SYS.ppoll, polled.address, fds.length, 0, 0);
}

// A pipe that polls writable has room for at least this much (PIPE_BUF, pipe(7)).
const PIPE_BUF = 4096;

/** Writes `text` whole if that cannot block; false when some or all of it was not taken. */
export function writeNow(fd: number, text: string): boolean {
  const block = textBlock(text);
  const { length } = block.bytes;
  for (let at = 0; at < length; ) {
    fill([fd], POLLOUT);
    const ready = syscall(SYS.ppoll, polled.address, 1, NO_TIME.address, 0);
    if (ready !== 1 || (polled.view.getInt16(6, true) & POLLOUT) === 0) return false;
    const wrote = syscall(SYS.write, fd, block.address + at, Math.min(PIPE_BUF, length - at));
    if (wrote === -EINTR) continue;
    if (wrote <= 0) return false;
    at += wrote;
  }
  return true;
}

/** Writes `text` whole, waiting where the descriptor makes it wait; 0 or a negated errno. */
export function write(fd: number, text: string): number {
  const block = textBlock(text);
  const { length } = block.bytes;
  for (let at = 0; at < length; ) {
    const wrote = syscall(SYS.write, fd, block.address + at, length - at);
    if (wrote === -EAGAIN) {
      fill([fd], POLLOUT);
      syscall(SYS.ppoll, polled.address, 1, 0, 0);
    } else if (wrote < 0 && wrote !== -EINTR) return wrote;
    else at += Math.max(0, wrote);
  }
  return 0;
}

function textBlock(text: string): Block {
  const bytes = bytesOf(text);
  const block = new Block(bytes.length);
  block.bytes.set(bytes);
  return block;
}
