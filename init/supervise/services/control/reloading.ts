// The obstacles to asking a service to reload. Programs reload by SIGHUP where the policy names no other signal, and SIGHUP ends a
// program that has nothing for it (signal(7)): the kernel is asked what would become of it. A signal that the policy
// names is sent as it is.

import type { Kernel } from "../../../sys/kernel.ts";
import { SIGHUP } from "../../../sys/libc/constants.ts";
import { textOf } from "../../../sys/text/bytes.ts";
import { type Refused, refused } from "./protocol.ts";

const LONGEST_STATUS = 16_384;

export function obstacleToReload(kernel: Kernel, service: string, pid: number): Refused | undefined {
  const path = `/proc/${pid}/status`;
  const bytes = kernel.readFile(path, LONGEST_STATUS);
  const status = typeof bytes === "number" ? "" : textOf(bytes);
  // A blocked signal is taken by sigwait(3) or signalfd(2), even where it is ignored as well.
  if (holds(/^SigCgt:(.*)$/m.exec(status), SIGHUP)) return undefined;
  if (holds(/^SigBlk:(.*)$/m.exec(status), SIGHUP)) return undefined;
  let why =
    "has no handler for SIGHUP, which would end it; a program that has just started may not have it yet";
  if (holds(/^SigIgn:(.*)$/m.exec(status), SIGHUP)) why = "ignores SIGHUP";
  else if (status === "") why = `may have no handler for SIGHUP, which would end it: ${path} cannot be read`;
  const fix = `name the signal that it reloads by as \`reload\` in the policy, or use \`fdinit restart ${service}\``;
  return refused("no-reload", `${service} (process ${pid}) ${why}: ${fix}`);
}

/** Whether a line of proc_pid_status(5) has a signal in its set: hexadecimal digits, the highest signals first. */
function holds(line: RegExpExecArray | null, signal: number): boolean {
  const digit = Number.parseInt(line?.[1]?.at(-1 - ((signal - 1) >> 2)) ?? "", 16);
  return ((digit >> ((signal - 1) & 3)) & 1) === 1;
}
