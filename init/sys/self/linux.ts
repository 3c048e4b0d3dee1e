// The calls about fdinit's own process of a real run. Files that few starts need are loaded at their first use.

import { commandLineArgument, environmentVariable } from "./command-line.ts";
import type { SelfCalls } from "./kernel.ts";
import { nofile, setNofile } from "./limits.ts";
import { now, ownPid, setSubreaper } from "./process.ts";
import { workingDirectoryOutside } from "./working-directory.ts";

const ownProcess = () => require("./own-process.ts") as typeof import("./own-process.ts");
const identity = () => require("./identity.ts") as typeof import("./identity.ts");
const capabilities = () => require("./capabilities.ts") as typeof import("./capabilities.ts");

export const selfCalls: SelfCalls = {
  pid: ownPid(),
  commandLineArgument,
  environmentVariable,
  ownCredentials: () => identity().ownCredentials(),
  mayChangeGroups: (groups) => identity().mayChangeGroups(groups),
  dropCapabilities: (keep) => capabilities().dropCapabilities(keep),
  maySignal: (uid) => capabilities().maySignal(uid),
  nofile,
  setNofile,
  setSubreaper,
  isSubreaper: () => ownProcess().isSubreaper(),
  setParentDeathSignal: (signal) => ownProcess().setParentDeathSignal(signal),
  isOrphaned: () => ownProcess().isOrphaned(),
  changeDirectory: (path) => ownProcess().changeDirectory(path),
  workingDirectoryOutside,
  now,
};
