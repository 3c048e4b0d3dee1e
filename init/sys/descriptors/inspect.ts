// Looks at the descriptors of a running process from outside: /proc/N/fd and fdinfo, the link's text,
// and O_PATH copies made through the magic links, which open nothing. Classified by the code of a
// start as far as that can be known from here; the rest is "undetermined".
//
// Nothing here runs at a start: buffers are made at the first call.

import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  F_GET_SEALS,
  O_CLOEXEC,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  PROC_SUPER_MAGIC,
  S_IFCHR,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  STATX_BASIC_STATS,
} from "../libc/constants.ts";
import { EACCES, ENOENT, ESRCH } from "../libc/errno.ts";
import { Block, cString, keepAlive, SYS, syscall } from "../libc/libc.ts";
import { listNumbers, readFile, readLink } from "../paths/files.ts";
import { type Status, statusOf, statusOfPath } from "../paths/status.ts";
import { commandOf, textFile } from "../processes/process-list.ts";
import { socketTables } from "../sockets/inspect-sockets.ts";
import { textOf } from "../text/bytes.ts";
import { accessOf, fileSystemMagic, hasPlace, kindsOf, typeWord, withoutDeletedMark } from "./classify.ts";
import type { Inspection, StartedAs, Whose } from "./kernel.ts";
import type { Descriptor, SocketFacts } from "./kinds.ts";
import { whoseAre } from "./whose.ts";

// <linux/magic.h>

/** The facts about the process as a whole. */
interface Process {
  readonly pid: number;
  /** The mounts it can reach; undefined when they cannot be listed. */
  readonly mounts: readonly number[] | undefined;
  /** The process's root as fdinit sees it: links are written from there. */
  readonly root: string;
  readonly socket: (inode: number) => SocketFacts | undefined;
  /** Names of LISTEN_FDNAMES, by number. */
  readonly announced: ReadonlyMap<number, string>;
}

/** Everything about its descriptors, or a negated errno: -ESRCH when there is no such process, -ENOENT without /proc. */
export function inspect(pid: number): Inspection | number {
  const numbers = listNumbers(cString(`/proc/${pid}/fd`), PROC_SUPER_MAGIC, false);
  if (!numbers) {
    if (!statusOfPath(bytesOfPath("/proc/self"))) return -ENOENT;
    return statusOfPath(bytesOfPath(`/proc/${pid}`)) ? -EACCES : -ESRCH;
  }
  numbers.sort((a, b) => a - b);
  const common = {
    pid,
    command: commandOf(pid),
    count: numbers.length,
    whose: new Map<number, Whose>(),
    startedAs: startOf(pid),
  };
  // A descriptor that closes meanwhile cannot be read either. Only when none can be read is it forbidden.
  if (numbers.length > 0 && numbers.every((fd) => readLink(`/proc/${pid}/fd/${fd}`) === undefined))
    return { ...common, own: [] };
  const process: Process = {
    pid,
    mounts: mountsOf(pid),
    root: textOf(readLink(`/proc/${pid}/root`) ?? new Uint8Array()),
    socket: socketTables(pid),
    announced: announcedTo(pid),
  };
  const descriptors: Descriptor[] = [];
  for (const fd of numbers) {
    const descriptor = lookAt(process, fd);
    if (descriptor) descriptors.push(descriptor);
  }
  const isOurs = isFdinit(pid);
  return {
    ...common,
    count: descriptors.length,
    descriptors,
    whose: whoseAre(pid, descriptors, isOurs),
    own: isOurs ? ownOf(pid, descriptors) : [],
  };
}

