// The requests of the rooms above to the kernel, as one interface made of those of the rooms of sys/, with the plain data that
// passes between them. No code that runs: launch/ and supervise/ are given a Kernel, and unit tests a fake.
//
// A method that can fail answers a negated errno, as the kernel does (-EBADF); it never throws and
// never logs. The caller words the failure.

import type { DescriptorCalls } from "./descriptors/kernel.ts";
import type { PathCalls } from "./paths/kernel.ts";
import type { ProcessCalls } from "./processes/kernel.ts";
import type { SelfCalls } from "./self/kernel.ts";
import type { SignalCalls } from "./signals/kernel.ts";
import type { SocketCalls } from "./sockets/kernel.ts";
import type { TerminalCalls } from "./terminal/kernel.ts";

export type { Inspection, LinesWritten, StartedAs, Watched, Whose } from "./descriptors/kernel.ts";
export type { OpenedFile, PathFailure } from "./paths/kernel.ts";
export type {
  Arguments,
  ChangedProcess,
  ChildEnd,
  ChildStage,
  PipeHolder,
  PipeHolders,
  ProcessFacts,
  ProcessList,
  ProgramLimit,
  SpawnFailure,
  SpawnRequest,
} from "./processes/kernel.ts";
export type { CapabilitySets, Credentials, ResourceLimit } from "./self/kernel.ts";
export type { ReceivedSignal, SignalRoute, SignalSet } from "./signals/kernel.ts";
export type {
  PeerCredentials,
  ReceivedMessage,
  SocketAddress,
  SocketFile,
} from "./sockets/kernel.ts";
export type { TerminalFacts } from "./terminal/kernel.ts";

export interface Kernel
  extends DescriptorCalls,
    PathCalls,
    SocketCalls,
    ProcessCalls,
    SelfCalls,
    SignalCalls,
    TerminalCalls {}
