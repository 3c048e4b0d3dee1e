// Writes the lines of PID 1 without ever waiting: a pipe, terminal or socket that takes nothing now loses the
// line. Writes whole lines or none. The status flags of a descriptor belong to every process that shares its open file
// (O_NONBLOCK would be the program's too), so they stay as they are. Decides nothing about what is lost.
//
// A look with ppoll(2) and then a write(2) is no way: the program, which shares the pipe, may fill it in between.

import {
  AT_FDCWD,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  O_CLOEXEC,
  O_NOCTTY,
  O_NONBLOCK,
  O_WRONLY,
  POLLOUT,
  RWF_NOWAIT,
  S_IFCHR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  SPLICE_F_NONBLOCK,
  TIOCGDEV,
} from "../libc/constants.ts";
import { EAGAIN, EINTR, EPIPE } from "../libc/errno.ts";
import { Block, cString, keepAlive, STAT, SYS, setInteger, syscall } from "../libc/libc.ts";
import { bytesOf } from "../text/bytes.ts";
import type { LinesWritten } from "./kernel.ts";

/** Offers bytes to a descriptor: how many it took, a negated errno, or undefined when this way does not work here. */
export type Way = (fd: number, address: number, length: number) => number | undefined;

/** pipe(7): a pipe takes so much at once, or nothing of it. */
const PIPE_BUF = 4096;
const NEWLINE = 0x0a;

/** Of a line that a descriptor took a part of: it comes before everything else, or two lines would be mixed. */
const unfinished = new Map<number, Block>();

/** Writes lines whole. False when the descriptor would not take all of them now; those it took are whole. */
export function writeNow(fd: number, text: string): boolean {
  const ways = waysTo(fd);
  if (finishLine(fd) !== 0) return false;
  const bytes = bytesOf(text);
  for (let at = 0; at < bytes.length; ) {
    const piece = pieceFrom(bytes, at);
    const { taken } = offer(fd, ways, piece);
    if (taken < piece.bytes.length) {
      if (taken > 0 && piece.bytes[taken - 1] !== NEWLINE) hold(fd, piece.bytes.subarray(taken));
      return false;
    }
    at += taken;
  }
  return true;
}

/**
 * Writes as many lines as the descriptor takes at once. Whole lines are taken: where one was begun, its rest is
 * kept here, and the next write to the same open file, by whichever number, ends it first.
 */
export function writeLines(fd: number, lines: Uint8Array): LinesWritten {
  const ways = waysTo(fd);
  const waiting = finishLine(fd);
  if (waiting !== 0) return { taken: 0, isBegun: true, errno: waiting };
  for (let at = 0; at < lines.length; ) {
    const piece = pieceFrom(lines, at);
    const { taken, errno } = offer(fd, ways, piece);
    at += taken;
    if (errno === 0) continue;
    const isBegun = errno === EAGAIN && at > 0 && lines[at - 1] !== NEWLINE;
    if (!isBegun) return { taken: at, isBegun, errno };
    const end = lines.indexOf(NEWLINE, at) + 1 || lines.length;
    hold(fd, lines.subarray(at, end));
    return { taken: end, isBegun, errno };
  }
  return { taken: lines.length, isBegun: false, errno: 0 };
}

/** Ends a line that was begun on this open file: 0, or EAGAIN when a part of it is still to be written. */
function finishLine(fd: number): number {
  for (const [begun, rest] of unfinished) {
    if (begun !== fd && !isSameFile(begun, fd)) continue;
    const { taken, errno } = offer(begun, waysTo(begun), rest);
    if (errno === EAGAIN) {
      if (taken > 0) hold(begun, rest.bytes.subarray(taken));
      return errno;
    }
    // Written; or lost with the reader, and then there is no line any more to be mixed with the next.
    unfinished.delete(begun);
  }
  return 0;
}

function hold(fd: number, bytes: Uint8Array): void {
  const rest = new Block(bytes.length);
  rest.bytes.set(bytes);
  unfinished.set(fd, rest);
}

/** All of it to an open file of fdinit's own that has O_NONBLOCK: 0, or the negated errno of what was not taken. */
export function writeOwn(fd: number, text: string): number {
  const bytes = bytesOf(text);
  const block = new Block(bytes.length);
  block.bytes.set(bytes);
  for (let at = 0; at < bytes.length; ) {
    const took = plainly(fd, block.address + at, bytes.length - at);
    if (took < 0 && took !== -EINTR) return took;
    at += Math.max(0, took);
  }
  return 0;
}

/** As many whole lines as a pipe takes at once; one line, where that is longer. */
function pieceFrom(bytes: Uint8Array, at: number): Block {
  let end = bytes.length;
  if (end - at > PIPE_BUF) {
    end = bytes.lastIndexOf(NEWLINE, at + PIPE_BUF - 1) + 1;
    if (end <= at) end = bytes.indexOf(NEWLINE, at) + 1;
    if (end <= at) end = bytes.length;
  }
  const piece = new Block(end - at);
  piece.bytes.set(bytes.subarray(at, end));
  return piece;
}

/** How much of a piece was taken, and why no more: 0 when it was all. */
function offer(
  fd: number,
  ways: readonly Way[],
  { address, bytes }: Block,
): { readonly taken: number; readonly errno: number } {
  let taken = 0;
  while (taken < bytes.length) {
    const took = offerOnce(fd, ways, address + taken, bytes.length - taken);
    if (took <= 0) return { taken, errno: took === 0 ? EAGAIN : -took };
    taken += took;
  }
  return { taken, errno: 0 };
}

