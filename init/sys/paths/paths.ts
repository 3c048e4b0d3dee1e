// The one door to files by path. PID 1 is root, and a service may own a directory that PID 1 opens something in:
// it could leave a link to root's file there, another name of it, or a FIFO without a reader. So a path is opened
// without following links, and without waiting. A path that has links is walked name by name (path-walk.ts),
// which follows those that root has made in directories of its own. /proc has a door of its own, files.ts.
// docs/security.md says what is followed.

import {
  AT_FDCWD,
  F_GETFL,
  F_SETFL,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  S_IFMT,
  S_IFREG,
  X_OK,
} from "../libc/constants.ts";
import {
  EACCES,
  EAGAIN,
  EEXIST,
  EINTR,
  ELOOP,
  EMLINK,
  ENOENT,
  ENOSYS,
  ENXIO,
  EPERM,
  ETIMEDOUT,
} from "../libc/errno.ts";

import { Block, cString, keepAlive, SYS, setInteger, syscall } from "../libc/libc.ts";
import { awaitMore, readDescriptor } from "./files.ts";
import type { OpenedFile } from "./kernel.ts";
import { statusOf } from "./status.ts";

// Most paths have no links.
const walking = () => require("./path-walk.ts") as typeof import("./path-walk.ts");

// struct open_how { u64 flags, mode, resolve; }
const OPEN_HOW_SIZE = 24;

let probed = 0;

/**
 * Finds out whether openat2(2) works, once, and before the first signal is blocked, as probeCloseRange does. Asks
 * with no struct at all, which the kernel refuses with EINVAL.
 */
export function probeOpenat2(): void {
  probed = syscall(SYS.openat2, -1, 0, 0, 0);
}

/** One of several ways to open the same path: flags and mode in, a descriptor or a negated errno out. */
type Way = (flags: number, mode: number) => number;

/**
 * Opens a path, close-on-exec. `isNew`: it was not there before. The descriptor does not block yet, so that
 * neither a FIFO nor a terminal line nor a lease keeps PID 1 waiting. A regular file that has other names is not
 * opened where the directory is not root's alone: a service may have given root's file a name there.
 */
export function openPath(path: string | Uint8Array, flags: number, mode = 0): OpenedFile | number {
  // openat2(2) takes nothing beside O_PATH, which opens nothing that could wait.
  const safe = flags | O_CLOEXEC | ((flags & O_PATH) === 0 ? O_NOCTTY | O_NONBLOCK : 0);
  const direct = probed === -ENOSYS || probed === -EPERM ? -ELOOP : openedBy(withoutLinks(path), safe, mode);
  if (typeof direct !== "number") {
    const names = namesOf(direct.fd);
    // An image's layers give a file other names too: only whose directory it is tells.
    if (names < 0 || (names > 1 && walking().isForeign(path))) return refused(direct.fd, names);
    return direct;
  }
  if (direct !== -ELOOP && direct !== -EPERM && direct !== -ENOSYS) return direct;
  const place = walking().walk(path, true);
  if (typeof place === "number") return place;
  let opened: OpenedFile | number = openedBy(walking().at(place), safe, mode);
  if ((opened === -ENXIO || opened === -EACCES) && place.isMagic)
    opened = walking().ownAgain(place) ?? opened;
  if (typeof opened !== "number" && place.trust === "foreign") {
    const names = namesOf(opened.fd);
    if (names !== 1) opened = refused(opened.fd, names);
  }
  walking().leave(place);
  return opened;
}

/** Opens it for a program, which expects to wait where it reads what is not there yet. */
export function openFile(path: string, flags: number, mode: number): OpenedFile | number {
  const opened = openPath(path, flags, mode);
  if (typeof opened === "number" || opened.isShared) return opened;
  const now = syscall(SYS.fcntl, opened.fd, F_GETFL);
  const failed = now < 0 ? now : syscall(SYS.fcntl, opened.fd, F_SETFL, now & ~O_NONBLOCK);
  return failed < 0 ? refused(opened.fd, failed) : opened;
}

