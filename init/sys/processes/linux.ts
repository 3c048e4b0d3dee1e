// The calls about other processes of a real run. Files that few starts need are loaded at their first use.

import { originalMask } from "../first.ts";
import type { ProcessCalls } from "./kernel.ts";
import { hasChildren, processGroup, reap } from "./processes.ts";
import { spawn } from "./spawn.ts";

const detaching = () => require("./detach.ts") as typeof import("./detach.ts");
const processList = () => require("./process-list.ts") as typeof import("./process-list.ts");

export const processCalls: ProcessCalls = {
  spawn: (request) => spawn(request, originalMask),
  reap,
  nextChanged: () => processList().nextChanged(),
  hasChildren,
  detach: (pid, signal) => detaching().detach(pid, signal),
  processGroup,
  openProcess: (pid) => processList().openProcess(pid),
  processes: (most) => processList().processes(most),
  variableOf: (pid, name) => processList().variableOf(pid, name),
  commandOf: (pid) => processList().shortCommandOf(pid),
  pipeHolders: (pipe) => processList().pipeHolders(pipe),
};