function offerOnce(fd: number, ways: readonly Way[], address: number, length: number): number {
  for (const way of ways) {
    let took = way(fd, address, length);
    while (took === -EINTR) took = way(fd, address, length);
    if (took !== undefined) return took;
  }
  return -EAGAIN;
}

/** By the kind of the open file, the best way first. */
function waysTo(fd: number): readonly Way[] {
  switch (modeOf(fd) & S_IFMT) {
    case S_IFIFO:
      return [withoutWaiting, reopened, throughPipe];
    case S_IFSOCK:
      return [toSocket];
    case S_IFREG:
      return [plainly];
    case S_IFCHR:
      return [withoutWaiting, reopened, byControllingTerminal, afterLook];
    default:
      return [withoutWaiting, afterLook];
  }
}

const stat = new Block(144);

/** `st_mode`, and 0 of what is not open: its write says so. */
function modeOf(fd: number): number {
  return syscall(SYS.fstat, fd, stat.address) < 0 ? 0 : stat.view.getUint32(STAT.mode, true);
}

const vector = new Block(16);

/** pwritev2(2) with RWF_NOWAIT, at the file's own offset. Pipes know it since Linux 6.4, FIFOs and terminals do not. */
export function withoutWaiting(fd: number, address: number, length: number): number | undefined {
  setInteger(vector.view, 0, address);
  setInteger(vector.view, 8, length);
  const took = syscall(SYS.pwritev2, fd, vector.address, 1, -1, -1, RWF_NOWAIT);
  return took >= 0 || took === -EAGAIN || took === -EINTR || took === -EPIPE ? took : undefined;
}

/** An open file of fdinit's own, by the link in /proc: that one may have O_NONBLOCK. */
export function reopened(fd: number, address: number, length: number): number | undefined {
  const path = cString(`/proc/self/fd/${fd}`);
  const own = openToWrite(path.address);
  keepAlive(path);
  return writeThrough(own, address, length, () => isSameFile(own, fd));
}

/** A terminal that cannot be opened by its name, because it is another user's or /proc is not there. */
export function byControllingTerminal(fd: number, address: number, length: number): number | undefined {
  const device = deviceOf(fd);
  if (device === undefined) return undefined;
  const path = cString("/dev/tty");
  const own = openToWrite(path.address);
  keepAlive(path);
  return writeThrough(own, address, length, () => deviceOf(own) === device);
}

function openToWrite(path: number): number {
  return syscall(SYS.openat, AT_FDCWD, path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/** An image may have a file of its own at that path: it must be the one that is meant. */
function writeThrough(
  own: number,
  address: number,
  length: number,
  isMeant: () => boolean,
): number | undefined {
  if (own < 0) return undefined;
  const took = isMeant() ? syscall(SYS.write, own, address, length) : undefined;
  syscall(SYS.close, own);
  return took;
}

const other = new Block(144);
/** struct stat: st_dev and st_ino come first. */
const SAME_BYTES = 16;

function isSameFile(one: number, another: number): boolean {
  if (syscall(SYS.fstat, one, stat.address) < 0 || syscall(SYS.fstat, another, other.address) < 0)
    return false;
  for (let at = 0; at < SAME_BYTES; at++) if (stat.bytes[at] !== other.bytes[at]) return false;
  return true;
}

/** The terminal's own number, whatever name it was opened by; undefined of what is no terminal. */
function deviceOf(fd: number): number | undefined {
  return syscall(SYS.ioctl, fd, TIOCGDEV, other.address) < 0 ? undefined : other.view.getUint32(0, true);
}

const ends = new Block(8);

/** splice(2) out of a pipe of fdinit's own: of pipes it can be told not to wait, and it takes a page whole. */
export function throughPipe(fd: number, address: number, length: number): number | undefined {
  if (syscall(SYS.pipe2, ends.address, O_CLOEXEC | O_NONBLOCK) < 0) return undefined;
  const [from, to] = [ends.view.getInt32(0, true), ends.view.getInt32(4, true)];
  const had = syscall(SYS.write, to, address, Math.min(length, PIPE_BUF));
  const took = had < 0 ? had : syscall(SYS.splice, from, 0, fd, 0, had, SPLICE_F_NONBLOCK);
  syscall(SYS.close, from);
  syscall(SYS.close, to);
  return took >= 0 || took === -EAGAIN || took === -EINTR || took === -EPIPE ? took : undefined;
}

function toSocket(fd: number, address: number, length: number): number {
  return syscall(SYS.sendto, fd, address, length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

function plainly(fd: number, address: number, length: number): number {
  return syscall(SYS.write, fd, address, length);
}

const polled = new Block(8);
const NO_TIME = new Block(16);

/** The last resort, of a device that knows none of the others: it may be filled between the look and the write. */
function afterLook(fd: number, address: number, length: number): number {
  polled.view.setInt32(0, fd, true);
  polled.view.setInt32(4, POLLOUT, true);
  const ready = syscall(SYS.ppoll, polled.address, 1, NO_TIME.address, 0);
  if (ready !== 1 || (polled.view.getInt16(6, true) & POLLOUT) === 0) return -EAGAIN;
  return syscall(SYS.write, fd, address, length);
}
