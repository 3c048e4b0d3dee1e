// posix_spawn(3): the only way a process is started. libc makes it a vfork, so the cost does not
// grow with this process's memory, and nothing of JavaScript ever runs in the child.

import {
  argumentCount,
  argumentVectorFrom,
  commandLineArgument,
  environmentAddress,
  variableName,
} from "./command-line.ts";
import { POSIX_SPAWN_SETSIGDEF, POSIX_SPAWN_SETSIGMASK, SIGCHLD, SIGPIPE, SIGXFSZ } from "./constants.ts";
import type { Arguments, SignalSet, SpawnRequest } from "./kernel.ts";
import { Block, bytesAt, cString, fileActions, libc, pointers } from "./libc.ts";
import { programEnvironment } from "./reexec.ts";
import { add } from "./signals.ts";

/**
 * posix_spawnattr_t as glibc and musl both lay it out: flags 0, pgroup 4, sigdefault 8, sigmask 136,
 * each sigset_t 128 bytes of which the kernel reads eight; the rest zero. A test compares it with both
 * libcs. Filled by hand, because each function of libc that a start uses costs it a twentieth of a millisecond.
 */
const ATTRIBUTES_SIZE = 512;
const SIGDEFAULT_OFFSET = 8;
const SIGMASK_OFFSET = 136;

// posix_spawn_file_actions_t is 80 bytes in both.
const FILE_ACTIONS_SIZE = 512;

/**
 * Set to default in the child: what Bun ignores (the original cannot be known), SIGCHLD (fdinit
 * cannot reap while it is ignored), and 32 and 33, which glibc's own posix_spawn leaves ignored.
 */
const DEFAULTED = [SIGPIPE, SIGXFSZ, SIGCHLD, 32, 33];

/**
 * Starts a program. `mask` is the signal mask it gets.
 * Answers the pid, or the negated errno of the step that failed in libc or in the child.
 */
export function spawn(request: SpawnRequest, mask: SignalSet): number {
  const attributes = new Block(ATTRIBUTES_SIZE);
  attributes.view.setUint16(0, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF, true);
  const defaults = attributes.bytes.subarray(SIGDEFAULT_OFFSET);
  for (const signal of DEFAULTED) add(defaults, signal);
  attributes.bytes.set(mask, SIGMASK_OFFSET);
  if (request.pass.length === 0 && request.cwd === undefined) return spawnWith(request, 0, attributes);

  const actions = new Block(FILE_ACTIONS_SIZE);
  const cwd = cString(request.cwd ?? "");
  const failed =
    fileActions().posix_spawn_file_actions_init(actions.address) || addActions(actions, request, cwd);
  const result = failed === 0 ? spawnWith(request, actions.address, attributes) : -failed;
  fileActions().posix_spawn_file_actions_destroy(actions.address);
  keepAlive(actions, cwd);
  return result;
}

function addActions(actions: Block, request: SpawnRequest, cwd: Block): number {
  const { posix_spawn_file_actions_adddup2, posix_spawn_file_actions_addchdir_np } = fileActions();
  for (const { from, to } of request.pass) {
    const failed = posix_spawn_file_actions_adddup2(actions.address, from, to);
    if (failed !== 0) return failed;
  }
  return request.cwd === undefined ? 0 : posix_spawn_file_actions_addchdir_np(actions.address, cwd.address);
}

function spawnWith(request: SpawnRequest, actions: number, attributes: Block): number {
  const pid = new Block(4);
  const path = cString(request.byShell ? "/bin/sh" : request.path);
  const argv = argumentVector(request);
  const envp = environmentVector(request.environment);
  const failed = libc.posix_spawn(
    pid.address,
    path.address,
    actions,
    attributes.address,
    argv.address,
    envp.address,
  );
  // Named here so that nothing C was reading is collected before the call is over.
  keepAlive(attributes, path, argv, envp);
  return failed === 0 ? pid.view.getInt32(0, true) : -failed;
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
  const { isChanged, strings } = programEnvironment();
  if (names.length === 0 && !isChanged) return { address: environmentAddress, holds: [] };
  const addresses = strings.filter((address) => !names.includes(variableName(bytesAt(address))));
  const blocks = names.map((name) => cString(`${name}=${changes[name]}`));
  return vectorOf([...addresses, ...blocks.map((block) => block.address)], blocks);
}

function keepAlive(..._values: unknown[]): void {}
