// Files and directories of /proc: read whole, list numbers, read a link. Raw system calls, so that node:fs is
// not loaded on the way to the payload. Every other path is opened through paths.ts.

import { AT_FDCWD, O_CLOEXEC, O_NONBLOCK, O_RDONLY } from "../libc/constants.ts";
import { EAGAIN, EINTR, ETIMEDOUT } from "../libc/errno.ts";
import { Block, type Bytes, cString, keepAlive, O_DIRECTORY, SYS, syscall } from "../libc/libc.ts";
import { concatenate } from "../text/bytes.ts";

const polling = () => require("../descriptors/polling.ts") as typeof import("../descriptors/polling.ts");

const CHUNK = 32768;
const PATH_MAX = 4096;
const ZERO = 0x30;
let chunk: Block | undefined;

// Made at first use: a start with no policy file and no /proc to read never needs it.
function buffer(): Block {
  chunk ??= new Block(CHUNK);
  return chunk;
}

/**
 * At most `length` bytes from the start of a file (O_NONBLOCK: a FIFO without a writer reads as
 * empty rather than hold up the start), or a negated errno.
 */
export function readFile(path: string | Uint8Array, length: number): Uint8Array | number {
  const name = cString(path);
  const fd = syscall(SYS.openat, AT_FDCWD, name.address, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fd;
  const result = readDescriptor(fd, length);
  syscall(SYS.close, fd);
  return result;
}

/** How long a FIFO may have no writer at all: a shell's two sides of one open at nearly the same time. */
const BEGIN_MS = 2000;

/** Whether there is something to read, or its end, within the time. A regular file is always readable. */
export function awaitMore(fd: number, patienceMs: number): boolean {
  return polling().waitReadable([fd], patienceMs).length > 0;
}

/**
 * At most `length` bytes from where it stands. Of a descriptor that does not block, what comes within
 * `patienceMs` each time is waited for; -ETIMEDOUT when nothing did.
 */
export function readDescriptor(fd: number, length: number, patienceMs = 0): Uint8Array | number {
  const { address, bytes } = buffer();
  const parts: Uint8Array[] = [];
  let total = 0;
  // A FIFO that no process has opened for writing yet reads as at its end, and polls as neither readable nor hung up.
  let mayBegin = patienceMs > 0;
  while (total < length) {
    const got = syscall(SYS.read, fd, address, Math.min(CHUNK, length - total));
    if (got === -EINTR) continue;
    if ((got === -EAGAIN && patienceMs > 0) || (got === 0 && mayBegin)) {
      mayBegin = false;
      if (!awaitMore(fd, got === 0 ? Math.min(patienceMs, BEGIN_MS) : patienceMs)) return -ETIMEDOUT;
      continue;
    }
    mayBegin = false;
    if (got < 0) return got;
    if (got === 0) break;
    parts.push(bytes.slice(0, got));
    total += got;
  }
  return concatenate(...parts);
}

/**
 * The names that are numbers in a directory of /proc, in its order. `isOwn`: it is this process's own table of
 * descriptors, and the number used to read it is left out. Undefined when it cannot be read or is not on a
 * file system with the given magic.
 */
export function listNumbers(path: Bytes, magic: number, isOwn: boolean): number[] | undefined {
  const fd = syscall(SYS.openat, AT_FDCWD, path.address, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  if (fd < 0) return undefined;
  const { address, bytes, view } = buffer();
  let numbers: number[] | undefined;
  // struct statfs begins with the 8-byte f_type
  if (syscall(SYS.fstatfs, fd, address) === 0 && view.getUint32(0, true) === magic) {
    numbers = [];
    for (;;) {
      const got = syscall(SYS.getdents64, fd, address, CHUNK);
      if (got === 0) break;
      if (got < 0) {
        numbers = undefined;
        break;
      }
      // struct linux_dirent64 { u64 d_ino; s64 d_off; u16 d_reclen; u8 d_type; char d_name[]; }
      for (let at = 0; at < got; at += (bytes[at + 16] as number) | ((bytes[at + 17] as number) << 8)) {
        const number = numberAt(bytes, at + 19);
        if (number >= 0 && !(isOwn && number === fd)) numbers.push(number);
      }
    }
  }
  syscall(SYS.close, fd);
  return numbers;
}

/** The decimal number that ends with a NUL there, or -1. */
function numberAt(bytes: Uint8Array, start: number): number {
  let number = 0;
  for (let at = start; bytes[at] !== 0; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    number = 10 * number + digit;
  }
  return number;
}

/** The target of a symbolic link, cut at 4096 bytes, or undefined. */
export function readLink(path: string): Uint8Array | undefined {
  const name = cString(path);
  const link = linkAt(name.address);
  keepAlive(name);
  return link;
}

function linkAt(path: number): Uint8Array | undefined {
  const { address, bytes } = buffer();
  const got = syscall(SYS.readlinkat, AT_FDCWD, path, address, PATH_MAX);
  return got < 0 ? undefined : bytes.slice(0, got);
}

const OWN_LINKS = "/proc/self/fd/";
let ownLink: Bytes | undefined;

/** The target of /proc/self/fd/N, or undefined. One block for all of them: there may be thousands. */
export function readOwnLink(fd: number): Uint8Array | undefined {
  ownLink ??= cString(`${OWN_LINKS}0123456789`);
  const { bytes, address } = ownLink;
  let end = OWN_LINKS.length + 1;
  for (let rest = fd; rest > 9; rest = Math.floor(rest / 10)) end++;
  bytes[end] = 0;
  for (let at = end - 1, rest = fd; at >= OWN_LINKS.length; at--, rest = Math.floor(rest / 10))
    bytes[at] = ZERO + (rest % 10);
  return linkAt(address);
}
