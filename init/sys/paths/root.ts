// Whether something lies outside this process's root: a directory of the host that a runtime left
// open gives the whole host away, and its link in /proc reads like a path inside.

import { AT_FDCWD, O_CLOEXEC, O_PATH, O_RDONLY, S_IFDIR, S_IFMT } from "../libc/constants.ts";
import { cString, O_DIRECTORY, SYS, syscall } from "../libc/libc.ts";
import { workingDirectoryOutside } from "../self/working-directory.ts";
import { readFile } from "./files.ts";
import { type Status, statusOf, statusOfPath } from "./status.ts";

const ZERO = 0x30;
const SPACE = 0x20;
const LINE_END = 0x0a;
const DOT = cString(".");
const ROOT = cString("/");

/** The facts to judge by. `path` is the link's text, without the kernel's mark for deleted files. */
export interface LocatedDescriptor {
  readonly fd: number;
  readonly status: Status;
  readonly path: Uint8Array | undefined;
}

/**
 * True when it is outside, false when inside, undefined when nothing tells. In this order: its mount
 * is none of ours; the path leads to the very same file; for a directory, getcwd(2) from it; a file
 * without a name on a mount of ours is inside; any other path that leads elsewhere is outside.
 */
export function isOutsideRoot({ fd, status, path }: LocatedDescriptor): boolean | undefined {
  const mounts = ourMounts();
  if (mounts && status.mount !== undefined && !mounts.includes(status.mount)) return true;
  if (path && isSameFile(status, statusOfPath(path))) return false;
  if ((status.mode & S_IFMT) === S_IFDIR) return directoryIsOutside(fd);
  if (status.links === 0) return mounts ? false : undefined;
  return path ? true : undefined;
}

function isSameFile(a: Status, b: Status | undefined): boolean {
  return b !== undefined && a.inode === b.inode && a.device === b.device;
}

/** Goes there, asks where it is, and comes back. */
function directoryIsOutside(fd: number): boolean | undefined {
  const here = syscall(SYS.openat, AT_FDCWD, DOT.address, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (here < 0) return undefined;
  const outside = syscall(SYS.fchdir, fd) === 0 ? workingDirectoryOutside() !== undefined : undefined;
  syscall(SYS.fchdir, here);
  syscall(SYS.close, here);
  return outside;
}

let mounts: readonly number[] | undefined;

/** The mounts below this process's root (proc_pid_mountinfo(5), first field) and the one that "/" is on. */
function ourMounts(): readonly number[] | undefined {
  if (mounts) return mounts;
  const text = readFile("/proc/self/mountinfo", 1 << 22);
  if (typeof text === "number") return undefined;
  const listed = firstNumbers(text);
  const root = syscall(SYS.openat, AT_FDCWD, ROOT.address, O_RDONLY | O_PATH | O_CLOEXEC);
  const status = root < 0 ? root : statusOf(root);
  const own = typeof status === "number" ? undefined : status.mount;
  if (root >= 0) syscall(SYS.close, root);
  if (own !== undefined) listed.push(own);
  mounts = listed;
  return mounts;
}

/** The decimal number that each line begins with. */
function firstNumbers(text: Uint8Array): number[] {
  const numbers: number[] = [];
  for (let at = 0; at < text.length; ) {
    let number = 0;
    for (; text[at] !== SPACE && at < text.length; at++) number = 10 * number + ((text[at] as number) - ZERO);
    numbers.push(number);
    const end = text.indexOf(LINE_END, at);
    at = end < 0 ? text.length : end + 1;
  }
  return numbers;
}
