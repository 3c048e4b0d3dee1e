// Turns a spawn request into the child's list of system calls, in an order where each call finds the rights it needs:
// calls that need root's rights, then the change of user, then those that must come last. Makes none of the calls.

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
import type { SpawnRequest } from "./kernel.ts";

/** The system calls of a child, by the names that complaints use. */
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
  placeInGroup(list, request);
  for (const { from, to } of request.pass) {
    // dup3 refuses the same number twice; and above a lowered limit any number: what stays only loses its mark.
    if (from === to) list.add("fcntl", [from, F_SETFD, 0], `pass descriptor ${from} on`);
    else list.add("dup3", [from, to, 0], `pass descriptor ${from} as ${to}`);
  }
  setLimits(list, request);
  const { credentials, capabilities } = request;
  if (capabilities) dropFromBoundingSet(list, capabilities);
  if (credentials) becomeUser(list, credentials, capabilities);
  if (capabilities) setCapabilities(list, capabilities);
  if (request.cwd !== undefined) {
    const attempt = `change to the working directory ${JSON.stringify(request.cwd)}`;
    list.add("chdir", [list.text(request.cwd)], attempt);
  }
  // After the change of user, which takes it away again.
  if (request.parentDeathSignal !== undefined) {
    const attempt = "be told of fdinit's death by a signal";
    list.add("prctl", [PR_SET_PDEATHSIG, request.parentDeathSignal], attempt, "PR_SET_PDEATHSIG");
  }
  if (request.noNewPrivileges) {
    list.add("prctl", [PR_SET_NO_NEW_PRIVS, 1], "give up new privileges", "PR_SET_NO_NEW_PRIVS");
  }
  resetSignals(list, mask);
  list.add("execve", [image.path, image.argv, image.envp], "execute it");
  return list;
}

class CallList implements ChildCalls {
  readonly calls: ChildCall[] = [];
  readonly holds: Bytes[] = [];

  add(name: keyof typeof CALLS, given: readonly number[], attempt: string, by: string = name): void {
    this.calls.push({ call: CALLS[name], arguments: given, attempt: `${attempt} (${by})` });
  }

  /** A call whose failure the program can do without, or whose result is wanted. */
  addWith(
    more: Partial<ChildCall>,
    name: keyof typeof CALLS,
    given: readonly number[],
    attempt: string,
  ): void {
    this.calls.push({ ...more, call: CALLS[name], arguments: given, attempt: `${attempt} (${name})` });
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
  if (group === "session") list.add("setsid", [], "begin a session of its own");
  if (group === "own") list.add("setpgid", [0, 0], "begin a process group of its own");
  if (terminal === undefined) return;
  if (group === "session") {
    list.addWith({ mayFail: true }, "ioctl", [terminal, TIOCSCTTY, 0], "make it the controlling terminal");
    return;
  }
  // pid_t is four bytes, the lower half of the result. SIGTTOU, which would stop a background process
  // that does this, is still blocked.
  const pid = list.keep(new Block(8));
  list.addWith({ result: pid }, "getpgid", [0], "look at its process group");
  list.addWith({ mayFail: true }, "ioctl", [terminal, TIOCSPGRP, pid], "take the terminal's foreground");
}

const PRIO_PROCESS = 0;

function setLimits(list: CallList, { umask, nice, oomScoreAdj, limits = [] }: SpawnRequest): void {
  if (umask !== undefined) list.add("umask", [umask], "set the umask");
  if (nice !== undefined) {
    list.add("setpriority", [PRIO_PROCESS, 0, nice], `set the nice value ${nice}`);
  }
  if (oomScoreAdj !== undefined) {
    const attempt = `set the OOM score adjustment ${oomScoreAdj}`;
    const text = String(oomScoreAdj);
    const path = list.text("/proc/self/oom_score_adj");
    list.addWith({ result: "next" }, "openat", [AT_FDCWD, path, O_WRONLY | O_CLOEXEC], attempt);
    list.add("write", [0, list.text(text), text.length], attempt);
  }
  for (const { resource, name, limit } of limits) {
    const block = new Block(16);
    setInteger(block.view, 0, limit.soft);
    setInteger(block.view, 8, limit.hard);
    const attempt = `set the limit ${name} to ${limit.soft}:${limit.hard}`;
    list.add("prlimit64", [0, resource, list.keep(block), 0], attempt);
  }
}

function becomeUser(
  list: CallList,
  { uid, gid, groups }: Credentials,
  sets: CapabilitySets | undefined,
): void {
  // capset(2), which follows, can leave only what the change of user has not taken away.
  if (sets && sets.keep.length > 0) {
    list.add("prctl", [PR_SET_KEEPCAPS, 1], "keep capabilities for another user", "PR_SET_KEEPCAPS");
  }
  if (groups !== undefined) {
    const block = new Block(4 * Math.max(1, groups.length));
    for (let i = 0; i < groups.length; i++) block.view.setUint32(4 * i, groups[i] as number, true);
    const attempt = `take the groups ${groups.join(", ") || "none"}`;
    list.add("setgroups", [groups.length, list.keep(block)], attempt);
  }
  list.add("setresgid", [gid, gid, gid], `become group ${gid}`);
  list.add("setresuid", [uid, uid, uid], `become user ${uid}`);
}

function dropFromBoundingSet(list: CallList, { keep }: CapabilitySets): void {
  for (let capability = 0; capability <= HIGHEST_CAPABILITY; capability++) {
    // EINVAL: the kernel does not have it.
    if (keep.includes(capability) || syscall(SYS.prctl, PR_CAPBSET_READ, capability) !== 1) continue;
    const attempt = `give up capability ${capability}`;
    list.add("prctl", [PR_CAPBSET_DROP, capability], attempt, "PR_CAPBSET_DROP");
  }
}

function setCapabilities(list: CallList, { keep, ambient }: CapabilitySets): void {
  const sets = capabilitiesCutTo(keep, ambient);
  list.add("capset", [list.keep(capabilityHeader()), list.keep(sets)], "set the capabilities");
  for (const capability of ambient) {
    const given = [PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0];
    list.add("prctl", given, `keep capability ${capability} for the program`, "PR_CAP_AMBIENT_RAISE");
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
    list.add("rt_sigaction", [signal, action, 0, SIGSET_SIZE], `reset signal ${signal}`);
  }
  const set = new Block(SIGSET_SIZE);
  set.bytes.set(mask);
  list.add("rt_sigprocmask", [SIG_SETMASK, list.keep(set), 0, SIGSET_SIZE], "set the signal mask");
}
