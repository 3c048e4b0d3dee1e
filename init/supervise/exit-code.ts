// The exit code of a process, from wait(2)'s status. Pure.

/** wait(2)'s status as a shell says it: the exit status, or 128 + n after signal n. */
export function exitCode(status: number): number {
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}
