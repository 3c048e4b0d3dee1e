// Pipes and memory files that PID 1 opens, and the owner and flags of what it has opened. Everything CLOEXEC. Answers
// negated errnos and decides nothing. No common start needs any of it.

import {
  F_ADD_SEALS,
  F_DUPFD_QUERY,
  F_GETFL,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  F_SETFL,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  O_CLOEXEC,
  O_NONBLOCK,
} from "../libc/constants.ts";
import { Block, cString, keepAlive, SYS, syscall } from "../libc/libc.ts";
import { write } from "./polling.ts";

const SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

export function makePipe(): readonly [number, number] | number {
  const pair = new Block(8);
  const failed = syscall(SYS.pipe2, pair.address, O_CLOEXEC);
  return failed < 0 ? failed : [pair.view.getInt32(0, true), pair.view.getInt32(4, true)];
}

export function setNonBlocking(fd: number): number {
  const flags = syscall(SYS.fcntl, fd, F_GETFL);
  return flags < 0 ? flags : syscall(SYS.fcntl, fd, F_SETFL, flags | O_NONBLOCK);
}

export function makeMemoryFile(name: string, content: Uint8Array): number {
  const text = cString(name);
  const fd = syscall(SYS.memfd_create, text.address, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  keepAlive(text);
  if (fd < 0) return fd;
  const failed = write(fd, content) || syscall(SYS.fcntl, fd, F_ADD_SEALS, SEALS);
  if (failed >= 0) {
    // Its reader begins at the start.
    syscall(SYS.lseek, fd, 0, 0);
    return fd;
  }
  syscall(SYS.close, fd);
  return failed;
}

export function changeDescriptorOwner(fd: number, uid: number, gid: number): number {
  return syscall(SYS.fchown, fd, uid, gid);
}

// struct stat, 144 bytes: st_dev and st_ino come first.
const one = new Block(144);
const other = new Block(144);
const DEVICE_AND_INODE = 16;

export function isSameOpenFile(fd: number, another: number): boolean {
  const answer = syscall(SYS.fcntl, fd, F_DUPFD_QUERY, another);
  if (answer >= 0) return answer === 1;
  if (syscall(SYS.fstat, fd, one.address) < 0 || syscall(SYS.fstat, another, other.address) < 0) return false;
  for (let at = 0; at < DEVICE_AND_INODE; at++) if (one.bytes[at] !== other.bytes[at]) return false;
  return true;
}
