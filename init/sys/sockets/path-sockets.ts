// Binds Unix sockets to paths. No other process may get at the socket before it has its mode and its owner, and nothing
// but that socket may get them: a service that can write to the directory could put a link, or another socket, in
// its place. So the mode comes from the umask at bind(2), the owner where possible from the file system user at
// bind(2), and chown goes to what has been looked at. No link is followed.

import {
  AF_UNIX,
  AT_EMPTY_PATH,
  AT_FDCWD,
  O_CLOEXEC,
  O_PATH,
  S_IFMT,
  S_IFSOCK,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
} from "../libc/constants.ts";
import { EACCES, EADDRINUSE, ECONNREFUSED, ENOTRECOVERABLE, EPERM } from "../libc/errno.ts";
import { cString, keepAlive, O_DIRECTORY, SYS, syscall } from "../libc/libc.ts";
import type { PathFailure } from "../paths/kernel.ts";
import { at, isOurs, leave, type Place, walk } from "../paths/path-walk.ts";
import { statusOf } from "../paths/status.ts";
import { textOf } from "../text/bytes.ts";
import type { SocketFile } from "./kernel.ts";
import { encodeAddress } from "./making.ts";

const EMPTY = cString("");

/**
 * Binds an unbound socket to a path that does not begin with `@`, replacing a socket on which no process listens any
 * more. Returns the obstacle, or undefined.
 */
export function bindPath(fd: number, path: string, wanted: SocketFile): PathFailure | undefined {
  const place = walk(path, false);
  if (typeof place === "number") return { call: "bind", errno: -place };
  const failure = bindThere(fd, path, place, wanted);
  leave(place);
  return failure;
}

function bindThere(fd: number, path: string, place: Place, wanted: SocketFile): PathFailure | undefined {
  const { mode, type, owner } = wanted;
  // A default ACL of the directory takes the place of the umask. The mode here then still bounds what others get.
  syscall(SYS.fchmod, fd, mode);
  let failed = bindAs(fd, path, place, wanted);
  if (failed === -EADDRINUSE && isStale(path, place, type)) {
    const name = cString(place.name);
    syscall(SYS.unlinkat, place.directory, name.address, 0);
    keepAlive(name);
    failed = bindAs(fd, path, place, wanted);
  }
  if (failed < 0) return { call: "bind", errno: -failed };
  if (!owner) return undefined;
  const notGiven = give(place, owner.uid, owner.gid);
  return notGiven < 0 ? { call: "chown", errno: -notGiven } : undefined;
}

/** Where others write, the socket is its owner's from the start: there is no moment in which to replace it. */
function bindAs(fd: number, path: string, place: Place, { mode, owner }: SocketFile): number {
  const umask = syscall(SYS.umask, ~mode & 0o777);
  let failed = -EACCES;
  if (owner && place.trust === "foreign") {
    failed = asOwner(owner, () => addressed(SYS.bind, fd, path, place));
  }
  // Not a directory the owner can write to.
  if (failed === -EACCES || failed === -EPERM) failed = addressed(SYS.bind, fd, path, place);
  syscall(SYS.umask, umask);
  return failed;
}

/** Neither setfsuid(2) nor setfsgid(2) says that it failed: each answers the id before, and of this id does nothing. */
const ASK = -1;

/**
 * Runs with the owner's rights to files, and with no other rights. -EACCES where they cannot be had; -ENOTRECOVERABLE
 * when PID 1's own could not be had back.
 */
function asOwner({ uid, gid }: { uid: number; gid: number }, action: () => number): number {
  const gidBefore = syscall(SYS.setfsgid, gid);
  const uidBefore = syscall(SYS.setfsuid, uid);
  const isOwner = syscall(SYS.setfsuid, ASK) === uid && syscall(SYS.setfsgid, ASK) === gid;
  const result = isOwner ? action() : -EACCES;
  // In this order: the first gives back the right to the second.
  if (uidBefore >= 0) syscall(SYS.setfsuid, uidBefore);
  if (gidBefore >= 0) syscall(SYS.setfsgid, gidBefore);
  const isBack =
    (uidBefore < 0 || syscall(SYS.setfsuid, ASK) === uidBefore) &&
    (gidBefore < 0 || syscall(SYS.setfsgid, ASK) === gidBefore);
  return isBack ? result : -ENOTRECOVERABLE;
}

/**
 * bind(2) or connect(2) with the path as it is written, which getsockname(2) will show, where no other user can make it
 * lead elsewhere; else from within the directory. Neither follows a link in the last name when it binds.
 */
function addressed(call: number, fd: number, path: string, place: Place): number {
  if (place.isPinned) return withAddress(call, fd, path);
  const dot = cString(".");
  const back = syscall(SYS.openat, AT_FDCWD, dot.address, O_PATH | O_DIRECTORY | O_CLOEXEC);
  keepAlive(dot);
  if (back < 0) return back;
  const entered = syscall(SYS.fchdir, place.directory);
  const result = entered < 0 ? entered : withAddress(call, fd, `./${textOf(place.name)}`);
  const returned = syscall(SYS.fchdir, back);
  syscall(SYS.close, back);
  return returned < 0 ? returned : result;
}

function withAddress(call: number, fd: number, path: string): number {
  const block = encodeAddress({ family: "unix", path });
  const result = syscall(call, fd, block.address, block.bytes.length);
  keepAlive(block);
  return result;
}

export function connectPath(fd: number, path: string): number {
  const place = walk(path, true);
  if (typeof place === "number") return place;
  const failed = addressed(SYS.connect, fd, path, place);
  leave(place);
  return failed;
}

/** An O_PATH descriptor of the socket at the place; a negated errno when there is none. */
function socketAt(place: Place): number {
  const fd = at(place)(O_PATH | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  const status = statusOf(fd);
  // Another name of a socket elsewhere is not the one that was bound here.
  if (typeof status !== "number" && (status.mode & S_IFMT) === S_IFSOCK && status.links === 1) return fd;
  syscall(SYS.close, fd);
  return typeof status === "number" ? status : -EPERM;
}

/** A socket on which no process listens any more, such as a killed container leaves in a volume. */
function isStale(path: string, place: Place, type: number): boolean {
  const found = socketAt(place);
  if (found < 0) return false;
  syscall(SYS.close, found);
  // Not to wait where a server's backlog is full (EAGAIN): PID 1 would hang before it has begun.
  const probe = syscall(SYS.socket, AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return false;
  const answer = addressed(SYS.connect, probe, path, place);
  syscall(SYS.close, probe);
  return answer === -ECONNREFUSED;
}

/** Changes the owner of the socket that is there, if PID 1 or that owner has made it. */
function give(place: Place, uid: number, gid: number): number {
  const fd = socketAt(place);
  if (fd < 0) return fd;
  const status = statusOf(fd);
  let failed = typeof status === "number" ? status : 0;
  if (typeof status !== "number" && (status.uid !== uid || status.gid !== gid)) {
    failed =
      isOurs(status.uid) || status.uid === uid
        ? syscall(SYS.fchownat, fd, EMPTY.address, uid, gid, AT_EMPTY_PATH)
        : -EPERM;
  }
  syscall(SYS.close, fd);
  return failed;
}
