// The Kernel of a real run, put together from the files of this room. Files that few starts need are evaluated
// at their first use.

import { commandLineArgument, environmentVariable } from "./command-line.ts";
import {
  canCloseRange,
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
import { originalMask } from "./first.ts";
import type { Kernel } from "./kernel.ts";
import { canExecute, openFile, pathMode, readPath, readSource } from "./paths.ts";
import {
  hasChildren,
  isOwnTerminal,
  nofile,
  now,
  ownPid,
  processGroup,
  reap,
  setNofile,
  setSubreaper,
} from "./processes.ts";
import { kill, queue, takeSignals, waitForSignal } from "./signals.ts";
import { spawn } from "./spawn.ts";
import { workingDirectoryOutside } from "./working-directory.ts";

const opening = () => (require("./open.ts") as typeof import("./open.ts")).opening;
const polling = () => require("./polling.ts") as typeof import("./polling.ts");
const terminals = () => require("./terminal.ts") as typeof import("./terminal.ts");
const ownProcess = () => require("./own-process.ts") as typeof import("./own-process.ts");
const identity = () => require("./identity.ts") as typeof import("./identity.ts");
const capabilities = () => require("./capabilities.ts") as typeof import("./capabilities.ts");
const processList = () => require("./process-list.ts") as typeof import("./process-list.ts");

export const linux: Kernel = {
  closeRange,
  canCloseRange,
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
  openFile,
  makePipe: () => opening().makePipe(),
  makeSocketPair: (type) => opening().makeSocketPair(type),
  makeMemoryFile: (name, content) => opening().makeMemoryFile(name, content),
  makeSocket: (domain, type) => opening().makeSocket(domain, type),
  setSocketOption: (fd, level, option, value) => opening().setSocketOption(fd, level, option, value),
  bind: (fd, address) => opening().bind(fd, address),
  listen: (fd, backlog) => opening().listen(fd, backlog),
  bindPath: (fd, path, wanted) =>
    (require("./path-sockets.ts") as typeof import("./path-sockets.ts")).bindPath(fd, path, wanted),
  changeDescriptorOwner: (fd, uid, gid) => opening().changeDescriptorOwner(fd, uid, gid),
  classify: (fd) => (require("./classify.ts") as typeof import("./classify.ts")).classify(fd),
  inspect: (pid) => (require("./inspect.ts") as typeof import("./inspect.ts")).inspect(pid),
  workingDirectoryOutside,
  nofile,
  setNofile,
  setSubreaper,
  isSubreaper: () => ownProcess().isSubreaper(),
  setParentDeathSignal: (signal) => ownProcess().setParentDeathSignal(signal),
  changeDirectory: (path) => ownProcess().changeDirectory(path),
  dropCapabilities: (keep) => capabilities().dropCapabilities(keep),
  // Few have one, and every start asks.
  terminal: (fd) => (isOwnTerminal(fd) ? terminals().terminal(fd) : undefined),
  setForeground: (fd, group) => terminals().setForeground(fd, group),
  controllingTerminal: () => terminals().controllingTerminal(),
  releaseTerminal: (fd) => terminals().releaseTerminal(fd),
  ownCredentials: () => identity().ownCredentials(),
  mayChangeGroups: (groups) => identity().mayChangeGroups(groups),
  canExecute,
  pathMode,
  readFile: readPath,
  listFolder: (path) => (require("./folders.ts") as typeof import("./folders.ts")).listFolder(path),
  readSource,
  environmentVariable,
  commandLineArgument,
  spawn: (request) => spawn(request, originalMask),
  now,
  waitReadable: (fds, timeoutMs) => polling().waitReadable(fds, timeoutMs),
  takeSignals,
  waitForSignal,
  reap,
  nextChanged: () => processList().nextChanged(),
  hasChildren,
  detach: (pid, signal) => ownProcess().detach(pid, signal),
  kill,
  queue,
  signalProcess: (process, signal) => processList().signalProcess(process, signal),
  maySignal: (uid) => capabilities().maySignal(uid),
  processGroup,
  isOrphaned: () => ownProcess().isOrphaned(),
  processes: (most) => processList().processes(most),
  commandOf: (pid) => processList().shortCommandOf(pid),
  pipeHolders: (pipe) => processList().pipeHolders(pipe),
  pid: ownPid(),
  isAtEnd: (fd) => polling().isAtEnd(fd),
  writeFile: (path, text) => opening().writeFile(path, text),
  writeNow: (fd, text) => (require("./writing.ts") as typeof import("./writing.ts")).writeNow(fd, text),
  write: (fd, text) => polling().write(fd, text),
};
