// Collects the facts a plan needs, and no more: where rules speak of numbers alone, /proc is not read
// at all.

import type { SeenFiles } from "./descriptors/seen-files.ts";
import { findRuntimeDescriptors } from "./engine/descriptors.ts";
import {
  type Facts,
  type FdRange,
  FIRST_ANNOUNCED,
  type InheritedDescriptor,
  type Questions,
  type Rungs,
} from "./facts.ts";
import type { Kernel } from "./kernel.ts";
import { CLOSE_RANGE_CLOEXEC, STDIN_FILENO } from "./libc/constants.ts";
import { textOf } from "./text/bytes.ts";

/** Most numbers that are looked at only to find Bun's eventpoll and eventfd, so that closing can leave those two open. */
const CHEAP = 64;

/** `own` is what fdinit itself has opened, lowest first: the first stands at what was the lowest free number. */
export function observe(kernel: Kernel, own: readonly [number, ...number[]], questions: Questions): Facts {
  const nofile = kernel.nofile();
  const { numbers, unseenFrom, procfs } = openNumbers(kernel, questions, nofile.hard);
  const [lowestFree] = own;
  let asked = false;
  for (const fd of numbers) asked ||= fd > 2 && fd < lowestFree;
  // Marking does them no harm: they are marked anyway.
  const worth = asked ? lowestFree : questions.closes ? CHEAP : 0;
  const runtime = findRuntimeDescriptors(kernel, lowestFree, worth);
  const notInherited = runtime.certain ? [...own, ...runtime.numbers] : own;
  const { announced, ...problems } = announcement(kernel);
  const inherited: InheritedDescriptor[] = [];
  const seen: SeenFiles | undefined = questions.classify ? { byInode: new Map() } : undefined;
  for (const fd of numbers) {
    if (notInherited.includes(fd)) continue;
    inherited.push(seen ? classified(kernel, fd, announced, seen) : linkOrMode(kernel, fd));
  }
  const terminal = questions.terminal ? kernel.terminal(STDIN_FILENO) : undefined;
  const outside = questions.workingDirectory ? kernel.workingDirectoryOutside() : undefined;
  return {
    pid: kernel.pid,
    nofile,
    own,
    runtime,
    inherited,
    announced,
    ...problems,
    rungs: rungs(kernel, questions, procfs),
    ...(unseenFrom === undefined ? {} : { unseenFrom }),
    ...(outside === undefined ? {} : { workingDirectoryOutside: outside }),
    ...(terminal === undefined ? {} : { terminal }),
  };
}

/** The open ones among the numbers asked for: from /proc when there is more than a few to ask about. */
function openNumbers(kernel: Kernel, questions: Questions, hardLimit: number): OpenNumbers {
  const { enumerate, lookAt, mustSee, method, scanLimit } = questions;
  const lists = enumerate && method !== "scan";
  const listed = lists ? kernel.listDescriptors() : undefined;
  const procfs = lists ? listed !== undefined : undefined;
  const numbers: number[] = [];
  if (listed) {
    for (const fd of listed) if (isIn(lookAt, fd)) numbers.push(fd);
    return { numbers, procfs };
  }
  // The plan refuses: a scan would only take time.
  if (lists && method === "procfs") return { numbers, procfs };
  let highest = -1;
  for (const { last } of lookAt) highest = Math.max(highest, last);
  for (let fd = 0; fd <= Math.min(highest, scanLimit - 1); fd++) {
    if (isIn(lookAt, fd) && kernel.descriptorFlags(fd) >= 0) numbers.push(fd);
  }
  const unseen = hardLimit > scanLimit ? mustSee.find(({ last }) => last >= scanLimit) : undefined;
  return unseen ? { numbers, procfs, unseenFrom: Math.max(unseen.first, scanLimit) } : { numbers, procfs };
}

/** The ways to close and mark that work here. Asks the kernel only about ways that the policy may use. */
function rungs(kernel: Kernel, { method, closes, marks }: Questions, listed: boolean | undefined): Rungs {
  const asksCall = method === "auto" || method === "closeRange";
  const closing = asksCall && closes ? -kernel.canCloseRange(0) : undefined;
  const marking = asksCall && marks ? -kernel.canCloseRange(CLOSE_RANGE_CLOEXEC) : undefined;
  const falls = method === "auto" && (closing || marking);
  const asksProcfs = falls || (method === "procfs" && (closes || marks));
  const procfs = listed ?? (asksProcfs ? kernel.listDescriptors() !== undefined : undefined);
  return {
    ...(closing === undefined ? {} : { closing }),
    ...(marking === undefined ? {} : { marking }),
    ...(procfs === undefined ? {} : { procfs }),
  };
}

function isIn(ranges: readonly FdRange[], fd: number): boolean {
  for (const { first, last } of ranges) if (first <= fd && fd <= last) return true;
  return false;
}

const MOST_ANNOUNCED = 4096;

type Announcement = Pick<Facts, "announced" | "announcedMissing" | "malformedCount">;
const NONE: Announcement = { announced: [] };

/** sd_listen_fds(3): the numbers from 3 on, when LISTEN_PID says that they are for this process. */
function announcement(kernel: Kernel): Announcement {
  const variable = (name: string) => {
    const value = kernel.environmentVariable(name);
    return value === undefined ? undefined : textOf(value);
  };
  const given = variable("LISTEN_FDS");
  if (given === undefined || variable("LISTEN_PID") !== String(kernel.pid)) return NONE;
  // Number() reads "1e3", "0x10", "+1" and " 1" too.
  const count = /^\d{1,4}$/.test(given) ? Number(given) : MOST_ANNOUNCED + 1;
  if (count > MOST_ANNOUNCED) return { announced: [], malformedCount: given };
  const names = variable("LISTEN_FDNAMES")?.split(":") ?? [];
  const announced: string[] = [];
  const announcedMissing: number[] = [];
  for (let index = 0; index < count; index++) {
    announced.push(names[index] || "unknown");
    const fd = FIRST_ANNOUNCED + index;
    if (kernel.descriptorFlags(fd) < 0) announcedMissing.push(fd);
  }
  return announcedMissing.length > 0 ? { announced, announcedMissing } : { announced };
}

function classified(
  kernel: Kernel,
  fd: number,
  announced: readonly string[],
  seen: SeenFiles,
): InheritedDescriptor {
  const found = kernel.classify(fd, seen);
  const name = announced[fd - FIRST_ANNOUNCED];
  return { fd, descriptor: name === undefined ? found : { ...found, name } };
}

interface OpenNumbers {
  readonly numbers: readonly number[];
  /** Whether /proc/self/fd can be read; undefined: not asked. */
  readonly procfs: boolean | undefined;
  readonly unseenFrom?: number;
}

/** The link, or the file type, which is known without /proc. */
function linkOrMode(kernel: Kernel, fd: number): InheritedDescriptor {
  const link = kernel.descriptorLink(fd);
  return link === undefined ? { fd, mode: kernel.descriptorMode(fd) } : { fd, link };
}
