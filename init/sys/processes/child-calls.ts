// Turns a spawn request into the child's list of system calls, in an order where each call finds the rights it needs:
// calls that need root's rights, then the change of user, then those that must come last. Each call belongs to a stage
// (ChildStage), by which its failure is told. Makes none of the calls.

import type { Image } from "../engine/image.ts";
import { programDispositions } from "../engine/process.ts";
import {
  AT_FDCWD,
  F_SETFD,
  O_CLOEXEC,
  O_WRONLY,
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_RAISE,
  PR_CAPBSET_DROP,
  PR_CAPBSET_READ,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_PDEATHSIG,
  SIG_IGN,
  SIG_SETMASK,
  TIOCSCTTY,
  TIOCSPGRP,
} from "../libc/constants.ts";
import { Block, type Bytes, cString, SYS, setInteger, syscall } from "../libc/libc.ts";
import { capabilitiesCutTo, capabilityHeader } from "../self/capabilities.ts";
import type { CapabilitySets, Credentials } from "../self/kernel.ts";
import type { SignalSet } from "../signals/kernel.ts";
import { SIGSET_SIZE } from "../signals/signals.ts";
import type { ChildCall } from "./child.ts";
import type { ChildStage, SpawnRequest } from "./kernel.ts";

/** The system calls of a child, by the names that messages use. */
const CALLS = {
  capset: SYS.capset,
  chdir: SYS.chdir,
  dup3: SYS.dup3,
  execve: SYS.execve,
  fcntl: SYS.fcntl,
  getpgid: SYS.getpgid,
  ioctl: SYS.ioctl,
  openat: SYS.openat,
  prctl: SYS.prctl,
  prlimit64: SYS.prlimit64,
  rt_sigaction: SYS.rt_sigaction,
  rt_sigprocmask: SYS.rt_sigprocmask,
  setgroups: SYS.setgroups,
  setpgid: SYS.setpgid,
  setpriority: SYS.setpriority,
  setresgid: SYS.setresgid,
  setresuid: SYS.setresuid,
  setsid: SYS.setsid,
  umask: SYS.umask,
  write: SYS.write,
};

/** A capability set has 64 bits; the kernel says which of them it knows. */
const HIGHEST_CAPABILITY = 63;

export interface ChildCalls {
  readonly calls: readonly ChildCall[];
  /** Memory that the calls point to. */
  readonly holds: readonly Bytes[];
}

export function childCalls(request: SpawnRequest, mask: SignalSet, image: Image): ChildCalls {
  const list = new CallList();
  // First: a descriptor that is passed may get the number of this one. "0" is the process that writes (cgroups(7)).
  if (request.cgroupProcs !== undefined)
    list.addWith({ mayFail: true }, "cgroup", "write", [request.cgroupProcs, list.text("0"), 1]);
  placeInGroup(list, request);
  for (const { from, to } of request.pass) {
    // dup3 refuses the same number twice; and above a lowered limit any number: what stays only loses its mark.
    if (from === to) list.add("pass-descriptor", "fcntl", [from, F_SETFD, 0], `${from} on`);
    else list.add("pass-descriptor", "dup3", [from, to, 0], `${from} as ${to}`);
  }
  setLimits(list, request);
  const { credentials, capabilities } = request;
  if (capabilities) dropFromBoundingSet(list, capabilities);
  if (credentials) becomeUser(list, credentials, capabilities);
  if (capabilities) setCapabilities(list, capabilities);
  if (request.cwd !== undefined) {
    list.add("working-directory", "chdir", [list.text(request.cwd)], JSON.stringify(request.cwd));
  }
  // After the change of user, which takes it away again.
  if (request.parentDeathSignal !== undefined) {
    const given = [PR_SET_PDEATHSIG, request.parentDeathSignal];
    list.add("parent-death-signal", "prctl", given, "", "PR_SET_PDEATHSIG");
  }
  if (request.noNewPrivileges) {
    list.add("no-new-privileges", "prctl", [PR_SET_NO_NEW_PRIVS, 1], "", "PR_SET_NO_NEW_PRIVS");
  }
  resetSignals(list, mask);
  list.add("execute", "execve", [image.path, image.argv, image.envp]);
  return list;
}

class CallList implements ChildCalls {
  readonly calls: ChildCall[] = [];
  readonly holds: Bytes[] = [];

  /** `operation`: of a system call that has several. */
  add(
    stage: ChildStage,
    name: keyof typeof CALLS,
    given: readonly number[],
    subject: string | number = "",
    operation: string = name,
  ): void {
    const failure = { stage, call: operation, subject: String(subject) };
    this.calls.push({ number: CALLS[name], arguments: given, failure });
  }

  /** A call whose failure the program can do without, or whose result is wanted. */
  addWith(
    more: Pick<ChildCall, "mayFail" | "result">,
    stage: ChildStage,
    name: keyof typeof CALLS,
    given: readonly number[],
    subject: string | number = "",
  ): void {
    this.add(stage, name, given, subject);
    this.calls.push({ ...(this.calls.pop() as ChildCall), ...more });
  }

