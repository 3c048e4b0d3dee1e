// The keep-alive tokens of services, as a watcher: end of file says that a token's last holder is gone.

import type { Watched } from "../../sys/kernel.ts";
import { tokenGone } from "../holders.ts";
import type { ServicesSurroundings } from "./surroundings.ts";
import type { Watcher } from "./watcher.ts";

/** The most tokens of one name that are watched: those of the latest starts. */
const MOST_TOKENS = 16;

export class TokenWatcher implements Watcher {
  private readonly surroundings: ServicesSurroundings;

  constructor(surroundings: ServicesSurroundings) {
    this.surroundings = surroundings;
  }

  watched(): readonly Watched[] {
    this.dropOld();
    return this.surroundings.context.tokens.map(({ fd }) => ({ fd, read: true }));
  }

  ready(fd: number): void {
    const { kernel, context } = this.surroundings;
    const token = context.tokens.find((one) => one.fd === fd);
    if (!token || !kernel.isAtEnd(fd)) return;
    kernel.close(fd);
    context.tokens.splice(context.tokens.indexOf(token), 1);
    tokenGone(token, this.surroundings);
  }

  deadline(): undefined {
    return undefined;
  }

  time(): void {}

  /** A service that leaves its token to another process at each end must not use up fdinit's descriptors. */
  private dropOld(): void {
    const { kernel, context } = this.surroundings;
    for (const { name } of [...context.tokens]) {
      const same = context.tokens.filter((token) => token.name === name);
      for (const token of same.slice(0, Math.max(0, same.length - MOST_TOKENS))) {
        kernel.close(token.fd);
        context.tokens.splice(context.tokens.indexOf(token), 1);
      }
    }
  }
}