function startOf(pid: number): StartedAs {
  const linked = (name: string) => {
    const link = readLink(`/proc/${pid}/${name}`);
    return link === undefined ? undefined : textOf(link);
  };
  const status = textFile(`/proc/${pid}/status`) ?? "";
  const effective = (line: RegExp) => line.exec(status)?.[1];
  const [executable, cwd, uid, gid] = [
    linked("exe"),
    linked("cwd"),
    effective(/^Uid:\s*\d+\s+(\d+)/m),
    effective(/^Gid:\s*\d+\s+(\d+)/m),
  ];
  return {
    words: (textFile(`/proc/${pid}/cmdline`) ?? "").split("\0").slice(0, -1),
    ...(executable === undefined ? {} : { executable }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(uid === undefined ? {} : { uid: Number(uid) }),
    ...(gid === undefined ? {} : { gid: Number(gid) }),
  };
}

function bytesOfPath(path: string): Uint8Array {
  return cString(path).bytes.slice(0, -1);
}

/** Undefined when it was closed in the meantime. */
function lookAt(process: Process, fd: number): Descriptor | undefined {
  const { pid } = process;
  const magicLink = `/proc/${pid}/fd/${fd}`;
  const info = textFile(`/proc/${pid}/fdinfo/${fd}`);
  const link = readLink(magicLink);
  if (info === undefined && link === undefined) return undefined;
  const path = cString(magicLink);
  const copy = syscall(SYS.openat, AT_FDCWD, path.address, O_PATH | O_CLOEXEC);
  keepAlive(path);
  if (copy === -ENOENT) return undefined;
  const descriptor = describe(process, { fd, copy, info: info ?? "", link });
  if (copy >= 0) syscall(SYS.close, copy);
  return descriptor;
}

interface SeenDescriptor {
  readonly fd: number;
  /** An O_PATH descriptor of the same file, or a negated errno. */
  readonly copy: number;
  readonly info: string;
  readonly link: Uint8Array | undefined;
}

function describe(process: Process, { fd, copy, info, link }: SeenDescriptor): Descriptor {
  const text = link && textOf(link);
  const written = /^flags:\s*([0-7]+)/m.exec(info)?.[1];
  const flags = written === undefined ? -1 : Number.parseInt(written, 8);
  const status = copy < 0 ? copy : statusOf(copy);
  const announced = process.announced.get(fd);
  const common = { fd, access: accessOf(flags), ...(announced === undefined ? {} : { name: announced }) };
  if (typeof status === "number" || flags < 0)
    return {
      ...common,
      kinds: ["undetermined"],
      deleted: false,
      evidence: text ?? "its link cannot be read",
    };
  const evidence = `${text ?? "no link"}, ${typeWord(status.mode)}`;
  const { kinds, seals } = kindsFromOutside(process, { fd, copy, info, link }, flags, status);
  const [kind] = kinds;
  if (kind === "undetermined") return { ...common, kinds, deleted: false, evidence };
  if (!hasPlace(kind)) {
    const socket =
      kind === "socket" && (flags & O_PATH) === 0
        ? process.socket(Number(/^socket:\[(\d+)\]$/.exec(text ?? "")?.[1]))
        : undefined;
    return {
      ...common,
      kinds,
      deleted: false,
      outsideRoot: false,
      evidence,
      ...(socket ? { socket } : {}),
      ...(seals === undefined ? {} : { seals }),
    };
  }
  const deleted = status.links === 0;
  const path = link && pathInside(textOf(withoutDeletedMark(link, deleted)), process.root);
  const mount = Number(/^mnt_id:\s*(\d+)/m.exec(info)?.[1] ?? status.mount ?? Number.NaN);
  const outside = isOutside(process, { status, mount, path });
  return {
    ...common,
    kinds,
    deleted,
    evidence,
    ...(path === undefined ? {} : { path: path.text }),
    ...(outside === undefined ? {} : { outsideRoot: outside }),
  };
}

interface Kinds {
  readonly kinds: Descriptor["kinds"];
  readonly seals?: number;
}

/** As `classify` has it, but for the two kinds that an O_PATH copy cannot be asked about. */
function kindsFromOutside(
  { pid }: Process,
  { fd, copy, link }: SeenDescriptor,
  flags: number,
  status: Status,
): Kinds {
  const text = link && textOf(link);
  const type = status.mode & S_IFMT;
  if (type === S_IFCHR && (flags & O_PATH) === 0) {
    const terminal = isTerminalDevice(copy);
    return {
      kinds: terminal === undefined ? ["undetermined"] : terminal ? ["tty", "charDevice"] : ["charDevice"],
    };
  }
  if (type === S_IFREG && text?.startsWith("/memfd:") && status.links === 0) {
    // A second opening of a file in memory: it has no effect, and answers for its seals.
    const path = cString(`/proc/${pid}/fd/${fd}`);
    const file = syscall(SYS.openat, AT_FDCWD, path.address, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return { kinds: ["undetermined"] };
    const seals = syscall(SYS.fcntl, file, F_GET_SEALS);
    syscall(SYS.close, file);
    if (seals >= 0) return { kinds: ["memfd"], seals };
  }
  return { kinds: kindsOf(copy, flags | O_PATH, status, fileSystemMagic(copy), text) };
}

/** By the kernel's table of terminal drivers: opening a device to ask it could have effects. */
function isTerminalDevice(copy: number): boolean | undefined {
  const drivers = textFile("/proc/tty/drivers");
  const buffer = new Block(256);
  const empty = cString("");
  const failed = syscall(SYS.statx, copy, empty.address, AT_EMPTY_PATH, STATX_BASIC_STATS, buffer.address);
  if (drivers === undefined || failed < 0) return undefined;
  // struct statx: u32 rdev_major 128, rdev_minor 132
  const [major, minor] = [buffer.view.getUint32(128, true), buffer.view.getUint32(132, true)];
  for (const line of drivers.split("\n")) {
    // name, default node, major, minor or range of minors, type
    const [, ofMajor, first, last] = /\s(\d+)\s+(\d+)(?:-(\d+))?\s+\S+\s*$/.exec(line) ?? [];
    if (Number(ofMajor) === major && minor >= Number(first) && minor <= Number(last ?? first)) return true;
  }
  return false;
}

/** The ids of /proc/N/mountinfo, which lists what the process can reach, and of its root's mount. */
function mountsOf(pid: number): number[] | undefined {
  const listed = textFile(`/proc/${pid}/mountinfo`);
  if (listed === undefined) return undefined;
  // Nothing is listed where the root is no mount point (chroot) and has none below it.
  const ids = listed
    .split("\n")
    .map((line) => Number.parseInt(line, 10))
    .filter((id) => !Number.isNaN(id));
  const root = statusOfPath(bytesOfPath(`/proc/${pid}/root/.`))?.mount;
  return root === undefined ? undefined : [...ids, root];
}

interface Inside {
  readonly text: string;
  readonly isBelowRoot: boolean;
}

/** The link is written from this process's root; the other one's may lie below it (chroot). */
function pathInside(link: string, root: string): Inside {
  if (root === "/") return { text: link, isBelowRoot: true };
  if (link === root) return { text: "/", isBelowRoot: true };
  return link.startsWith(`${root}/`)
    ? { text: link.slice(root.length), isBelowRoot: true }
    : { text: link, isBelowRoot: false };
}

interface LocatedOutside {
  readonly status: Status;
  readonly mount: number;
  readonly path: Inside | undefined;
}

/** As `isOutsideRoot` has it, for another process; there is no going into its directories to ask where they are. */
function isOutside(
  { pid, mounts, root }: Process,
  { status, mount, path }: LocatedOutside,
): boolean | undefined {
  if (!mounts || Number.isNaN(mount)) return undefined;
  if (!mounts.includes(mount)) return true;
  if (!path || root === "") return undefined;
  if (!path.isBelowRoot) return status.links === 0 ? undefined : true;
  const found = statusOfPath(bytesOfPath(`/proc/${pid}/root${path.text}`));
  if (found && found.inode === status.inode && found.device === status.device) return false;
  if (status.links === 0) return false;
  return (status.mode & S_IFMT) === S_IFDIR ? undefined : true;
}

/** LISTEN_FDNAMES of the environment it was started with, when LISTEN_PID is its own number. */
function announcedTo(pid: number): Map<number, string> {
  const variables = new Map<string, string>();
  for (const text of textFile(`/proc/${pid}/environ`)?.split("\0") ?? []) {
    const at = text.indexOf("=");
    if (text.startsWith("LISTEN_")) variables.set(text.slice(0, at), text.slice(at + 1));
  }
  const inside = /^NSpid:.*?(\d+)$/m.exec(textFile(`/proc/${pid}/status`) ?? "")?.[1] ?? String(pid);
  const given = variables.get("LISTEN_FDS") ?? "";
  const count = /^\d{1,4}$/.test(given) ? Number(given) : 0;
  const names = new Map<number, string>();
  if (variables.get("LISTEN_PID") !== inside || !(count >= 1 && count <= 4096)) return names;
  const announced = variables.get("LISTEN_FDNAMES")?.split(":") ?? [];
  for (let index = 0; index < count; index++) names.set(3 + index, announced[index] || "unknown");
  return names;
}

export function readMemoryFile(pid: number, name: string, length: number): Uint8Array | undefined {
  const paths = listNumbers(cString(`/proc/${pid}/fd`), PROC_SUPER_MAGIC, false)?.map(
    (fd) => `/proc/${pid}/fd/${fd}`,
  );
  const path = paths?.find((one) => textOf(readLink(one) ?? new Uint8Array()) === `/memfd:${name} (deleted)`);
  const bytes = path === undefined ? undefined : readFile(path, length);
  return typeof bytes === "number" ? undefined : bytes;
}

/** The process runs this very executable; false also where that cannot be seen. */
export function isFdinit(pid: number): boolean {
  const [own, other] = ["self", pid].map((which) => statusOfPath(bytesOfPath(`/proc/${which}/exe`)));
  return own !== undefined && own.inode === other?.inode && own.device === other.device;
}

/** fdinit's signalfd, and the only eventpoll that watches one eventfd and nothing else: Bun's pair. */
function ownOf(pid: number, descriptors: readonly Descriptor[]): number[] {
  const ofKind = (kind: string) => descriptors.filter(({ kinds }) => kinds[0] === kind).map(({ fd }) => fd);
  const eventfds = ofKind("eventfd");
  const pairs: number[][] = [];
  for (const fd of ofKind("eventpoll")) {
    const watched = [...(textFile(`/proc/${pid}/fdinfo/${fd}`) ?? "").matchAll(/^tfd:\s*(\d+)/gm)];
    const target = Number(watched[0]?.[1]);
    if (watched.length === 1 && target > fd && eventfds.includes(target)) pairs.push([fd, target]);
  }
  const runtime = pairs.length === 1 ? (pairs[0] ?? []) : [];
  const signalfds = ofKind("signalfd");
  return [...runtime, ...(signalfds.length === 1 ? signalfds : [])].sort((a, b) => a - b);
}
