// Walks a path name by name, and asks at each directory who could have changed it. A link is followed where root
// alone could have made it; in a directory that others can write to, a link is the end of the way. Each step starts
// from the open directory of the step before, so that what was asked about is what is used. For paths with
// links, for sockets, and for kernels and seccomp profiles without openat2(2).

import {
  AT_FDCWD,
  F_DUPFD_CLOEXEC,
  O_CLOEXEC,
  O_PATH,
  PROC_SUPER_MAGIC,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  ST_RDONLY,
} from "../libc/constants.ts";
import { ELOOP, ENOENT, ENOTDIR } from "../libc/errno.ts";
import { Block, cString, keepAlive, O_DIRECTORY, O_NOFOLLOW, SYS, syscall } from "../libc/libc.ts";
import { bytesOf, SLASH, split, textOf } from "../text/bytes.ts";
import { readFile } from "./files.ts";
import type { OpenedFile } from "./kernel.ts";
import { type Status, statusOf } from "./status.ts";

/**
 * The users that can have put names into the directories of a path. `root's`: root alone, or the user that PID 1 runs
 * as. `readOnly`: no process of the container, because the mount is read-only, as Kubernetes mounts a ConfigMap.
 * `foreign`: another user.
 */
export type Trust = "root's" | "readOnly" | "foreign";

/** Where a path leads: an open directory, and a name in it. */
export interface Place {
  readonly directory: number;
  readonly name: Uint8Array;
  /** Of the directory and of all before it. */
  readonly trust: Trust;
  /** Only root can make the path lead to another directory. */
  readonly isPinned: boolean;
  /** The name is a link of /proc, which the kernel alone can follow. */
  readonly isMagic: boolean;
}

/** path_resolution(7): the kernel gives up after this many. */
const MOST_LINKS = 40;
const PATH_MAX = 4096;
const FIRST_FREE = 3;
const DOT = bytesOf(".");
const EMPTY = cString("");

/** Follows the path to its last name, and a link of that name too when it is to. The caller leaves the place. */
export function walk(path: string | Uint8Array, followsLast: boolean): Place | number {
  const walker = new Walker();
  const place = walker.go(typeof path === "string" ? bytesOf(path) : path, followsLast);
  if (typeof place === "number") walker.end();
  return place;
}

/** Whether somebody else can put names into a directory of the way; true where that cannot be found out. */
export function isForeign(path: string | Uint8Array): boolean {
  const place = walk(path, true);
  if (typeof place === "number") return true;
  leave(place);
  return place.trust === "foreign";
}

export function leave({ directory }: Place): void {
  syscall(SYS.close, directory);
}

/** Opens what is at the place and no link that has come there since. */
export function at({ directory, name, isMagic }: Place): (flags: number, mode: number) => number {
  return (flags, mode) => openAt(directory, name, isMagic ? flags : flags | O_NOFOLLOW, mode);
}

/**
 * PID 1's own descriptor once more, where the place is its link in /proc/self/fd; else undefined. A socket cannot be
 * opened by its path, nor a pipe that another user made, and either may be what /dev/stderr leads to.
 */
export function ownAgain(place: Place): OpenedFile | undefined {
  const fd = Number(textOf(place.name));
  const look = openAt(place.directory, place.name, O_PATH | O_CLOEXEC);
  const there = look < 0 ? look : statusOf(look);
  if (look >= 0) syscall(SYS.close, look);
  const own = Number.isInteger(fd) ? statusOf(fd) : -1;
  if (typeof there === "number" || typeof own === "number") return undefined;
  if (there.inode !== own.inode || there.device !== own.device) return undefined;
  const copy = syscall(SYS.fcntl, fd, F_DUPFD_CLOEXEC, FIRST_FREE);
  return copy < 0 ? undefined : { fd: copy, isNew: false, isShared: true };
}

function openAt(directory: number, name: Uint8Array, flags: number, mode = 0): number {
  const text = cString(name);
  const fd = syscall(SYS.openat, directory, text.address, flags, mode);
  keepAlive(text);
  return fd;
}

class Walker {
  private here = -1;
  private trust: Trust = "root's";
  private isPinned = true;
  /** Whether others can put another thing in the place of a name of the directory, but for root's under a sticky bit. */
  private isWritable = false;
  private isSticky = false;
  private links = 0;

  /** The names still to be walked, the next one last. */
  private names: Uint8Array[] = [];

