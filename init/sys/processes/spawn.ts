// Starts a program. posix_spawn(3) starts a plain one. A program with a user, descriptors or limits of its own is started
// by a list of system calls that the child carries out (child.ts). Both are a vfork: the cost does not grow with this
// process's memory, and no JavaScript ever runs in the child.

import { spawnPlain } from "../engine/child.ts";
import type { Image } from "../engine/image.ts";
import { environmentIsChanged, programDispositions, programEnvironment } from "../engine/process.ts";
import { type Bytes, bytesAt, cString, keepAlive, pointers } from "../libc/libc.ts";
import {
  argumentCount,
  argumentVectorFrom,
  commandLineArgument,
  environmentAddress,
  variableName,
} from "../self/command-line.ts";
import type { SignalSet } from "../signals/kernel.ts";
import type { Arguments, SpawnFailure, SpawnRequest } from "./kernel.ts";

// Most starts need neither.
const child = () => require("./child.ts") as typeof import("./child.ts");
const childLists = () => require("./child-calls.ts") as typeof import("./child-calls.ts");

/** Starts a program with the signal mask `mask`: its pid, execve's negated errno, or what failed before. */
export function spawn(request: SpawnRequest, mask: SignalSet): number | SpawnFailure {
  const path = cString(request.byShell ? "/bin/sh" : request.path);
  const argv = argumentVector(request);
  const envp = environmentVector(request);
  const image = { path: path.address, argv: argv.address, envp: envp.address };
  const result =
    isPlain(request) && programDispositions().ignored.length === 0
      ? spawnPlain(image, mask, request.group === "own")
      : spawnByList(image, request, envp, mask);
  keepAlive(path, ...argv.holds, ...envp.holds);
  return result;
}

const OF_EVERY_PROGRAM = ["path", "arguments", "byShell", "environment", "withoutVariables", "pass", "group"];

/** True when nothing but the program, its words, its variables and a process group is asked for. */
function isPlain(request: SpawnRequest): boolean {
  if (request.pass.length > 0 || request.group === "session") return false;
  for (const key in request) if (!OF_EVERY_PROGRAM.includes(key)) return false;
  return true;
}

function spawnByList(
  image: Image,
  request: SpawnRequest,
  envp: Vector,
  mask: SignalSet,
): number | SpawnFailure {
  const { calls, holds } = childLists().childCalls(request, mask, image);
  const pidText =
    request.pidVariable === undefined ? [] : [{ name: request.pidVariable, slot: envp.lastSlot }];
  const list = [...pidText, ...calls];
  const result = child().runChild(list);
  keepAlive(...holds);
  if (typeof result === "number") return result;
  const { index, ...failure } = result;
  return index === list.length - 1 ? -failure.errno : failure;
}

/** A NULL-terminated array of C strings, with what it points to. */
interface Vector {
  readonly address: number;
  readonly holds: readonly Bytes[];
  /** Where the address of the last string stands. */
  readonly lastSlot: number;
}

function vectorOf(addresses: readonly number[], holds: readonly Bytes[]): Vector {
  const block = pointers(addresses);
  const lastSlot = block.address + 8 * (addresses.length - 1);
  return { address: block.address, holds: [block, ...holds], lastSlot };
}

function argumentVector(request: SpawnRequest): Pick<Vector, "address" | "holds"> {
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
  if ("commandLineAt" in given) return given.commandLineAt.map(commandLineArgument);
  const words: Uint8Array[] = [];
  for (let index = given.commandLineFrom; index < argumentCount; index++)
    words.push(commandLineArgument(index));
  return words;
}

function environmentVector({ environment, withoutVariables = [], pidVariable }: SpawnRequest): Vector {
  const names = Object.keys(environment);
  const isAsItIs = names.length === 0 && withoutVariables.length === 0 && pidVariable === undefined;
  if (isAsItIs && !environmentIsChanged()) return { address: environmentAddress, holds: [], lastSlot: 0 };
  const gone = [...names, ...withoutVariables, ...(pidVariable === undefined ? [] : [pidVariable])];
  const addresses = programEnvironment().filter((address) => !gone.includes(variableName(bytesAt(address))));
  const blocks = names.map((name) => cString(`${name}=${environment[name]}`));
  // The child itself puts the address of its pid's text in the last place.
  const last = pidVariable === undefined ? [] : [environmentAddress];
  return vectorOf([...addresses, ...blocks.map((block) => block.address), ...last], blocks);
}
