// The limit of open descriptors of fdinit itself.

import { RLIMIT_NOFILE } from "../libc/constants.ts";
import { Block, SYS, setInteger, syscall } from "../libc/libc.ts";
import type { ResourceLimit } from "./kernel.ts";

// RLIM_INFINITY (2^64-1) never stands here: the kernel bounds RLIMIT_NOFILE by fs.nr_open, which is
// below 2^31.
const limits = new Block(32);

export function nofile(): ResourceLimit {
  syscall(SYS.prlimit64, 0, RLIMIT_NOFILE, 0, limits.address);
  return { soft: limitAt(0), hard: limitAt(8) };
}

function limitAt(offset: number): number {
  return limits.view.getUint32(offset, true) + limits.view.getUint32(offset + 4, true) * 2 ** 32;
}

export function setNofile(limit: ResourceLimit): number {
  setInteger(limits.view, 16, limit.soft);
  setInteger(limits.view, 24, limit.hard);
  return syscall(SYS.prlimit64, 0, RLIMIT_NOFILE, limits.address + 16, 0);
}
