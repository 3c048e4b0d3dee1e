// `fdinit status | start | stop | restart | reload | signal | health`: the subcommands that speak to a running fdinit.

import type { Kernel } from "../../sys/kernel.ts";
import { EXIT_UNAVAILABLE } from "../exit-codes.ts";
import type { SubcommandLine } from "../invocation.ts";
import type { Outcome } from "../output/print.ts";
import { Client } from "./client.ts";
import { findSocket } from "./find-socket.ts";
import { health } from "./health.ts";
import { type Change, change, reload, sendSignal } from "./requests.ts";
import { status } from "./status.ts";

/** `own`: the signalfd comes first. */
export function control(
  kernel: Kernel,
  line: SubcommandLine,
  [signalFd]: readonly [number, ...number[]],
): Outcome {
  const found = findSocket(kernel, line);
  const client = found.socket === undefined ? undefined : new Client(kernel, signalFd, found.socket);
  if (line.do === "status") return status(kernel, line, client, found);
  if (line.do === "health") return health(kernel, line, client, found);
  if (!client) return { code: EXIT_UNAVAILABLE, complaint: found.why };
  if (line.do === "reload") return reload(client, line.operands);
  if (line.do === "signal") return sendSignal(client, line.operands);
  return change(kernel, client, line.do as Change, line);
}
