// A try of an exec check: a command that is to end with code 0. The caller starts it and hears of its end; a command that
// takes longer than a try may is killed with its process group.

import type { Kernel, Watched } from "../../../sys/kernel.ts";
import { SIGKILL } from "../../../sys/libc/constants.ts";
import { errnoText } from "../../../sys/libc/errno.ts";
import type { Attempt, Outcome } from "./attempt.ts";

export class ExecAttempt implements Attempt {
  pid: number | undefined;
  private readonly kernel: Kernel;
  private readonly spawn: () => number;
  private isKilled = false;

  /** `spawn` starts the command: its pid, or a negated errno. */
  constructor(kernel: Kernel, spawn: () => number) {
    this.kernel = kernel;
    this.spawn = spawn;
  }

  start(): Outcome {
    const result = this.spawn();
    if (result <= 0) return `the command cannot be started: ${errnoText(-result)}`;
    this.pid = result;
    return undefined;
  }

  watched(): Watched | undefined {
    return undefined;
  }

  ready(): Outcome {
    return undefined;
  }

  /** It goes on until the killed command has ended, so that no two run at once. */
  late(): Outcome {
    this.isKilled = true;
    this.end();
    return undefined;
  }

  ended(status: number): Outcome {
    this.pid = undefined;
    if (this.isKilled) return "the command took too long and was killed";
    if (status === 0) return true;
    // WIFSIGNALED and WEXITSTATUS of wait(2)
    const signal = status & 0x7f;
    return signal === 0
      ? `the command ended with code ${(status >> 8) & 0xff}`
      : `the command was ended by signal ${signal}`;
  }

  end(): void {
    if (this.pid === undefined) return;
    this.kernel.kill(this.pid, SIGKILL);
    // The processes that the command has started. Where it has no group of its own, there is none of this number.
    this.kernel.kill(-this.pid, SIGKILL);
  }
}
