// A cgroup of its own for each service, where version 2 is mounted writable for fdinit: the one knowledge of a process that a
// program cannot shed by itself. No controllers are enabled, so they count and limit nothing, and fdinit may stay where it is.
//
// They are children of fdinit's own cgroup. In the root cgroup of the machine nothing was made over to fdinit, and it makes none.

import type { Kernel } from "../../sys/kernel.ts";
import { O_WRONLY } from "../../sys/libc/constants.ts";
import { EEXIST, errnoText } from "../../sys/libc/errno.ts";
import { textOf } from "../../sys/text/bytes.ts";
import type { SayLine } from "../surroundings.ts";

const LONGEST_FILE = 1 << 20;
/** Levels of cgroups that are looked at when a service's own is removed. */
const MOST_LEVELS = 16;
const MOST_NAMES = 100;

/** fdinit's own cgroup: its path in the hierarchy, and its folder. */
interface Home {
  readonly path: string;
  readonly folder: string;
}

interface Voice {
  readonly kernel: Kernel;
  readonly say: SayLine;
}

export class Cgroups {
  /** The one that those of the services are in. */
  readonly folder: string;
  private readonly home: string;
  private readonly kernel: Kernel;
  /** The paths of all begin so, in /proc/PID/cgroup. */
  private readonly prefix: string;
  private readonly services: ReadonlySet<string>;

  private constructor(kernel: Kernel, { path, folder }: Home, name: string, services: readonly string[]) {
    this.kernel = kernel;
    this.home = folder;
    this.folder = `${folder}/${name}`;
    this.prefix = `${path === "/" ? "" : path}/${name}/`;
    this.services = new Set(services);
  }

  /** Makes one for each service, or says why there is none. */
  static make(kernel: Kernel, services: readonly string[]): Cgroups | string {
    const home = homeOf(kernel);
    if (typeof home === "string") return home;
    const name = makeParent(kernel, home);
    if (typeof name === "number")
      return `cannot make a cgroup in ${home.folder} (mkdirat): ${errnoText(-name)}`;
    const cgroups = new Cgroups(kernel, home, name, services);
    for (const service of services) {
      const path = cgroups.pathOf(service);
      const failed = kernel.makeFolder(path, 0o755);
      if (failed >= 0) continue;
      cgroups.remove();
      return `cannot make ${path} (mkdirat): ${errnoText(-failed)}`;
    }
    return cgroups;
  }

  /** Opens the file by which a process of the service begins in its cgroup: the caller closes it. Undefined: it cannot be. */
  open(service: string): number | undefined {
    const opened = this.kernel.openFile(`${this.pathOf(service)}/cgroup.procs`, O_WRONLY, 0);
    return typeof opened === "number" ? undefined : opened.fd;
  }

  /** The service in whose cgroup, or in one below it, a process is. */
  ownerOf(pid: number): string | undefined {
    const path = ownPath(this.kernel, String(pid));
    if (!path?.startsWith(this.prefix)) return undefined;
    const [service = ""] = path.slice(this.prefix.length).split("/");
    return this.services.has(service) ? service : undefined;
  }

  /** SIGKILL to all in the service's cgroup at once, also to those that are being made; Linux 5.14. False where it cannot be. */
  kill(service: string): boolean {
    return this.kernel.writeFile(`${this.pathOf(service)}/cgroup.kill`, "1") >= 0;
  }

  /** At the end: a process that is left, as `reaping.orphans: leave` may have it, goes on in fdinit's own cgroup. */
  remove(): void {
    this.dissolve(this.folder, MOST_LEVELS);
  }

  private dissolve(path: string, levels: number): void {
    const { kernel, home } = this;
    if (kernel.removeFolder(path) >= 0) return;
    const inside = kernel.listFolder(path);
    if (typeof inside === "number") return;
    for (const name of inside)
      if (name.endsWith("/") && levels > 0) this.dissolve(`${path}/${name.slice(0, -1)}`, levels - 1);
    const left = textFile(kernel, `${path}/cgroup.procs`)?.match(/\d+/g) ?? [];
    for (const pid of left) kernel.writeFile(`${home}/cgroup.procs`, pid);
    kernel.removeFolder(path);
  }

  private pathOf(service: string): string {
    return `${this.folder}/${service}`;
  }
}

/** Makes them where that can be, and says by what a service's processes are known. */
export function cgroupsOf({ kernel, say }: Voice, services: readonly string[]): Cgroups | undefined {
  const made = Cgroups.make(kernel, services);
  const others = "parent, session, FDINIT_SERVICE and tokens";
  if (typeof made === "string") {
    say("info", `a service's processes are known by ${others}, and not by a cgroup of its own: ${made}`);
    return undefined;
  }
  say("info", `a service's processes are known by a cgroup of its own in ${made.folder}, and by ${others}`);
  return made;
}

function textFile(kernel: Kernel, path: string): string | undefined {
  const bytes = kernel.readFile(path, LONGEST_FILE);
  return typeof bytes === "number" ? undefined : textOf(bytes);
}

/** cgroups(7): `0::/path`, seen from the root of fdinit's cgroup namespace. */
function ownPath(kernel: Kernel, pid: string): string | undefined {
  return /^0::(\/.*)$/m.exec(textFile(kernel, `/proc/${pid}/cgroup`) ?? "")?.[1];
}

function homeOf(kernel: Kernel): Home | string {
  const path = ownPath(kernel, "self");
  if (path === undefined) return "the kernel or /proc shows no cgroup v2";
  const mounts = mountsOf(kernel).filter(({ root }) => root === "/" || `${path}/`.startsWith(`${root}/`));
  const [mount] = mounts.filter(({ isWritable }) => isWritable);
  if (!mount) {
    const [readOnly] = mounts;
    return readOnly ? `${readOnly.at} is mounted read-only` : "cgroup v2 is not mounted";
  }
  const below = mount.root === "/" ? path : path.slice(mount.root.length);
  const folder = below === "/" || below === "" ? mount.at : `${mount.at}${below}`;
  // Every cgroup but the machine's root one has it.
  if (kernel.pathMode(`${folder}/cgroup.events`) < 0)
    return `fdinit is in the root cgroup of the machine, or ${folder} is not its cgroup`;
  return { path, folder };
}

interface Mount {
  /** The cgroup that is mounted. */
  readonly root: string;
  readonly at: string;
  readonly isWritable: boolean;
}

/** proc_pid_mountinfo(5): `36 35 98:0 /root /mount/point rw,noatime … - cgroup2 cgroup rw`. Paths with characters written in octal are left out. */
function mountsOf(kernel: Kernel): Mount[] {
  const mounts: Mount[] = [];
  for (const line of textFile(kernel, "/proc/self/mountinfo")?.split("\n") ?? []) {
    const [head = "", tail = ""] = line.split(" - ");
    if (!tail.startsWith("cgroup2 ") || head.includes("\\")) continue;
    const [, , , root = "", at = "", options = ""] = head.split(" ");
    const isWritable = !options.split(",").includes("ro") && !/ ro(,|$)/.test(tail);
    mounts.push({ root, at, isWritable });
  }
  return mounts;
}

/** The name of a new one in fdinit's own, or a negated errno: another fdinit may be in the same cgroup, or have been killed in it. */
function makeParent(kernel: Kernel, { folder }: Home): string | number {
  let failed = -EEXIST;
  for (let number = 1; number <= MOST_NAMES && failed === -EEXIST; number++) {
    const name = number === 1 ? "fdinit" : `fdinit-${number}`;
    failed = kernel.makeFolder(`${folder}/${name}`, 0o755);
    if (failed >= 0) return name;
  }
  return failed;
}
