// Makes a failure of a stage, its code and a message for the person who has to mend it: the file, its interpreter, its loader
// or a right is missing. Loaded where something failed.

import type { Launch } from "../plan/plan.ts";
import type { Kernel, SpawnFailure } from "../sys/kernel.ts";
import { EAGAIN, ENOENT, errnoText } from "../sys/libc/errno.ts";
import { SLASH, textOf } from "../sys/text/bytes.ts";
import type { LaunchFailure } from "./result.ts";
import { type LaunchStage, STAGE_WORDS } from "./stages.ts";

/** A stage with its subject, and the call behind it: `become user 1000 (setresuid)`. */
function attempt(stage: LaunchStage, subject: string, call: string): string {
  return `${STAGE_WORDS[stage].replace("*", () => subject)}${call === "" ? "" : ` (${call})`}`;
}

/** The kernel refused what PID 1 itself did. `words` are those of the error. */
export function refused(
  stage: LaunchStage,
  subject: string,
  call: string,
  errno: number,
  words = errnoText(errno),
): LaunchFailure {
  return { stage, message: `cannot ${attempt(stage, subject, call)}: ${words}`, errno, call };
}

/** The failure of a stage for a reason that is no single error of the kernel's. */
export function impossible(stage: LaunchStage, subject: string, reason: string): LaunchFailure {
  return { stage, message: `cannot ${attempt(stage, subject, "")}: ${reason}` };
}

/** A stage between clone and execve failed, so the program file plays no part. */
export function cannotPrepare({ service }: Launch, failure: SpawnFailure): LaunchFailure {
  const { stage, subject, call, errno } = failure;
  if (errno === EAGAIN) return noProcess(service, failure);
  const message = `cannot start ${service}: cannot ${attempt(stage, subject, call)}: ${errnoText(errno)}`;
  return { stage, message, errno, call, service };
}

/** EAGAIN of clone(2), and of execve(2) after a change of user: the file has nothing to do with it. */
function noProcess(service: string, { stage, subject, call }: Omit<SpawnFailure, "errno">): LaunchFailure {
  const limits = "pids.max of the cgroup, RLIMIT_NPROC of the user or kernel.pid_max";
  const message = `cannot start ${service}: cannot ${attempt(stage, subject, call)}: ${errnoText(EAGAIN)} (the limit of processes is reached: ${limits})`;
  return { stage, message, errno: EAGAIN, call, isTemporary: true };
}

export function notFound(launch: Launch, errno: number): LaunchFailure {
  const where = launch.program.includes(SLASH) ? errnoText(ENOENT) : "not found in PATH";
  return { ...impossible("find-program", quote(launch.program), where), errno, service: launch.service };
}

/** `file` is where the path leads from here. */
export function cannotExecute(
  kernel: Kernel,
  { service, path, file, errno }: { service: string; path: Uint8Array; file: Uint8Array; errno: number },
): LaunchFailure {
  if (errno === EAGAIN) return noProcess(service, { stage: "make-process", subject: "", call: "" });
  const reason = explain(kernel, file, errno) ?? errnoText(errno);
  return { ...impossible("execute", quote(path), reason), errno, service };
}

/** "#!" lines are read up to this length by the kernel (BINPRM_BUF_SIZE, Linux 5.1). */
const LONGEST_INTERPRETER_LINE = 256;

/** ENOENT of a file that exists, and ENOEXEC, in other words than the kernel's. */
function explain(kernel: Kernel, path: Uint8Array, errno: number): string | undefined {
  if (errno !== ENOENT) return undefined;
  const head = kernel.readFile(path, LONGEST_INTERPRETER_LINE);
  if (typeof head === "number") return undefined;
  const [, interpreter] = /^#![ \t]*([^ \t\n]+)/.exec(textOf(head)) ?? [];
  if (interpreter === undefined)
    return "the dynamic loader it names (PT_INTERP) does not exist: is it built for another libc?";
  return interpreter.endsWith("\r")
    ? `its interpreter "${interpreter.slice(0, -1)}\\r" does not exist: the file has DOS line ends`
    : `its interpreter "${interpreter}" does not exist`;
}

function quote(path: Uint8Array): string {
  return JSON.stringify(textOf(path));
}
