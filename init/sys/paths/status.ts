// The facts of stat about a descriptor or a path: type, links, identity, mount. By statx(2), Linux 4.11;
// where a seccomp profile of before its time forbids that, by fstat(2), with the mount from /proc.

import { AT_EMPTY_PATH, AT_FDCWD, STATX_BASIC_STATS, STATX_MNT_ID } from "../libc/constants.ts";
import { EBADF, ENOENT } from "../libc/errno.ts";
import { Block, type Bytes, cString, STAT, SYS, syscall } from "../libc/libc.ts";
import { textOf } from "../text/bytes.ts";
import { readFile } from "./files.ts";

export interface Status {
  readonly mode: number;
  readonly links: number;
  /** The same file has the same inode and device, whichever call answered. */
  readonly inode: number;
  readonly device: number;
  readonly uid: number;
  readonly gid: number;
  /** Its mount's id, as in /proc/self/mountinfo; undefined where nothing tells. */
  readonly mount: number | undefined;
}

/** The last answer of statx(2) or stat(2): struct statx is 256 bytes, struct stat 144 or 128. */
export const statusBuffer = new Block(256);
const EMPTY_PATH = cString("");

/** Of an open descriptor; a negated errno when it fails. */
export function statusOf(fd: number): Status | number {
  const failed = lookAtStatus(fd);
  if (failed === 0) return fromStatx(fd);
  if (failed === -EBADF) return failed;
  const older = syscall(SYS.fstat, fd, statusBuffer.address);
  return older < 0 ? older : { ...fromStat(), mount: mountOf(fd) };
}

/** Of a path, links followed; undefined when it fails. */
export function statusOfPath(path: Uint8Array): Status | undefined {
  const name = named(path);
  const failed = statx(AT_FDCWD, name, 0);
  if (failed === 0) return fromStatx(AT_FDCWD);
  if (failed === -ENOENT || syscall(SYS.newfstatat, AT_FDCWD, name.address, statusBuffer.address, 0) < 0)
    return undefined;
  return { ...fromStat(), mount: undefined };
}

const PATH_MAX = 4096;
let pathBlock: Bytes | undefined;

/** The path as C has it; in one block for all of them, since there may be thousands. */
function named(path: Uint8Array): Bytes {
  if (path.length >= PATH_MAX) return cString(path);
  pathBlock ??= new Block(PATH_MAX);
  pathBlock.bytes.set(path);
  pathBlock.bytes[path.length] = 0;
  return pathBlock;
}

function statx(directory: number, path: Bytes, flags: number): number {
  const mask = STATX_BASIC_STATS | STATX_MNT_ID;
  return syscall(SYS.statx, directory, path.address, flags, mask, statusBuffer.address);
}

/** statx(2) of an open descriptor into `statusBuffer`, from which `fromStatx` reads it: 0 or a negated errno. */
export function lookAtStatus(fd: number): number {
  return statx(fd, EMPTY_PATH, AT_EMPTY_PATH);
}

/** The last answer of statx(2), which was about `fd`. */
export function fromStatx(fd: number): Status {
  // struct statx: u32 mask 0, u32 nlink 16, u32 uid 20, u32 gid 24, u16 mode 28, u64 ino 32, u32 dev_major 136, dev_minor 140, u64 mnt_id 144
  const { view } = statusBuffer;
  const hasMount = (view.getUint32(0, true) & STATX_MNT_ID) !== 0;
  const [major, minor] = [view.getUint32(136, true), view.getUint32(140, true)];
  return {
    mode: view.getUint16(28, true),
    links: view.getUint32(16, true),
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    inode: view.getUint32(32, true) + view.getUint32(36, true) * 2 ** 32,
    device: encodeDevice(major, minor),
    mount: hasMount ? view.getUint32(144, true) : mountOf(fd),
  };
}

/** The low 32 bits of the kernel's huge_encode_dev, which is what st_dev holds. */
function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

function fromStat(): Omit<Status, "mount"> {
  const { view } = statusBuffer;
  return {
    mode: view.getUint32(STAT.mode, true),
    links: view.getUint32(STAT.links, true),
    uid: view.getUint32(STAT.uid, true),
    gid: view.getUint32(STAT.uid + 4, true),
    inode: view.getUint32(8, true) + view.getUint32(12, true) * 2 ** 32,
    device: view.getUint32(0, true),
  };
}

/** mnt_id of /proc/self/fdinfo (Linux 3.15): STATX_MNT_ID is Linux 5.8's. */
function mountOf(fd: number): number | undefined {
  if (fd < 0) return undefined;
  const info = readFile(`/proc/self/fdinfo/${fd}`, 4096);
  const found = typeof info === "number" ? undefined : /^mnt_id:\s*(\d+)/m.exec(textOf(info))?.[1];
  return found === undefined ? undefined : Number(found);
}
