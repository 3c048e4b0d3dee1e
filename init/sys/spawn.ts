// posix_spawn(3): the only way a process is started. libc makes it a vfork, so the cost does not
// grow with this process's memory, and nothing of JavaScript ever runs in the child.

import {
  argumentCount,
  argumentVectorFrom,
  commandLineArgument,
  environmentAddress,
  environmentStrings,
  variableName,
} from "./command-line.ts";
import { POSIX_SPAWN_SETSIGDEF, POSIX_SPAWN_SETSIGMASK, SIGCHLD, SIGPIPE, SIGXFSZ } from "./constants.ts";
import type { Arguments, SignalSet, SpawnRequest } from "./kernel.ts";
import { Block, bytesAt, cString, libc, pointers } from "./libc.ts";
import { maskBeforeReexec, REEXEC_VARIABLE } from "./reexec.ts";
import { add } from "./signals.ts";

// Both libcs' posix_spawnattr_t (336 bytes) and posix_spawn_file_actions_t (80) fit.
const OPAQUE_SIZE = 512;
// sigset_t is 128 bytes in both; the kernel reads the first eight.
const SIGSET_T_SIZE = 128;

/**
 * Set to default in the child: what Bun ignores (the original cannot be known), SIGCHLD (fdinit
 * cannot reap while it is ignored), and 32 and 33, which glibc's own posix_spawn leaves ignored.
 * sigaddset(3) refuses the last two, hence the bits by hand.
 */
const DEFAULTED = [SIGPIPE, SIGXFSZ, SIGCHLD, 32, 33];

/**
 * Starts a program. `mask` is the signal mask it gets.
 * Answers the pid, or the negated errno of the step that failed in libc or in the child.
 */
export function spawn(request: SpawnRequest, mask: SignalSet): number {
  const attributes = new Block(OPAQUE_SIZE);
  const actions = new Block(OPAQUE_SIZE);
  const sets = new Block(2 * SIGSET_T_SIZE);
  const pid = new Block(4);
  const path = cString(request.byShell ? "/bin/sh" : request.path);
  const cwd = request.cwd === undefined ? undefined : cString(request.cwd);
  const argv = argumentVector(request);
  const envp = environmentVector(request.environment);

  sets.bytes.set(mask);
  const defaults = sets.bytes.subarray(SIGSET_T_SIZE);
  for (const signal of DEFAULTED) add(defaults, signal);

  const failed =
    libc.posix_spawnattr_init(attributes.address) ||
    libc.posix_spawnattr_setflags(attributes.address, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) ||
    libc.posix_spawnattr_setsigmask(attributes.address, sets.address) ||
    libc.posix_spawnattr_setsigdefault(attributes.address, sets.address + SIGSET_T_SIZE) ||
    libc.posix_spawn_file_actions_init(actions.address) ||
    addActions(actions.address, request, cwd) ||
    libc.posix_spawn(
      pid.address,
      path.address,
      actions.address,
      attributes.address,
      argv.address,
      envp.address,
    );
  libc.posix_spawn_file_actions_destroy(actions.address);
  // Named here so that nothing C was reading is collected before the call is over.
  keepAlive(path, cwd, argv, envp);
  return failed === 0 ? pid.view.getInt32(0, true) : -failed;
}

function addActions(actions: number, request: SpawnRequest, cwd: Block | undefined): number {
  for (const { from, to } of request.pass) {
    const failed = libc.posix_spawn_file_actions_adddup2(actions, from, to);
    if (failed !== 0) return failed;
  }
  return cwd ? libc.posix_spawn_file_actions_addchdir_np(actions, cwd.address) : 0;
}

/** A NULL-terminated array of C strings, with what it points to. */
interface Vector {
  readonly address: number;
  readonly holds: readonly Block[];
}

function vectorOf(addresses: readonly number[], holds: readonly Block[]): Vector {
  const block = pointers(addresses);
  return { address: block.address, holds: [block, ...holds] };
}

function argumentVector(request: SpawnRequest): Vector {
  const given = request.arguments;
  if (!request.byShell && "commandLineFrom" in given) {
    return { address: argumentVectorFrom(given.commandLineFrom), holds: [] };
  }
  const words = argumentBytes(given);
  // execvp(3): sh, the file found, and the arguments after argv[0]
  const blocks = (request.byShell ? ["/bin/sh", request.path, ...words.slice(1)] : words).map(cString);
  return vectorOf(
    blocks.map((block) => block.address),
    blocks,
  );
}

function argumentBytes(given: Arguments): (string | Uint8Array)[] {
  if ("words" in given) return [...given.words];
  const words: Uint8Array[] = [];
  for (let index = given.commandLineFrom; index < argumentCount; index++)
    words.push(commandLineArgument(index));
  return words;
}

function environmentVector(changes: Readonly<Record<string, string>>): Vector {
  const names = Object.keys(changes);
  if (names.length === 0 && !maskBeforeReexec()) return { address: environmentAddress, holds: [] };
  const addresses: number[] = [];
  for (const address of environmentStrings()) {
    const name = variableName(bytesAt(address));
    if (!names.includes(name) && name !== REEXEC_VARIABLE) addresses.push(address);
  }
  const blocks = names.map((name) => cString(`${name}=${changes[name]}`));
  return vectorOf([...addresses, ...blocks.map((block) => block.address)], blocks);
}

function keepAlive(..._values: unknown[]): void {}
