// Reads /proc: which processes there are, and which descriptors each has open, in words.

import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly isZombie: boolean;
}

export interface Descriptor {
  readonly fd: number;
  readonly words: string;
}

export function childrenOf(parent: number): Process[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => readProcess(Number(pid)))
    .filter((process) => process.parent === parent);
}

function readProcess(pid: number): Process[] {
  const stat = readOrNothing(`/proc/${pid}/stat`);
  // The name, in parentheses, may hold anything; what follows the last one is numbers and one letter.
  const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return parent === undefined ? [] : [{ pid, parent: Number(parent), isZombie: state === "Z" }];
}

/** The pid as the process itself sees it, inside its own PID namespace. */
export function innerPid(pid: number): number | undefined {
  const pids = /^NSpid:(.*)$/m
    .exec(readOrNothing(`/proc/${pid}/status`))?.[1]
    ?.trim()
    .split(/\s+/);
  return pids && Number(pids.at(-1));
}

/** The descriptors of a process beyond standard input, output and error. */
export function descriptorsOf(pid: number): Descriptor[] {
  return readdirSync(`/proc/${pid}/fd`)
    .map(Number)
    .filter((fd) => fd > 2)
    .sort((a, b) => a - b)
    .flatMap((fd) => {
      const words = describe(pid, fd);
      return words === undefined ? [] : [{ fd, words }];
    });
}

/** Undefined when it was closed meanwhile, as what lists the demo's own descriptors is. */
function describe(pid: number, fd: number): string | undefined {
  const path = `/proc/${pid}/fd/${fd}`;
  const target = readLinkOrNothing(path);
  if (target === undefined) return undefined;
  const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
  if (inode) return describeSocket(pid, inode);
  const own = /^anon_inode:\[(\w+)\]$/.exec(target)?.[1];
  if (own) return `its own ${own}`;
  const stat = statSync(path);
  if (stat.isDirectory()) return `the directory ${target}`;
  if (stat.isFIFO()) return isWritable(pid, fd) ? "a pipe's write end" : "a pipe's read end";
  return target;
}

/** Listening IPv4 sockets by their address; the kernel prints it in hexadecimal, bytes in the host's order. */
function describeSocket(pid: number, inode: string): string {
  for (const line of readOrNothing(`/proc/${pid}/net/tcp`).split("\n")) {
    const [, local = "", , state, , , , , , lineInode] = line.trim().split(/\s+/);
    if (lineInode !== inode || state !== TCP_LISTEN) continue;
    return `a listening socket, port ${Number.parseInt(local.split(":")[1] ?? "", 16)}`;
  }
  return "a socket";
}

/** include/net/tcp_states.h, as /proc/net/tcp prints it. */
const TCP_LISTEN = "0A";

function isWritable(pid: number, fd: number): boolean {
  const flags = /^flags:\s+([0-7]+)$/m.exec(readOrNothing(`/proc/${pid}/fdinfo/${fd}`))?.[1] ?? "0";
  return (Number.parseInt(flags, 8) & O_ACCMODE) !== 0;
}

/** fcntl.h: the bits that say read-only (0), write-only or both. */
const O_ACCMODE = 3;

/** A process may end between being listed and being read. */
function readOrNothing(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function readLinkOrNothing(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
