// Finds the program and starts it: PATH searched as execvp(3) does, a script without "#!" run by
// /bin/sh as execvp(3) does, and a failure said in the words of a person who has to mend it.

import type { Launch } from "../plan/plan.ts";
import { bytesOf, concatenate, split, textOf } from "../sys/bytes.ts";
import { STDIN_FILENO } from "../sys/constants.ts";
import { EACCES, ENOENT, ENOEXEC, ENOTDIR, errnoText } from "../sys/errno.ts";
import type { Credentials, Kernel, SpawnFailure, SpawnRequest } from "../sys/kernel.ts";
import type { LaunchFailure, LaunchResult } from "./launch.ts";

/** Searched when PATH is not set at all: what Docker sets in an image that says nothing. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const SLASH = 0x2f;
const COLON = 0x3a;

/** Starts it with these descriptors and, when it has a user, as that user. */
export function startProgram(
  kernel: Kernel,
  launch: Launch,
  pass: SpawnRequest["pass"],
  credentials: Credentials | undefined,
): LaunchResult {
  const wish = wishOf(launch, pass, credentials);
  const cwdProblem = launch.cwd === undefined ? 0 : kernel.canExecute(bytesOf(launch.cwd));
  if (cwdProblem < 0) return { ok: false, failure: cannotEnter(launch.cwd ?? "", -cwdProblem) };
  let obstacle: { path: Uint8Array; errno: number } | undefined;
  let missing = ENOENT;
  const paths = candidates(kernel, launch);
  for (const path of paths) {
    // Of several, each is asked about first, because a failing start costs a process; what that answers is the truth, though.
    const executable = paths.length === 1 ? 0 : kernel.canExecute(within(launch.cwd, path));
    if (executable === -ENOENT || executable === -ENOTDIR) {
      missing = -executable;
      continue;
    }
    const result = spawnAt(kernel, path, wish);
    if (typeof result !== "number") return { ok: false, failure: cannotPrepare(launch, result) };
    const errno = -result;
    if (errno < 0) return { ok: true, pid: -errno, service: launch.service, afterwards: [] };
    if (errno === ENOENT || errno === ENOTDIR) {
      missing = errno;
      // There, yet "no such file": what it needs to run is not. A later directory may hold a better one.
      if (kernel.canExecute(within(launch.cwd, path)) === 0) obstacle ??= { path, errno };
    } else {
      obstacle = { path, errno };
      if (errno !== EACCES) break;
    }
  }
  return {
    ok: false,
    failure: obstacle ? cannotExecute(kernel, launch, obstacle) : notFound(launch, missing),
  };
}

/** Everything about a start but the path that is tried. */
type Wish = Omit<SpawnRequest, "path" | "byShell">;

/** What a launch says and a request does not; the terminal is known by another name there. */
const NOT_ASKED = ["service", "program", "devNullAsStdin", "terminal", "user", "groups"];

/**
 * Names only what there is: sys/ starts a request that asks for nothing more by posix_spawn(3). In a loop, because
 * the engine's `{ service, ...rest } = launch` costs a start one hundredth of its time.
 */
function wishOf(launch: Launch, pass: SpawnRequest["pass"], credentials: Credentials | undefined): Wish {
  const wish: Record<string, unknown> = {};
  for (const key in launch) if (!NOT_ASKED.includes(key)) wish[key] = launch[key as keyof Launch];
  wish["pass"] = pass;
  if (launch.terminal) wish["terminal"] = STDIN_FILENO;
  if (credentials) wish["credentials"] = credentials;
  return wish as unknown as Wish;
}

function spawnAt(kernel: Kernel, path: Uint8Array, wish: Wish): number | SpawnFailure {
  const request: SpawnRequest = { ...wish, path, byShell: false };
  const result = kernel.spawn(request);
  return result === -ENOEXEC ? kernel.spawn({ ...request, byShell: true }) : result;
}

/** The paths to try, in order: the program itself when it has a slash, else one for each directory of PATH. */
function candidates(kernel: Kernel, { program, environment }: Launch): Uint8Array[] {
  if (program.length === 0) return [];
  if (program.includes(SLASH)) return [program];
  const path = searchPath(kernel, environment["PATH"]);
  const paths: Uint8Array[] = [];
  for (const directory of split(path, COLON)) {
    paths.push(directory.length === 0 ? program : concatenate(directory, Uint8Array.of(SLASH), program));
  }
  return paths;
}

function searchPath(kernel: Kernel, given: string | undefined): Uint8Array {
  return given === undefined ? (kernel.environmentVariable("PATH") ?? bytesOf(DEFAULT_PATH)) : bytesOf(given);
}

/** Where a relative path leads once the child has changed its directory. */
function within(cwd: string | undefined, path: Uint8Array): Uint8Array {
  return cwd === undefined || path[0] === SLASH ? path : concatenate(bytesOf(`${cwd}/`), path);
}

function cannotEnter(cwd: string, errno: number): LaunchFailure {
  const message = `cannot change to the working directory ${JSON.stringify(cwd)} (chdir): ${errnoText(errno)}`;
  return { code: "cannot-start", message };
}

/** A step between clone and execve failed: the program was never looked at. */
function cannotPrepare({ service }: Launch, { attempt, errno }: SpawnFailure): LaunchFailure {
  return { code: "cannot-start", message: `cannot start ${service}: cannot ${attempt}: ${errnoText(errno)}` };
}

function notFound(launch: Launch, errno: number): LaunchFailure {
  const where = launch.program.includes(SLASH) ? errnoText(ENOENT) : "not found in PATH";
  return { code: "not-found", message: `cannot execute ${quote(launch.program)}: ${where}`, errno };
}

function cannotExecute(
  kernel: Kernel,
  launch: Launch,
  at: { path: Uint8Array; errno: number },
): LaunchFailure {
  const reason = explain(kernel, within(launch.cwd, at.path), at.errno) ?? errnoText(at.errno);
  const message = `cannot execute ${quote(at.path)}: ${reason}`;
  return { code: "not-executable", message, errno: at.errno };
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
