// A cgroup of version 2 for a test: fdinit begins in it, and it is removed when the test is over.

import { mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { until } from "./processes.ts";

/** Where cgroup v2 is mounted, at its root and writable for this user; undefined where it is not. */
function rootOfCgroups(): string | undefined {
  for (const line of readFileSync("/proc/self/mountinfo", "latin1").split("\n")) {
    const [head = "", tail = ""] = line.split(" - ");
    const [, , , root, at] = head.split(" ");
    if (root === "/" && at !== undefined && tail.startsWith("cgroup2 ")) return at;
  }
  return undefined;
}

/** Why there can be no cgroup for a test, or undefined. */
export function whyNoCgroup(): string | undefined {
  try {
    new Cgroup().remove();
    return undefined;
  } catch (error) {
    return `no cgroup v2 can be made here: ${(error as Error).message}`;
  }
}

let count = 0;

export class Cgroup {
  readonly folder: string;

  constructor() {
    const root = rootOfCgroups();
    if (root === undefined) throw new Error("cgroup v2 is not mounted");
    this.folder = join(root, `fdinit-test-${process.pid}-${++count}`);
    mkdirSync(this.folder);
  }

  /** The command of a shell that puts it and what it starts into the cgroup. */
  get enter(): string {
    return `echo 0 > ${this.folder}/cgroup.procs`;
  }

  /** The cgroups in it, to any depth. */
  inside(): string[] {
    const entries = readdirSync(this.folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }

  remove(): void {
    rmdirSync(this.folder);
  }

  /** Removes it as soon as the last process, which may still be ending, has left it. */
  async removed(): Promise<void> {
    await until("the cgroup is empty", () => {
      try {
        this.remove();
        return true;
      } catch {
        return false;
      }
    });
  }
}