/** At most `length` bytes from the start of a file, or a negated errno. A FIFO without a writer reads as empty. */
export function readPath(path: string | Uint8Array, length: number): Uint8Array | number {
  const opened = openPath(path, O_RDONLY);
  if (typeof opened === "number") return opened;
  const result = readDescriptor(opened.fd, length);
  syscall(SYS.close, opened.fd);
  return result;
}

/**
 * At most `length` bytes of what a person or another program may still be writing: a pipe, a FIFO, a terminal.
 * `source` is a path, or a descriptor, which stays open. -ETIMEDOUT when nothing came for `patienceMs`.
 */
export function readSource(source: string | number, length: number, patienceMs: number): Uint8Array | number {
  if (typeof source === "number")
    return awaitMore(source, patienceMs) ? readDescriptor(source, length, patienceMs) : -ETIMEDOUT;
  const opened = openPath(source, O_RDONLY);
  if (typeof opened === "number") return opened;
  const result = readDescriptor(opened.fd, length, patienceMs);
  syscall(SYS.close, opened.fd);
  return result;
}

/** st_mode of what a path leads to, or a negated errno: for explanations only, since it may be another file by the time it is used. */
export function pathMode(path: string): number {
  const opened = openPath(path, O_PATH);
  if (typeof opened === "number") return opened;
  const status = statusOf(opened.fd);
  syscall(SYS.close, opened.fd);
  return typeof status === "number" ? status : status.mode;
}

/** access(2) with X_OK. Follows links, opens nothing: what execve(2) answers in the child is the truth. */
export function canExecute(path: Uint8Array): number {
  const name = cString(path);
  return syscall(SYS.faccessat, AT_FDCWD, name.address, X_OK);
}

/** With one call, which fails with ELOOP where any part of the path is a link. */
function withoutLinks(path: string | Uint8Array): Way {
  const name = cString(path);
  const how = new Block(OPEN_HOW_SIZE);
  how.view.setUint32(16, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS, true);
  return (flags, mode) => {
    setInteger(how.view, 0, flags);
    setInteger(how.view, 8, mode);
    const result = syscall(SYS.openat2, AT_FDCWD, name.address, how.address, OPEN_HOW_SIZE);
    keepAlive(name, how);
    return result;
  };
}

/** Somebody who makes and removes it all the time keeps PID 1 no longer than this. */
const MOST_ATTEMPTS = 8;

/**
 * O_CREAT alone does not say who made a file, and follows a link to where there is none yet: so what is there is
 * opened, and what is not there is made with O_EXCL. Either may fail when another process is faster.
 */
function openedBy(way: Way, flags: number, mode: number): OpenedFile | number {
  for (let attempt = 1; ; attempt++) {
    const fd = way(flags & ~O_CREAT, 0);
    if (fd >= 0) return { fd, isNew: false };
    // Interrupted, or something on the way was renamed meanwhile (openat2(2), EAGAIN).
    if ((fd === -EINTR || fd === -EAGAIN) && attempt < MOST_ATTEMPTS) continue;
    if (fd !== -ENOENT || (flags & O_CREAT) === 0) return fd;
    const made = way(flags | O_EXCL, mode);
    if (made >= 0) return { fd: made, isNew: true };
    if (made !== -EEXIST || attempt === MOST_ATTEMPTS) return made;
  }
}

/** How many names a regular file has; 1 for everything else, and for a file without a name. A negated errno when nothing tells. */
function namesOf(fd: number): number {
  const status = statusOf(fd);
  if (typeof status === "number") return status;
  return (status.mode & S_IFMT) === S_IFREG ? Math.max(1, status.links) : 1;
}

/** Because of an error, or of too many names. */
function refused(fd: number, reason: number): number {
  syscall(SYS.close, fd);
  return reason < 0 ? reason : -EMLINK;
}
