// The words of glibc's strerror(3) and strsignal(3), which the other inits put into their messages. Pure.

import type { LaunchFailure } from "../../launch/result.ts";
import { errnoText } from "../../sys/libc/errno.ts";
import { RTMIN } from "../../sys/signals/signal-names.ts";

/** The errno that execvp(3) would have left, when the program itself could not be executed; undefined of every other failure. */
export function execErrno({ stage, errno }: LaunchFailure): number | undefined {
  return stage === "find-program" || stage === "execute" ? errno : undefined;
}

/** `No such file or directory`. */
export function errorInWords(errno: number): string {
  const text = errnoText(errno);
  const words = text.slice(text.indexOf(": ") + 2);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** In the order of their numbers, from 1 (signal(7); the same on x86-64 and arm64). */
const SIGNALS = `Hangup|Interrupt|Quit|Illegal instruction|Trace/breakpoint trap|Aborted|Bus error|\
Floating point exception|Killed|User defined signal 1|Segmentation fault|User defined signal 2|Broken pipe|\
Alarm clock|Terminated|Stack fault|Child exited|Continued|Stopped (signal)|Stopped|Stopped (tty input)|\
Stopped (tty output)|Urgent I/O condition|CPU time limit exceeded|File size limit exceeded|\
Virtual timer expired|Profiling timer expired|Window changed|I/O possible|Power failure|Bad system call`;

/** `Terminated`. */
export function signalInWords(signal: number): string {
  if (signal >= RTMIN) return `Real-time signal ${signal - RTMIN}`;
  return SIGNALS.split("|")[signal - 1] ?? `Unknown signal ${signal}`;
}
