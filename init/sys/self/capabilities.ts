// The calling process's capabilities (capabilities(7)): reading the sets and giving some up.

import { _LINUX_CAPABILITY_VERSION_3 } from "../libc/constants.ts";
import { Block, keepAlive, SYS, syscall } from "../libc/libc.ts";

/** Two of struct __user_cap_data_struct { u32 effective, permitted, inheritable; }. */
const DATA_SIZE = 24;
const HALVES = [
  [0, 0],
  [1, 12],
] as const;

/** struct __user_cap_header_struct { u32 version; int pid; } for the calling thread. */
export function capabilityHeader(): Block {
  const header = new Block(8);
  header.view.setUint32(0, _LINUX_CAPABILITY_VERSION_3, true);
  return header;
}

/** The argument of capset(2): the permitted set cut to `keep`, the effective set the same, `inheritable` as given. */
export function capabilitiesCutTo(keep: readonly number[], inheritable: readonly number[]): Block {
  const sets = new Block(DATA_SIZE);
  const header = capabilityHeader();
  syscall(SYS.capget, header.address, sets.address);
  keepAlive(header);
  for (const [half, at] of HALVES) {
    const kept = wordOf(keep, half) & sets.view.getUint32(at + 4, true);
    sets.view.setUint32(at, kept >>> 0, true);
    sets.view.setUint32(at + 4, kept >>> 0, true);
    sets.view.setUint32(at + 8, wordOf(inheritable, half) >>> 0, true);
  }
  return sets;
}

function wordOf(capabilities: readonly number[], half: 0 | 1): number {
  let word = 0;
  for (const capability of capabilities) if (capability >> 5 === half) word |= 1 << (capability & 31);
  return word;
}

/** capset(2) for fdinit itself; 0 or a negated errno. */
export function dropCapabilities(keep: readonly number[]): number {
  const header = capabilityHeader();
  const sets = capabilitiesCutTo(keep, []);
  const result = syscall(SYS.capset, header.address, sets.address);
  keepAlive(header, sets);
  return result;
}

const CAP_KILL = 5;

/** Whether kill(2) would be permitted for processes of that user; true where /proc does not tell. */
export function maySignal(uid: number): boolean {
  if (uid === syscall(SYS.getuid) || uid === syscall(SYS.geteuid)) return true;
  const header = capabilityHeader();
  const sets = new Block(DATA_SIZE);
  const failed = syscall(SYS.capget, header.address, sets.address);
  keepAlive(header, sets);
  return failed < 0 || (sets.view.getUint32(0, true) & (1 << CAP_KILL)) !== 0;
}
