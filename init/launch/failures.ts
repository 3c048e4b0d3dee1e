// Words a failed start for the person who has to mend it: the file, its interpreter, its loader or a right is missing.

import type { Launch } from "../plan/plan.ts";
import type { Kernel, SpawnFailure } from "../sys/kernel.ts";
import { EAGAIN, ENOENT, errnoText } from "../sys/libc/errno.ts";
import { SLASH, textOf } from "../sys/text/bytes.ts";
import type { LaunchFailure } from "./result.ts";

/** A step between clone and execve failed, so the program file plays no part. */
export function cannotPrepare({ service }: Launch, { attempt, errno }: SpawnFailure): LaunchFailure {
  if (errno === EAGAIN) return noProcess(service, attempt);
  const message = `cannot start ${service}: cannot ${attempt}: ${errnoText(errno)}`;
  return { code: "cannot-start", message, service };
}

/** EAGAIN of clone(2), and of execve(2) after a change of user: the file has nothing to do with it. */
function noProcess(service: string, attempt: string): LaunchFailure {
  const limits = "pids.max of the cgroup, RLIMIT_NPROC of the user or kernel.pid_max";
  const message = `cannot start ${service}: cannot ${attempt}: ${errnoText(EAGAIN)} (the limit of processes is reached: ${limits})`;
  return { code: "cannot-start", message, isTemporary: true };
}

export function notFound(launch: Launch, errno: number): LaunchFailure {
  const where = launch.program.includes(SLASH) ? errnoText(ENOENT) : "not found in PATH";
  return {
    code: "not-found",
    message: `cannot execute ${quote(launch.program)}: ${where}`,
    errno,
    service: launch.service,
  };
}

/** `file` is where the path leads from here. */
export function cannotExecute(
  kernel: Kernel,
  { service, path, file, errno }: { service: string; path: Uint8Array; file: Uint8Array; errno: number },
): LaunchFailure {
  if (errno === EAGAIN) return noProcess(service, "make a process");
  const reason = explain(kernel, file, errno) ?? errnoText(errno);
  return { code: "not-executable", message: `cannot execute ${quote(path)}: ${reason}`, errno, service };
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
