// A root file system that cannot be written to, with the portable folder mounted at /fdinit as COPY
// would put it there, and a static launcher that plays the engine. With or without /proc.

import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fill, portableTarget } from "../../scripts/portable.ts";
import { fixture } from "./fixtures.ts";
import type { Start } from "./run.ts";

/** How fdinit is started in one. */
export interface Inside {
  readonly proc: boolean;
  /** The program's command line. */
  readonly run: readonly string[];
  /** fdinit's options. */
  readonly options?: readonly string[];
  /** Words for the launcher (tests/fixtures/launch.c). */
  readonly launch?: readonly string[];
  /** The whole environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: number;
}

export class BareRoots {
  readonly #above = mkdtempSync(join(tmpdir(), "fdinit-bare-"));
  readonly #folder = join(this.#above, "fdinit");

  constructor() {
    chmodSync(this.#above, 0o755);
    fill(this.#folder, portableTarget(), "/fdinit");
  }

  /** A new one, with nothing in it but places to mount on. */
  make(name: string): string {
    const root = join(this.#above, name);
    for (const path of ["fdinit", "proc"]) mkdirSync(join(root, path), { recursive: true });
    put(root, fixture("launch"), "/launch");
    return root;
  }

  start(root: string, { proc, run, options = [], launch = [], env = {}, user }: Inside): Start {
    const mounts = [
      `mount --bind ${root} ${root}`,
      `mount --bind ${this.#folder} ${root}/fdinit`,
      `mount -o remount,bind,ro ${root}/fdinit`,
      `mount -o remount,bind,ro ${root}`,
      ...(proc ? [`mount -t proc proc ${root}/proc`] : []),
    ];
    const hex = (text: string) => Buffer.from(text).toString("hex");
    const variables = Object.entries(env).map(([name, value]) => `env=${hex(`${name}=${value}`)}`);
    const words = [
      "clearenv",
      ...variables,
      ...(user === undefined ? [] : [`groups=${user}`, `user=${user}`]),
    ];
    const launcher = [Bun.which("chroot") ?? "", root, "/launch", ...words, ...launch, "--"];
    return {
      before: mounts.join("; "),
      direct: true,
      run: [...launcher, "/fdinit/fdinit", ...options, "--", ...run],
    };
  }

  remove(): void {
    rmSync(this.#above, { recursive: true });
  }
}

/** Copies a file into a root file system. */
export function put(root: string, from: string, to: string): void {
  mkdirSync(dirname(join(root, to)), { recursive: true });
  copyFileSync(from, join(root, to));
}
