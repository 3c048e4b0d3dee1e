// Tells what a running process inherited from what it opened itself, where that can be known: by the open files of its parent
// (kcmp(2), or the inode of a pipe or socket), by LISTEN_FDS, and by the close-on-exec mark, with which nothing is inherited.

import { O_CLOEXEC, PROC_SUPER_MAGIC } from "../libc/constants.ts";
import { cString, SYS, syscall } from "../libc/libc.ts";
import { listNumbers, readLink } from "../paths/files.ts";
import { textFile } from "../processes/process-list.ts";
import { textOf } from "../text/bytes.ts";
import type { Whose } from "./kernel.ts";
import type { Descriptor } from "./kinds.ts";

/** <linux/kcmp.h> */
const KCMP_FILE = 0;

/** A descriptor of the parent, by the text of its link. */
type Parents = ReadonlyMap<string, readonly number[]>;

/** By number; a descriptor of which nothing can be known is not in it. `marksInherited`: the process marks what it inherits close-on-exec. */
export function whoseAre(
  pid: number,
  descriptors: readonly Descriptor[],
  marksInherited: boolean,
): Map<number, Whose> {
  const parent = Number(/^PPid:\s*(\d+)$/m.exec(textFile(`/proc/${pid}/status`) ?? "")?.[1] ?? 0);
  const parents = parent === 0 ? new Map<string, number[]>() : descriptorsOf(parent);
  const whose = new Map<number, Whose>();
  for (const { fd, name } of descriptors) {
    const shared = sharedWith(parent, parents, pid, fd);
    if (name !== undefined) whose.set(fd, { by: "inherited", because: "LISTEN_FDS announced it" });
    else if (shared !== undefined)
      whose.set(fd, { by: "inherited", because: `its parent ${parent} has it too, as ${shared}` });
    else if (!marksInherited && isCloseOnExec(pid, fd))
      whose.set(fd, { by: "itself", because: "it is close-on-exec, with which nothing is inherited" });
  }
  return whose;
}

function descriptorsOf(pid: number): Map<string, number[]> {
  const byLink = new Map<string, number[]>();
  for (const fd of listNumbers(cString(`/proc/${pid}/fd`), PROC_SUPER_MAGIC, false) ?? []) {
    const link = readLink(`/proc/${pid}/fd/${fd}`);
    if (link === undefined) continue;
    const text = textOf(link);
    byLink.set(text, [...(byLink.get(text) ?? []), fd]);
  }
  return byLink;
}

/** The parent's number for the same open file. */
function sharedWith(parent: number, parents: Parents, pid: number, fd: number): number | undefined {
  const link = readLink(`/proc/${pid}/fd/${fd}`);
  const candidates = link === undefined ? [] : (parents.get(textOf(link)) ?? []);
  for (const other of candidates) {
    const compared = syscall(SYS.kcmp, parent, pid, KCMP_FILE, other, fd);
    if (compared === 0) return other;
    // Where kcmp(2) is not allowed, a pipe or a socket is known by its inode.
    if (compared < 0 && /^(pipe|socket):\[\d+\]$/.test(textOf(link as Uint8Array))) return other;
  }
  return undefined;
}

function isCloseOnExec(pid: number, fd: number): boolean {
  const flags = /^flags:\s*([0-7]+)/m.exec(textFile(`/proc/${pid}/fdinfo/${fd}`) ?? "")?.[1];
  return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) !== 0;
}
