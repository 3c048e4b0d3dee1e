// Opens what a policy has PID 1 open: files, pipes, sockets, memory files. Everything CLOEXEC. Answers
// negated errnos and decides nothing. No common start needs any of it.

import { bytesOf } from "./bytes.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  F_ADD_SEALS,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  O_CLOEXEC,
  O_CREAT,
  O_WRONLY,
  SOCK_CLOEXEC,
} from "./constants.ts";
import { EAGAIN } from "./errno.ts";
import type { Kernel, SocketAddress } from "./kernel.ts";
import { Block, cString, keepAlive, SYS, syscall } from "./libc.ts";
import { openPath } from "./paths.ts";
import { write } from "./polling.ts";
import { writeNow, writeOwn } from "./writing.ts";

type Opening = Pick<
  Kernel,
  | "makePipe"
  | "makeSocketPair"
  | "makeMemoryFile"
  | "makeSocket"
  | "setSocketOption"
  | "bind"
  | "listen"
  | "changeDescriptorOwner"
  | "writeFile"
>;

const pair = new Block(8);

function twoDescriptors(failed: number): readonly [number, number] | number {
  return failed < 0 ? failed : [pair.view.getInt32(0, true), pair.view.getInt32(4, true)];
}

/** A struct sockaddr_in, sockaddr_in6 or sockaddr_un, exactly as long as it has to be (bind(2)). */
export function encodeAddress(address: SocketAddress): Block {
  if (address.family === "unix") {
    const path = bytesOf(address.path);
    const isAbstract = address.path.startsWith("@");
    // An abstract name begins with NUL and is as long as it is; a path ends with NUL.
    const block = new Block(2 + path.length + (isAbstract ? 0 : 1));
    block.view.setUint16(0, AF_UNIX, true);
    block.bytes.set(path, 2);
    if (isAbstract) block.bytes[2] = 0;
    return block;
  }
  const isInet = address.family === "inet";
  const block = new Block(isInet ? 16 : 28);
  block.view.setUint16(0, isInet ? AF_INET : AF_INET6, true);
  block.view.setUint16(2, address.port);
  block.bytes.set(address.host, isInet ? 4 : 8);
  return block;
}

const SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

export const opening: Opening = {
  makePipe: () => twoDescriptors(syscall(SYS.pipe2, pair.address, O_CLOEXEC)),
  makeSocketPair: (type) =>
    twoDescriptors(syscall(SYS.socketpair, AF_UNIX, type | SOCK_CLOEXEC, 0, pair.address)),
  makeMemoryFile(name, content) {
    const text = cString(name);
    const fd = syscall(SYS.memfd_create, text.address, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    keepAlive(text);
    if (fd < 0) return fd;
    const failed = write(fd, content) || syscall(SYS.fcntl, fd, F_ADD_SEALS, SEALS);
    if (failed >= 0) {
      // The program that gets the descriptor reads from the start.
      syscall(SYS.lseek, fd, 0, 0);
      return fd;
    }
    syscall(SYS.close, fd);
    return failed;
  },
  makeSocket: (domain, type) => syscall(SYS.socket, domain, type | SOCK_CLOEXEC, 0),
  setSocketOption(fd, level, option, value) {
    pair.view.setInt32(0, value, true);
    return syscall(SYS.setsockopt, fd, level, option, pair.address, 4);
  },
  bind(fd, address) {
    const block = encodeAddress(address);
    return syscall(SYS.bind, fd, block.address, block.bytes.length);
  },
  listen: (fd, backlog) => syscall(SYS.listen, fd, backlog),
  changeDescriptorOwner: (fd, uid, gid) => syscall(SYS.fchown, fd, uid, gid),
  writeFile(path, text) {
    // The descriptor does not block: neither a FIFO without a reader nor a full pipe may hold up the end.
    const opened = openPath(path, O_WRONLY | O_CREAT, 0o666);
    if (typeof opened === "number") return opened;
    const { fd } = opened;
    const failed = opened.isShared ? (writeNow(fd, text) ? 0 : -EAGAIN) : writeOwn(fd, text);
    // A file is cut to the new text; a pipe or a device cannot be, and need not.
    if (failed >= 0) syscall(SYS.ftruncate, fd, bytesOf(text).length);
    syscall(SYS.close, fd);
    return failed;
  },
};
