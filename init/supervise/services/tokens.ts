// The keep-alive tokens of services, as a watcher: end of file says that a token's last holder is gone.

import type { Watched } from "../../sys/kernel.ts";
import { dropOldTokens, tokenGone } from "../holders.ts";
import type { ServicesSurroundings } from "./surroundings.ts";
import type { Watcher } from "./watcher.ts";

export class TokenWatcher implements Watcher {
  private readonly surroundings: ServicesSurroundings;
  private hasSaidDrop = false;

  constructor(surroundings: ServicesSurroundings) {
    this.surroundings = surroundings;
  }

  watched(): readonly Watched[] {
    this.hasSaidDrop = dropOldTokens(this.surroundings, this.hasSaidDrop);
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
}
