// Where the cgroups of services are made, by what /proc shows, and the owners of processes that only a cgroup or a token tells.

import { describe, expect, test } from "bun:test";
import { Cgroups } from "../../../../init/supervise/services/cgroups.ts";
import { Owners } from "../../../../init/supervise/services/owners.ts";
import type { Kernel, ProcessFacts } from "../../../../init/sys/kernel.ts";
import { EEXIST, ENOENT } from "../../../../init/sys/libc/errno.ts";
import { type FakeKernel, fakeKernel } from "../../fake-kernel.ts";

const WRITABLE = "30 20 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw";

/** A kernel with these texts of /proc, whose cgroup is not the machine's root one. */
function kernelWith(files: Record<string, string>, more: Partial<Kernel> = {}): FakeKernel {
  const texts: Record<string, string> = {
    "/proc/self/cgroup": "0::/",
    "/proc/self/mountinfo": WRITABLE,
    ...files,
  };
  return fakeKernel([], {
    readFile(path) {
      const text = texts[String(path)];
      return text === undefined ? -ENOENT : new TextEncoder().encode(`${text}\n`);
    },
    pathMode: () => 0o100444,
    ...more,
  });
}

const foldersOf = (made: Cgroups | string) => (typeof made === "string" ? made : made.folder);

describe("the cgroups of services", () => {
  test("are children of fdinit's own, wherever that is mounted", () => {
    const places = [
      ["0::/", WRITABLE, "/sys/fs/cgroup/fdinit"],
      ["1:name=x:/\n0::/a/b", WRITABLE, "/sys/fs/cgroup/a/b/fdinit"],
      ["0::/a/b", "30 20 0:26 /a /cg rw - cgroup2 none rw", "/cg/b/fdinit"],
      ["0::/a", "30 20 0:26 /a /cg rw - cgroup2 none rw", "/cg/fdinit"],
      ["0::/a", `29 20 0:26 / /ro ro - cgroup2 none rw\n${WRITABLE}`, "/sys/fs/cgroup/a/fdinit"],
    ];
    for (const [cgroup = "", mountinfo = "", folder] of places) {
      const kernel = kernelWith({ "/proc/self/cgroup": cgroup, "/proc/self/mountinfo": mountinfo });
      expect(foldersOf(Cgroups.make(kernel, ["web", "db"]))).toBe(folder as string);
      expect(kernel.calls).toEqual(["", "/web", "/db"].map((name) => `makeFolder ${folder}${name} 755`));
    }
  });

  test("are none where nothing is mounted writable, or nothing was made over to fdinit; the reason is said", () => {
    const why = (files: Record<string, string>, more?: Partial<Kernel>) => {
      const kernel = kernelWith(files, more);
      const made = foldersOf(Cgroups.make(kernel, ["web"]));
      expect(kernel.calls.filter((call) => call.startsWith("makeFolder"))).toEqual([]);
      return made;
    };
    expect(why({ "/proc/self/cgroup": "4:memory:/x" })).toContain("shows no cgroup v2");
    expect(why({ "/proc/self/mountinfo": "1 1 0:1 / / rw - ext4 x rw" })).toContain("is not mounted");
    const readOnly = "30 20 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw";
    expect(why({ "/proc/self/mountinfo": readOnly })).toBe("/sys/fs/cgroup is mounted read-only");
    const elsewhere = "30 20 0:26 /other /cg rw - cgroup2 cgroup rw";
    expect(why({ "/proc/self/cgroup": "0::/a", "/proc/self/mountinfo": elsewhere })).toContain("not mounted");
    expect(why({}, { pathMode: () => -ENOENT })).toContain("root cgroup of the machine");
    expect(why({}, { makeFolder: () => -13 })).toContain(
      "cannot make a cgroup in /sys/fs/cgroup (mkdirat): EACCES",
    );
  });

  test("have another name where that is taken, and what was made is removed when one cannot be", () => {
    const taken = kernelWith({}, { makeFolder: (path) => (path.endsWith("/fdinit") ? -EEXIST : 0) });
    expect(foldersOf(Cgroups.make(taken, ["web"]))).toBe("/sys/fs/cgroup/fdinit-2");
    const kernel = kernelWith({}, { makeFolder: (path) => (path.endsWith("/web") ? -28 : 0) });
    expect(foldersOf(Cgroups.make(kernel, ["web"]))).toContain("/fdinit/web (mkdirat): ENOSPC");
    expect(kernel.calls).toEqual(["removeFolder /sys/fs/cgroup/fdinit"]);
  });

  test("know a process in one below a service's, and none of a name that begins alike", () => {
    const kernel = kernelWith({
      "/proc/self/cgroup": "0::/a",
      "/proc/7/cgroup": "0::/a/fdinit/web/below",
      "/proc/8/cgroup": "0::/a/fdinit/website",
      "/proc/9/cgroup": "0::/a",
    });
    const made = Cgroups.make(kernel, ["web"]);
    if (typeof made === "string") throw new Error(made);
    expect([7, 8, 9, 10].map((pid) => made.ownerOf(pid))).toEqual(["web", undefined, undefined, undefined]);
  });
});

describe("a process without parent, session and variable of a service", () => {
  const facts = (pid: number): ProcessFacts => ({
    pid,
    parent: 1,
    session: pid,
    name: "x",
    hasEnded: false,
    startedAt: pid,
  });

  test("is that one's whose token it holds, as long as it holds it", () => {
    let holders: readonly number[] = [7];
    const kernel = kernelWith(
      {},
      {
        processes: () => ({ found: [7, 8].map(facts), more: 0 }),
        descriptorLink: (fd) => `pipe:[${fd}]`,
        pipeHolders: (pipe) => ({
          holders: pipe === "pipe:[20]" ? holders.map((pid) => ({ pid, command: "x", fds: [9] })) : [],
          unseen: 0,
        }),
      },
    );
    const tokens = [{ name: "lease", fd: 20 }];
    const owners = new Owners(kernel, ["web", "db"], tokens);
    owners.started("web", 100);
    tokens.push({ name: "lease", fd: 21 });
    owners.started("db", 101);
    expect([7, 8].map((pid) => owners.ownerOf(pid))).toEqual(["web", undefined]);
    expect(owners.treeOf("web")?.map(({ pid }) => pid)).toEqual([7]);
    holders = [];
    expect(owners.ownerOf(7)).toBeUndefined();
  });
});