  go(path: Uint8Array, followsLast: boolean): Place | number {
    if (path.length === 0) return -ENOENT;
    const failed = this.begin(path);
    if (failed < 0) return failed;
    for (;;) {
      const name = this.names.pop() as Uint8Array;
      const isLast = this.names.length === 0;
      const found = openAt(this.here, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
      if (found < 0) return found === -ENOENT && isLast ? this.place(name) : found;
      const status = statusOf(found);
      const type = typeof status === "number" ? 0 : status.mode & S_IFMT;
      if (typeof status === "number" || (isLast && (type !== S_IFLNK || !followsLast))) {
        syscall(SYS.close, found);
        return typeof status === "number" ? status : this.place(name);
      }
      if (type === S_IFLNK) {
        const next = this.follow(found, status, name, isLast);
        syscall(SYS.close, found);
        if (typeof next !== "number") return next;
        if (next < 0) return next;
      } else if (type !== S_IFDIR) {
        syscall(SYS.close, found);
        return -ENOTDIR;
      } else this.enter(found, status);
    }
  }

  end(): void {
    if (this.here >= 0) syscall(SYS.close, this.here);
  }

  private place(name: Uint8Array, isMagic = false): Place {
    return { directory: this.here, name, trust: this.trust, isPinned: this.isPinned, isMagic };
  }

  /** Puts the path's names before those that are left; an absolute one starts over at the root. */
  private begin(path: Uint8Array): number {
    const names = split(path, SLASH).filter((name) => name.length > 0);
    // "a/" is the directory itself, and so is "/".
    if (path[path.length - 1] === SLASH) names.push(DOT);
    this.names.push(...names.reverse());
    const isAbsolute = path[0] === SLASH;
    if (!isAbsolute && this.here >= 0) return 0;
    const start = openAt(AT_FDCWD, bytesOf(isAbsolute ? "/" : "."), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (start < 0) return start;
    const status = statusOf(start);
    this.end();
    this.here = start;
    if (typeof status === "number") return status;
    this.trust = trustIn(start, status);
    this.isPinned = true;
    this.look(status);
    return 0;
  }

  private enter(directory: number, status: Status): void {
    this.isPinned &&= !this.isWritable || (this.isSticky && isOurs(status.uid));
    this.end();
    this.here = directory;
    const trust = trustIn(directory, status);
    if (trust === "foreign" || this.trust === "root's") this.trust = trust;
    this.look(status);
  }

  private look({ mode, uid }: Status): void {
    this.isWritable = !isOurs(uid) || (mode & 0o022) !== 0;
    this.isSticky = isOurs(uid) && (mode & 0o1000) !== 0;
  }

  /** A place when the kernel has to follow the last name; else 0 or a negated errno. */
  private follow(link: number, status: Status, name: Uint8Array, isLast: boolean): Place | number {
    const isRoots = this.trust === "root's" || (this.trust === "readOnly" && isOurs(status.uid));
    if (!isRoots || ++this.links > MOST_LINKS) return -ELOOP;
    if (isProc(this.here)) {
      if (isLast) return this.place(name, true);
      const directory = openAt(this.here, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
      const reached = directory < 0 ? directory : statusOf(directory);
      if (typeof reached !== "number") this.enter(directory, reached);
      return typeof reached === "number" ? reached : 0;
    }
    const target = new Block(PATH_MAX);
    const length = syscall(SYS.readlinkat, link, EMPTY.address, target.address, PATH_MAX);
    if (length <= 0) return length < 0 ? length : -ENOENT;
    return this.begin(target.bytes.slice(0, length));
  }
}

// struct statfs: 64-bit f_type 0, f_flags 80, the same on x86-64 and arm64
const statfs = new Block(120);
const F_FLAGS = 80;

function isProc(directory: number): boolean {
  return (
    syscall(SYS.fstatfs, directory, statfs.address) === 0 &&
    statfs.view.getUint32(0, true) === PROC_SUPER_MAGIC
  );
}

function trustIn(directory: number, { mode, uid }: Status): Trust {
  if (isOurs(uid) && (mode & 0o022) === 0) return "root's";
  const isReadOnly =
    syscall(SYS.fstatfs, directory, statfs.address) === 0 &&
    (statfs.view.getUint32(F_FLAGS, true) & ST_RDONLY) !== 0;
  return isReadOnly ? "readOnly" : "foreign";
}

/** The number that the kernel shows for an owner without one in this user namespace (user_namespaces(7)). */
const OVERFLOW_ID = 65534;

/** Root, the user that PID 1 runs as, or somebody that no process in here can be. */
export function isOurs(uid: number): boolean {
  return uid === 0 || uid === syscall(SYS.geteuid) || (uid === OVERFLOW_ID && isUnmapped(uid));
}

let unmapped: boolean | undefined;

/** /proc/self/uid_map: lines of a first number here, its number outside, and how many. */
function isUnmapped(uid: number): boolean {
  if (unmapped !== undefined) return unmapped;
  const map = readFile("/proc/self/uid_map", PATH_MAX);
  unmapped =
    typeof map !== "number" &&
    map.length > 0 &&
    textOf(map)
      .trim()
      .split("\n")
      .every((line) => {
        const [first = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
        return uid < first || uid >= first + count;
      });
  return unmapped;
}
