// The calls about descriptors of a real run. Files that few starts need are loaded at their first use.

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
import type { DescriptorCalls } from "./kernel.ts";

const classifying = () => require("./classify.ts") as typeof import("./classify.ts");
const inspecting = () => require("./inspect.ts") as typeof import("./inspect.ts");
const making = () => require("./making.ts") as typeof import("./making.ts");
const polling = () => require("./polling.ts") as typeof import("./polling.ts");
const writing = () => require("./writing.ts") as typeof import("./writing.ts");

export const descriptorCalls: DescriptorCalls = {
  closeRange,
  canCloseRange,
  close,
  descriptorFlags,
  closeOnExec,
  duplicateOnto,
  duplicateAbove,
  openDevNull,
  makePipe: () => making().makePipe(),
  makeMemoryFile: (name, content) => making().makeMemoryFile(name, content),
  setNonBlocking: (fd) => making().setNonBlocking(fd),
  isSameOpenFile: (one, another) => making().isSameOpenFile(one, another),
  changeDescriptorOwner: (fd, uid, gid) => making().changeDescriptorOwner(fd, uid, gid),
  listDescriptors,
  descriptorMode,
  descriptorLink,
  descriptorInfo,
  classify: (fd, seen) => classifying().classify(fd, seen),
  inspect: (pid) => inspecting().inspect(pid),
  readMemoryFile: (pid, name, length) => inspecting().readMemoryFile(pid, name, length),
  isFdinit: (pid) => inspecting().isFdinit(pid),
  waitReadable: (fds, timeoutMs) => polling().waitReadable(fds, timeoutMs),
  waitReady: (watched, timeoutMs) => polling().waitReady(watched, timeoutMs),
  readNow: (fd, length) => polling().readNow(fd, length),
  isAtEnd: (fd) => polling().isAtEnd(fd),
  writeNow: (fd, text) => writing().writeNow(fd, text),
  writeLines: (fd, lines) => writing().writeLines(fd, lines),
  write: (fd, text) => polling().write(fd, text),
};
