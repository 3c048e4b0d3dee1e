// The Kernel of a real run, put together from the files of this room.

import { classify } from "./classify.ts";
import { commandLineArgument, environmentVariable } from "./command-line.ts";
import {
  close,
  closeOnExec,
  closeRange,
  descriptorFlags,
  descriptorInfo,
  descriptorLink,
  descriptorMode,
  duplicateAbove,
  duplicateOnto,
  listDescriptors,
  openDevNull,
} from "./descriptors.ts";
import { canExecute, readFile } from "./files.ts";
import { originalMask } from "./first.ts";
import type { Kernel, SpawnRequest } from "./kernel.ts";
import { waitReadable, write, writeNow } from "./polling.ts";
import { nofile, ownPid, processGroup, reap, setNofile, setSubreaper } from "./processes.ts";
import { workingDirectoryOutside } from "./root.ts";
import { allSignals, kill, queue, setMask, takeSignals } from "./signals.ts";
import { spawn } from "./spawn.ts";

export const linux: Kernel = {
  closeRange,
  close,
  descriptorFlags,
  closeOnExec,
  duplicateAbove,
  duplicateOnto,
  openDevNull,
  listDescriptors,
  descriptorMode,
  descriptorLink,
  descriptorInfo,
  classify,
  // No start needs it.
  inspect: (pid) => (require("./inspect.ts") as typeof import("./inspect.ts")).inspect(pid),
  workingDirectoryOutside,
  nofile,
  setNofile,
  setSubreaper,
  canExecute,
  readFile,
  environmentVariable,
  commandLineArgument,
  spawn: spawnAndBlockAgain,
  waitReadable,
  takeSignals,
  reap,
  kill,
  queue,
  processGroup,
  pid: ownPid(),
  writeNow,
  write,
};

/** musl's posix_spawn leaves signal 34 unblocked (runtime-signals.ts). */
function spawnAndBlockAgain(request: SpawnRequest): number {
  const result = spawn(request, originalMask);
  setMask(allSignals());
  return result;
}
