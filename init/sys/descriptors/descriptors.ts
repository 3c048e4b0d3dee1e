// Descriptors: close_range, fcntl, dup3, and what /proc/self/fd says of them. Answers negated
// errnos and decides nothing.

import {
  AT_FDCWD,
  CLOSE_RANGE_CLOEXEC,
  F_DUPFD_CLOEXEC,
  F_GETFD,
  F_SETFD,
  FD_CLOEXEC,
  O_CLOEXEC,
  O_RDWR,
  PROC_SUPER_MAGIC,
} from "../libc/constants.ts";
import { EINVAL, EMFILE } from "../libc/errno.ts";
import { cString, SYS, syscall } from "../libc/libc.ts";
import { listNumbers, readFile, readOwnLink } from "../paths/files.ts";
import { statusOf } from "../paths/status.ts";
import { textOf } from "../text/bytes.ts";

const DEV_NULL = cString("/dev/null");
const PROC_SELF_FD = cString("/proc/self/fd");

/** `~0U`: no table of descriptors reaches there, so that a call about this number alone does nothing. */
const NO_FD = 0xffffffff;

let probed = 0;

/**
 * Finds out whether close_range(2) works, once, and before the first signal is blocked: where a seccomp filter
 * traps the call, SIGSYS still reaches Bun's handler, which lets it answer ENOSYS. Later it would kill PID 1.
 */
export function probeCloseRange(): void {
  probed = syscall(SYS.close_range, NO_FD, NO_FD, CLOSE_RANGE_CLOEXEC);
}

export function canCloseRange(flags: number): number {
  // Linux 5.9 and 5.10 know the call and not the flag.
  return probed === -EINVAL && flags === 0 ? syscall(SYS.close_range, NO_FD, NO_FD, 0) : probed;
}

export function closeRange(first: number, last: number, flags: number): number {
  const refused = canCloseRange(flags);
  return refused < 0 ? refused : syscall(SYS.close_range, first, last, flags);
}

export function close(fd: number): number {
  return syscall(SYS.close, fd);
}

export function descriptorFlags(fd: number): number {
  return syscall(SYS.fcntl, fd, F_GETFD);
}

export function closeOnExec(fd: number, on: boolean): number {
  return syscall(SYS.fcntl, fd, F_SETFD, on ? FD_CLOEXEC : 0);
}

export function duplicateOnto(from: number, to: number): number {
  return syscall(SYS.dup3, from, to, O_CLOEXEC);
}

export function duplicateAbove(fd: number, least: number): number {
  const copy = syscall(SYS.fcntl, fd, F_DUPFD_CLOEXEC, least);
  // fcntl(2): EINVAL when the least number is itself at the limit.
  return copy === -EINVAL ? -EMFILE : copy;
}

export function openDevNull(from: number): number {
  const fd = syscall(SYS.openat, AT_FDCWD, DEV_NULL.address, O_RDWR | O_CLOEXEC);
  if (fd < 0 || fd >= from) return fd;
  const moved = duplicateAbove(fd, from);
  close(fd);
  return moved;
}

/**
 * The open numbers according to /proc/self/fd, ascending, without the one used to read it.
 * Undefined when /proc is absent, unreadable, or something else is mounted over it.
 */
export function listDescriptors(): number[] | undefined {
  const numbers = listNumbers(PROC_SELF_FD, PROC_SUPER_MAGIC, true);
  return numbers && ascending(numbers);
}

/** The kernel lists them in order, but nothing promises that. */
function ascending(numbers: number[]): number[] {
  let before = -1;
  for (const number of numbers) {
    if (number < before) return numbers.sort((a, b) => a - b);
    before = number;
  }
  return numbers;
}

export function descriptorMode(fd: number): number {
  const status = statusOf(fd);
  return typeof status === "number" ? status : status.mode;
}

export function descriptorLink(fd: number): string | undefined {
  const target = readOwnLink(fd);
  return target && textOf(target);
}

export function descriptorInfo(fd: number): string | undefined {
  const bytes = readFile(`/proc/self/fdinfo/${fd}`, 65536);
  return typeof bytes === "number" ? undefined : textOf(bytes);
}
