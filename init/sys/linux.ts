// The Kernel of a real run, put together from the calls of each room.

import { descriptorCalls } from "./descriptors/linux.ts";
import type { Kernel } from "./kernel.ts";
import { pathCalls } from "./paths/linux.ts";
import { processCalls } from "./processes/linux.ts";
import { selfCalls } from "./self/linux.ts";
import { signalCalls } from "./signals/linux.ts";
import { socketCalls } from "./sockets/linux.ts";
import { terminalCalls } from "./terminal/linux.ts";

export const linux: Kernel = {
  ...descriptorCalls,
  ...pathCalls,
  ...socketCalls,
  ...processCalls,
  ...selfCalls,
  ...signalCalls,
  ...terminalCalls,
};
