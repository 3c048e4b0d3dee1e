// Finds out the kind of an open descriptor. The steps, in an order in which each can be believed: F_GETFL for O_PATH,
// the file type, the file system's magic number, the link's text, socket options. A number or a name alone never
// decides. A kind that cannot be found out is "undetermined".

import {
  F_GET_SEALS,
  F_GETFL,
  O_ACCMODE,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  PROC_SUPER_MAGIC,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  STATX_MNT_ID,
  TCGETS,
} from "../libc/constants.ts";
import { Block, SYS, syscall } from "../libc/libc.ts";
import { readOwnLink } from "../paths/files.ts";
import { isOutsideRoot } from "../paths/root.ts";
import { fromStatx, lookAtStatus, type Status, statusBuffer, statusOf } from "../paths/status.ts";
import { socketFacts } from "../sockets/sockets.ts";
import { textOf } from "../text/bytes.ts";
import type { Access, Descriptor, DescriptorFacts, Kind } from "./kinds.ts";
import type { SeenFile, SeenFiles } from "./seen-files.ts";

// <linux/magic.h>
const ANON_INODE_FS_MAGIC = 0x09041934;
const CGROUP_SUPER_MAGIC = 0x27e0eb;
const CGROUP2_SUPER_MAGIC = 0x63677270;
const MQUEUE_MAGIC = 0x19800202;
const NSFS_MAGIC = 0x6e736673;
const PID_FS_MAGIC = 0x50494446;
const PIPEFS_MAGIC = 0x50495045;
const SYSFS_MAGIC = 0x62656572;

const statfsBuffer = new Block(256);

export function fileSystemMagic(fd: number): number | undefined {
  return syscall(SYS.fstatfs, fd, statfsBuffer.address) < 0
    ? undefined
    : statfsBuffer.view.getUint32(0, true);
}

/** Classifies one open descriptor. `seen`: the files behind the descriptors that were classified in this round and are still open. */
export function classify(fd: number, seen?: SeenFiles): DescriptorFacts {
  const flags = syscall(SYS.fcntl, fd, F_GETFL);
  const failed = lookAtStatus(fd);
  const before = seen?.before;
  if (failed === 0 && before?.words && before.flags === flags && isSameAnswer(before.words))
    return before.facts;
  const status = failed < 0 ? statusOf(fd) : fromStatx(fd);
  if (flags < 0 || typeof status === "number") {
    const link = readOwnLink(fd);
    const evidence = link ? textOf(link) : "fstat failed";
    return { kinds: ["undetermined"], access: accessOf(flags), deleted: false, evidence };
  }
  if (!seen || !hasOneName(status)) return lookedAt(fd, flags, status);
  const known = seen.byInode.get(status.inode);
  if (known && known.flags === flags && isOneName(known, status)) {
    seen.before = known;
    return known.facts;
  }
  const { mount, device, mode, links } = status;
  // A copy, and before lookedAt(), which may ask for the status of other files.
  const words = failed < 0 ? undefined : statusWords.slice();
  const facts = lookedAt(fd, flags, status);
  seen.before = { flags, mount, device, mode, links, facts, words };
  seen.byInode.set(status.inode, seen.before);
  return facts;
}

const statusWords = new Uint32Array(statusBuffer.view.buffer);
/** Of struct statx: mask, links, mode, inode, device, mount; the mask says whether the mount is there. */
const TELLING = [0, 4, 7, 8, 9, 34, 35, 36];

function isSameAnswer(words: Uint32Array): boolean {
  for (let index = 0; index < TELLING.length; index++) {
    const word = TELLING[index] as number;
    if (words[word] !== statusWords[word]) return false;
  }
  // Without STATX_MNT_ID in the mask (before Linux 5.8) the mount is in /proc alone.
  return ((words[0] as number) & STATX_MNT_ID) !== 0;
}

/** Whether every descriptor of the file has the same link in /proc: no second name that it may have been opened by. */
function hasOneName({ mode, links, mount }: Status): boolean {
  const type = mode & S_IFMT;
  // All anonymous inodes of one kind share an inode; the kernel counts a directory's subdirectories as links.
  return mount !== undefined && type !== 0 && (links === 1 || type === S_IFDIR);
}

function isOneName(a: SeenFile, b: Status): boolean {
  return a.mount === b.mount && a.device === b.device && a.mode === b.mode && a.links === b.links;
}

function lookedAt(fd: number, flags: number, status: Status): DescriptorFacts {
  const link = readOwnLink(fd);
  const text = link && textOf(link);
  const access = accessOf(flags);
  const magic = asksForMagic(status.mode) ? fileSystemMagic(fd) : undefined;
  const kinds = kindsOf(fd, flags, status, magic, text);
  const [kind] = kinds;
  const common = { kinds, access, evidence: `${text ?? "no link in /proc"}, ${typeWord(status.mode)}` };
  const inside = { deleted: false, outsideRoot: false };
  if (kind === "socket") {
    const socket = (flags & O_PATH) === 0 ? socketFacts(fd) : undefined;
    return { ...common, ...inside, ...(socket ? { socket } : {}) };
  }
  if (!hasPlace(kind)) {
    const seals = kind === "memfd" ? syscall(SYS.fcntl, fd, F_GET_SEALS) : undefined;
    if (kind === "undetermined") return { ...common, deleted: false };
    return { ...common, ...inside, ...(seals === undefined ? {} : { seals }) };
  }
  const deleted = status.links === 0;
  const path = link && withoutDeletedMark(link, deleted);
  const outside = isOutsideRoot({ fd, status, path });
  return {
    ...common,
    deleted,
    ...(path ? { path: path === link && text !== undefined ? text : textOf(path) } : {}),
    ...(outside === undefined ? {} : { outsideRoot: outside }),
  };
}

