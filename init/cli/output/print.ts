// Reports: whole texts on standard output and standard error, waiting where the reader makes them wait.

import type { Kernel } from "../../sys/kernel.ts";
import { STDERR_FILENO, STDOUT_FILENO } from "../../sys/libc/constants.ts";
import { errnoText } from "../../sys/libc/errno.ts";
import { EXIT_SOFTWARE } from "../exit-codes.ts";
import type { Message } from "./say.ts";

/** The result of a subcommand: its exit code, and perhaps a complaint for standard error. */
export interface Outcome {
  readonly code: number;
  readonly complaint?: Message;
}

/** Writes `text` to standard output; `code` is what a report that could be written ends with. */
export function print(kernel: Kernel, text: string, code = 0): Outcome {
  const failed = kernel.write(STDOUT_FILENO, text);
  return failed < 0
    ? { code: EXIT_SOFTWARE, complaint: `cannot write to standard output: ${errnoText(-failed)}` }
    : { code };
}

/** Writes lines of a report to standard error; unlike `say` it loses none, because no program waits for it. */
export function printError(kernel: Kernel, text: string): void {
  kernel.write(STDERR_FILENO, text);
}
