// Whether the working directory lies outside this process's root. Every start under intent security asks.

import { Block, SYS, syscall } from "../libc/libc.ts";
import { SLASH, textOf } from "../text/bytes.ts";

const PATH_MAX = 4096;
const path = new Block(PATH_MAX);

/**
 * CVE-2024-21626: where the working directory is when it lies outside the root, else undefined. The
 * system call getcwd(2), unlike libc's wrapper, answers "(unreachable)/…" then. Needs no /proc.
 */
export function workingDirectoryOutside(): string | undefined {
  const length = syscall(SYS.getcwd, path.address, PATH_MAX);
  return length > 0 && path.bytes[0] !== SLASH ? textOf(path.bytes.slice(0, length - 1)) : undefined;
}