export function accessOf(flags: number): Access {
  if (flags < 0) return "path";
  if ((flags & O_PATH) !== 0) return "path";
  const mode = flags & O_ACCMODE;
  return mode === O_RDONLY ? "read" : mode === O_WRONLY ? "write" : "readWrite";
}

/** Kinds that have a path, a mount and so an inside and an outside. */
export function hasPlace(kind: Kind): boolean {
  return PLACED.includes(kind);
}

const PLACED: readonly Kind[] = [
  "file",
  "directory",
  "cgroup",
  "proc",
  "sysfs",
  "charDevice",
  "blockDevice",
  "tty",
  "fifo",
  "mqueue",
];

export function kindsOf(
  fd: number,
  flags: number,
  status: Status,
  magic: number | undefined,
  text: string | undefined,
): Descriptor["kinds"] {
  switch (status.mode & S_IFMT) {
    case S_IFSOCK:
      return ["socket"];
    case S_IFIFO:
      return magic === PIPEFS_MAGIC ? ["pipe"] : magic === undefined ? ["undetermined"] : ["fifo"];
    case S_IFCHR:
      return (flags & O_PATH) === 0 && isTerminal(fd) ? ["tty", "charDevice"] : ["charDevice"];
    case S_IFBLK:
      return ["blockDevice"];
    case S_IFDIR:
      return withFileSystem("directory", magic);
    case S_IFREG:
      if (magic === NSFS_MAGIC) return ["namespace"];
      if (magic === MQUEUE_MAGIC) return ["mqueue"];
      if (magic === PID_FS_MAGIC) return ["pidfd"];
      if (text?.startsWith("/memfd:") && syscall(SYS.fcntl, fd, F_GET_SEALS) >= 0 && status.links === 0)
        return ["memfd"];
      return withFileSystem("file", magic);
    case 0:
      return [anonymousKind(magic, text)];
    default:
      return ["other"];
  }
}

/** A socket and a device are what they are on every file system. */
function asksForMagic(mode: number): boolean {
  const type = mode & S_IFMT;
  return type !== S_IFSOCK && type !== S_IFCHR && type !== S_IFBLK;
}

function withFileSystem(kind: "file" | "directory", magic: number | undefined): Descriptor["kinds"] {
  if (magic === CGROUP_SUPER_MAGIC || magic === CGROUP2_SUPER_MAGIC) return ["cgroup", kind];
  if (magic === PROC_SUPER_MAGIC) return ["proc", kind];
  if (magic === SYSFS_MAGIC) return ["sysfs", kind];
  return [kind];
}

/** The names are the kernel's own; some have brackets and some do not. */
const ANONYMOUS_KINDS: Readonly<Record<string, Kind>> = {
  eventpoll: "eventpoll",
  eventfd: "eventfd",
  timerfd: "timerfd",
  signalfd: "signalfd",
  inotify: "inotify",
  fanotify: "fanotify",
  userfaultfd: "userfaultfd",
  io_uring: "ioUring",
  perf_event: "perfEvent",
  "landlock-ruleset": "landlock",
  fscontext: "fscontext",
  "seccomp notify": "seccomp",
  pidfd: "pidfd",
};

function anonymousKind(magic: number | undefined, text: string | undefined): Kind {
  if (magic === PID_FS_MAGIC) return "pidfd";
  if (text === undefined || magic !== ANON_INODE_FS_MAGIC)
    return magic === undefined || text === undefined ? "undetermined" : "other";
  const name = text.replace(/^anon_inode:/, "").replace(/^\[(.*)\]$/, "$1");
  if (name.startsWith("bpf-")) return "bpf";
  return ANONYMOUS_KINDS[name] ?? "other";
}

const termios = new Block(64);

function isTerminal(fd: number): boolean {
  return syscall(SYS.ioctl, fd, TCGETS, termios.address) === 0;
}

const DELETED_MARK = " (deleted)".length;

/** " (deleted)" can be part of a real name: only where no link is left is it the kernel's mark. */
export function withoutDeletedMark(link: Uint8Array, deleted: boolean): Uint8Array {
  return deleted && textOf(link).endsWith(" (deleted)") ? link.subarray(0, link.length - DELETED_MARK) : link;
}

export function typeWord(mode: number): string {
  const words: Record<number, string> = {
    0: "anonymous inode",
    [S_IFBLK]: "block device",
    [S_IFCHR]: "character device",
    [S_IFDIR]: "directory",
    [S_IFIFO]: "fifo",
    [S_IFREG]: "regular file",
    [S_IFSOCK]: "socket",
  };
  return words[mode & S_IFMT] ?? "unknown type";
}