  text(text: string): number {
    return this.keep(cString(text));
  }

  keep(block: Bytes): number {
    this.holds.push(block);
    return block.address;
  }
}

function placeInGroup(list: CallList, { group, terminal }: SpawnRequest): void {
  if (group === "session") list.add("session", "setsid", []);
  if (group === "own") list.add("process-group", "setpgid", [0, 0]);
  if (terminal === undefined) return;
  if (group === "session") {
    list.addWith({ mayFail: true }, "controlling-terminal", "ioctl", [terminal, TIOCSCTTY, 0]);
    return;
  }
  // pid_t is four bytes, the lower half of the result. SIGTTOU, which would stop a background process
  // that does this, is still blocked.
  const pid = list.keep(new Block(8));
  list.addWith({ result: pid }, "own-process-group", "getpgid", [0]);
  list.addWith({ mayFail: true }, "foreground", "ioctl", [terminal, TIOCSPGRP, pid]);
}

const PRIO_PROCESS = 0;

function setLimits(list: CallList, { umask, nice, oomScoreAdj, limits = [] }: SpawnRequest): void {
  if (umask !== undefined) list.add("umask", "umask", [umask]);
  if (nice !== undefined) {
    list.add("nice", "setpriority", [PRIO_PROCESS, 0, nice], nice);
  }
  if (oomScoreAdj !== undefined) {
    const text = String(oomScoreAdj);
    const path = list.text("/proc/self/oom_score_adj");
    const given = [AT_FDCWD, path, O_WRONLY | O_CLOEXEC];
    list.addWith({ result: "next" }, "oom-score", "openat", given, text);
    list.add("oom-score", "write", [0, list.text(text), text.length], text);
  }
  for (const { resource, name, limit } of limits) {
    const block = new Block(16);
    setInteger(block.view, 0, limit.soft);
    setInteger(block.view, 8, limit.hard);
    const subject = `${name} to ${limit.soft}:${limit.hard}`;
    list.add("limit", "prlimit64", [0, resource, list.keep(block), 0], subject);
  }
}

function becomeUser(
  list: CallList,
  { uid, gid, groups }: Credentials,
  sets: CapabilitySets | undefined,
): void {
  // capset(2), which follows, can leave only what the change of user has not taken away.
  if (sets && sets.keep.length > 0) {
    list.add("keep-capabilities", "prctl", [PR_SET_KEEPCAPS, 1], "", "PR_SET_KEEPCAPS");
  }
  if (groups !== undefined) {
    const block = new Block(4 * Math.max(1, groups.length));
    for (let i = 0; i < groups.length; i++) block.view.setUint32(4 * i, groups[i] as number, true);
    list.add("groups", "setgroups", [groups.length, list.keep(block)], groups.join(", ") || "none");
  }
  list.add("group", "setresgid", [gid, gid, gid], gid);
  list.add("user", "setresuid", [uid, uid, uid], uid);
}

function dropFromBoundingSet(list: CallList, { keep }: CapabilitySets): void {
  for (let capability = 0; capability <= HIGHEST_CAPABILITY; capability++) {
    // EINVAL: the kernel does not have it.
    if (keep.includes(capability) || syscall(SYS.prctl, PR_CAPBSET_READ, capability) !== 1) continue;
    list.add("bounding-set", "prctl", [PR_CAPBSET_DROP, capability], capability, "PR_CAPBSET_DROP");
  }
}

function setCapabilities(list: CallList, { keep, ambient }: CapabilitySets): void {
  const sets = capabilitiesCutTo(keep, ambient);
  list.add("capabilities", "capset", [list.keep(capabilityHeader()), list.keep(sets)]);
  for (const capability of ambient) {
    const given = [PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0];
    list.add("ambient-capabilities", "prctl", given, capability, "PR_CAP_AMBIENT_RAISE");
  }
}

/** The dispositions and the mask a program starts with. Handlers go first: this process's must not run in the child. */
function resetSignals(list: CallList, mask: SignalSet): void {
  const { defaulted, ignored } = programDispositions();
  // struct kernel_sigaction, all zero for SIG_DFL, and its first field 1 for SIG_IGN
  const byDefault = list.keep(new Block(64));
  const ignore = new Block(64);
  setInteger(ignore.view, 0, SIG_IGN);
  const ignoring = list.keep(ignore);
  for (const signal of defaulted) {
    const action = ignored.includes(signal) ? ignoring : byDefault;
    list.add("signal-disposition", "rt_sigaction", [signal, action, 0, SIGSET_SIZE], signal);
  }
  const set = new Block(SIGSET_SIZE);
  set.bytes.set(mask);
  list.add("signal-mask", "rt_sigprocmask", [SIG_SETMASK, list.keep(set), 0, SIGSET_SIZE]);
}
