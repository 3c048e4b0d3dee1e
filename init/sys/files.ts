// Files and directories by path: read whole, list, read a link, ask for permission. Raw system
// calls, so that node:fs is not loaded on the way to the payload.

import { concatenate } from "./bytes.ts";
import { AT_FDCWD, O_CLOEXEC, O_NONBLOCK, O_RDONLY, X_OK } from "./constants.ts";
import { EINTR } from "./errno.ts";
import { Block, cString, O_DIRECTORY, SYS, syscall } from "./libc.ts";

const CHUNK = 32768;
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

function readDescriptor(fd: number, length: number): Uint8Array | number {
  const { address, bytes } = buffer();
  const parts: Uint8Array[] = [];
  let total = 0;
  while (total < length) {
    const got = syscall(SYS.read, fd, address, Math.min(CHUNK, length - total));
    if (got === -EINTR) continue;
    if (got < 0) return got;
    if (got === 0) break;
    parts.push(bytes.slice(0, got));
    total += got;
  }
  return concatenate(...parts);
}

/**
 * The names in a directory, "." and ".." and the numeric name of the descriptor used to read it
 * left out (unless it is a directory of another process). Undefined when it cannot be read or is not on
 * a file system with the given magic.
 */
export function listDirectory(path: Block, magic: number, isOwn = true): string[] | undefined {
  const fd = syscall(SYS.openat, AT_FDCWD, path.address, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  if (fd < 0) return undefined;
  const { address, bytes, view } = buffer();
  let names: string[] | undefined;
  // struct statfs begins with the 8-byte f_type
  if (syscall(SYS.fstatfs, fd, address) === 0 && view.getUint32(0, true) === magic) {
    names = [];
    for (;;) {
      const got = syscall(SYS.getdents64, fd, address, CHUNK);
      if (got === 0) break;
      if (got < 0) {
        names = undefined;
        break;
      }
      // struct linux_dirent64 { u64 d_ino; s64 d_off; u16 d_reclen; u8 d_type; char d_name[]; }
      for (let at = 0; at < got; at += view.getUint16(at + 16, true)) {
        const name = latin1(bytes, at + 19);
        if (name !== "." && name !== ".." && !(isOwn && name === String(fd))) names.push(name);
      }
    }
  }
  syscall(SYS.close, fd);
  return names;
}

function latin1(bytes: Uint8Array, start: number): string {
  let text = "";
  for (let at = start; bytes[at]; at++) text += String.fromCharCode(bytes[at] as number);
  return text;
}

/** The target of a symbolic link, cut at 4096 bytes, or undefined. */
export function readLink(path: string): Uint8Array | undefined {
  const name = cString(path);
  const { address, bytes } = buffer();
  const got = syscall(SYS.readlinkat, AT_FDCWD, name.address, address, 4096);
  return got < 0 ? undefined : bytes.slice(0, got);
}

export function canExecute(path: Uint8Array): number {
  const name = cString(path);
  return syscall(SYS.faccessat, AT_FDCWD, name.address, X_OK);
}
