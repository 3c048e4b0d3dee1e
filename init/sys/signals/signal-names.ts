// Names of signals (signal(7); x86-64 and arm64 have the same numbers). Pure data: every room may import it.
// `RTMIN` is 34 and `RTMAX` 64, as glibc, systemd and the shells count.

export const RTMIN = 34;
export const RTMAX = 64;

/** In the order of their numbers, from 1. */
export const SIGNAL_NAMES =
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS";

/** `SIGTERM`, `SIGRTMIN+3`; the number itself for what has no name. */
export function signalName(signal: number): string {
  if (signal >= RTMIN && signal <= RTMAX) return signal === RTMIN ? "SIGRTMIN" : `SIGRTMIN+${signal - RTMIN}`;
  const name = SIGNAL_NAMES.split(" ")[signal - 1];
  return name === undefined ? `signal ${signal}` : `SIG${name}`;
}
