// Collects the facts a plan needs, and no more: with nothing kept, refused or replaced beyond 2,
// /proc is not read at all.

import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFMT, S_IFREG, S_IFSOCK } from "./constants.ts";
import type { Facts, InheritedDescriptor, Questions } from "./facts.ts";
import type { Kernel } from "./kernel.ts";
import { findRuntimeDescriptors } from "./runtime-descriptors.ts";

/** How many numbers are worth looking at only to leave Bun's own two open. */
const CHEAP = 64;

/** `own` is what fdinit itself has opened, lowest first: the first stands at what was the lowest free number. */
export function observe(kernel: Kernel, own: readonly [number, ...number[]], questions: Questions): Facts {
  const asked = questions.enumerate || questions.lookAt.length > 0;
  const runtime = findRuntimeDescriptors(kernel, own[0], asked ? own[0] : CHEAP);
  const notInherited = runtime.certain ? [...own, ...runtime.numbers] : own;
  const { numbers, unseenFrom } = openNumbers(kernel, questions);
  return {
    pid: kernel.pid,
    nofile: kernel.nofile(),
    own,
    runtime,
    inherited: numbers.filter((fd) => !notInherited.includes(fd)).map((fd) => describe(kernel, fd)),
    ...(unseenFrom === undefined ? {} : { unseenFrom }),
  };
}

/** The open ones among the numbers asked for: from /proc when there is more than a few to ask about. */
function openNumbers(kernel: Kernel, { enumerate, lookAt, scanLimit }: Questions): Seen {
  const listed = enumerate ? kernel.listDescriptors() : undefined;
  if (listed)
    return { numbers: listed.filter((fd) => lookAt.some(({ first, last }) => first <= fd && fd <= last)) };
  const numbers: number[] = [];
  let unseenFrom: number | undefined;
  for (const { first, last } of lookAt) {
    const end = Math.min(last, scanLimit - 1);
    for (let fd = first; fd <= end; fd++) if (kernel.descriptorFlags(fd) >= 0) numbers.push(fd);
    if (end < last) unseenFrom ??= Math.max(first, scanLimit);
  }
  return unseenFrom === undefined ? { numbers } : { numbers, unseenFrom };
}

interface Seen {
  readonly numbers: readonly number[];
  readonly unseenFrom?: number;
}

function describe(kernel: Kernel, fd: number): InheritedDescriptor {
  return { fd, what: kernel.descriptorLink(fd) ?? typeName(kernel.descriptorMode(fd)) };
}

const TYPE_NAMES: Record<number, string> = {
  0: "an anonymous inode",
  [S_IFBLK]: "a block device",
  [S_IFCHR]: "a character device",
  [S_IFDIR]: "a directory",
  [S_IFIFO]: "a pipe",
  [S_IFREG]: "a file",
  [S_IFSOCK]: "a socket",
};

/** What can be said without /proc. */
function typeName(mode: number): string {
  return (mode < 0 ? undefined : TYPE_NAMES[mode & S_IFMT]) ?? "of a kind that cannot be determined";
}
