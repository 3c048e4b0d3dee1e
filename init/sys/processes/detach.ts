// A child that fdinit is the tracer of, without having asked for it (PTRACE_TRACEME).

import { PTRACE_DETACH } from "../libc/constants.ts";
import { SYS, syscall } from "../libc/libc.ts";

/** Lets a child go that only this process traces (PTRACE_TRACEME), with the signal it stopped at; false when it is not traced by us. */
export function detach(pid: number, signal: number): boolean {
  return syscall(SYS.ptrace, PTRACE_DETACH, pid, 0, signal) === 0;
}
