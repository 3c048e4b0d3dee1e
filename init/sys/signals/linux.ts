// The calls about signals of a real run. Files that few starts need are loaded at their first use.

import type { SignalCalls } from "./kernel.ts";
import { kill, queue, takeSignals, waitForSignal } from "./signals.ts";

const processList = () =>
  require("../processes/process-list.ts") as typeof import("../processes/process-list.ts");

export const signalCalls: SignalCalls = {
  waitForSignal,
  takeSignals,
  kill,
  queue,
  signalProcess: (process, signal) => processList().signalProcess(process, signal),
};
