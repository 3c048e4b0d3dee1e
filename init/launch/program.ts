// Finds the program and starts it: searches PATH as execvp(3) does, and has /bin/sh run a script without "#!", as
// execvp(3) does. failures.ts words a failure.

import type { Launch } from "../plan/plan.ts";
import type { Credentials, Kernel, SpawnFailure, SpawnRequest } from "../sys/kernel.ts";
import { STDIN_FILENO } from "../sys/libc/constants.ts";
import { EACCES, ENOENT, ENOEXEC, ENOTDIR } from "../sys/libc/errno.ts";
import { bytesOf, concatenate, SLASH, split } from "../sys/text/bytes.ts";
import type { LaunchResult } from "./result.ts";

/** The directories that are searched when PATH is not set: those that Docker sets in an image without a PATH. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const COLON = 0x3a;

// Most programs start.
const failures = () => require("./failures.ts") as typeof import("./failures.ts");

/** Starts it with these descriptors and, when it has a user, as that user. */
export function startProgram(
  kernel: Kernel,
  launch: Launch,
  pass: SpawnRequest["pass"],
  credentials: Credentials | undefined,
): LaunchResult {
  const wish = wishOf(launch, pass, credentials);
  let obstacle: { path: Uint8Array; errno: number } | undefined;
  let missing = ENOENT;
  const paths = candidates(kernel, launch);
  for (const path of paths) {
    // Of several, each is asked about first, because a failing start costs a process; what that answers is the truth,
    // though. Not below the service's directory: whether that can be entered is for the child to find out, with its rights.
    const isAsked = paths.length > 1 && (launch.cwd === undefined || path[0] === SLASH);
    const executable = isAsked ? kernel.canExecute(path) : 0;
    if (executable === -ENOENT || executable === -ENOTDIR) {
      missing = -executable;
      continue;
    }
    const result = spawnAt(kernel, path, wish);
    if (typeof result !== "number") return { ok: false, failure: failures().cannotPrepare(launch, result) };
    const errno = -result;
    if (errno < 0) return { ok: true, pid: -errno, service: launch.service, afterwards: [] };
    if (errno === ENOENT || errno === ENOTDIR) {
      missing = errno;
      // The file exists, and execve says ENOENT: its interpreter or loader is missing. A later directory may hold another.
      if (kernel.canExecute(within(launch.cwd, path)) === 0) obstacle ??= { path, errno };
    } else {
      obstacle = { path, errno };
      if (errno !== EACCES) break;
    }
  }
  const { cannotExecute, notFound } = failures();
  if (!obstacle) return { ok: false, failure: notFound(launch, missing) };
  return {
    ok: false,
    failure: cannotExecute(kernel, {
      ...obstacle,
      service: launch.service,
      file: within(launch.cwd, obstacle.path),
    }),
  };
}

/** Everything about a start but the path that is tried. */
type Wish = Omit<SpawnRequest, "path" | "byShell">;

/** Keys of Launch that SpawnRequest does not have. SpawnRequest has the terminal under another name. */
const NOT_ASKED = [
  "service",
  "program",
  "devNullAsStdin",
  "devNullOutputs",
  "environmentFiles",
  "terminal",
  "user",
  "groups",
];

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
