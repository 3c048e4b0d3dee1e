// fdinit's own identity: user, group and supplementary groups (credentials(7)), and whether it may change the groups.

import { Block, keepAlive, SYS, syscall } from "../libc/libc.ts";
import type { Credentials } from "./kernel.ts";

/** NGROUPS_MAX of Linux, since 2.6.4 */
const MOST_GROUPS = 65_536;

/** The real ids and the supplementary groups, in the kernel's order. */
export function ownCredentials(): Required<Credentials> {
  const count = Math.min(MOST_GROUPS, Math.max(0, syscall(SYS.getgroups, 0, 0)));
  const list = new Block(4 * Math.max(1, count));
  const got = syscall(SYS.getgroups, count, list.address);
  const groups = Array.from({ length: Math.max(0, got) }, (_, index) => list.view.getUint32(4 * index, true));
  return { uid: syscall(SYS.getuid), gid: syscall(SYS.getgid), groups };
}

/** setgroups(2) with the groups that fdinit has, which changes nothing: 0, or a negated errno where it may not be called. */
export function mayChangeGroups(groups: readonly number[]): number {
  const list = new Block(4 * Math.max(1, groups.length));
  groups.forEach((group, index) => {
    list.view.setUint32(4 * index, group, true);
  });
  const result = syscall(SYS.setgroups, groups.length, list.address);
  keepAlive(list);
  return result;
}
