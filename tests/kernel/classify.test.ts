// Every kind of descriptor this machine can make, classified by the real kernel.

import { dlopen } from "bun:ffi";
import { afterAll, describe, expect, test } from "bun:test";
import { closeSync, linkSync, mkdtempSync, openSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { classify } from "../../init/sys/descriptors/classify.ts";
import type { Descriptor, DescriptorFacts } from "../../init/sys/descriptors/kinds.ts";
import type { SeenFiles } from "../../init/sys/descriptors/seen-files.ts";
import { O_PATH } from "../../init/sys/libc/constants.ts";
import { workingDirectoryOutside } from "../../init/sys/self/working-directory.ts";

const { symbols: c } = dlopen("libc.so.6", {
  epoll_create1: { args: ["i32"], returns: "i32" },
  eventfd: { args: ["u32", "i32"], returns: "i32" },
  timerfd_create: { args: ["i32", "i32"], returns: "i32" },
  inotify_init1: { args: ["i32"], returns: "i32" },
  memfd_create: { args: ["cstring", "u32"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  pipe: { args: ["ptr"], returns: "i32" },
  posix_openpt: { args: ["i32"], returns: "i32" },
  syscall: { args: ["i64", "i64", "i64", "i64", "i64"], returns: "i64" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
});

const folder = mkdtempSync(join(tmpdir(), "fdinit-kinds-"));
const opened: number[] = [];
afterAll(() => {
  for (const fd of opened) closeSync(fd);
  rmSync(folder, { recursive: true });
});

function keep(fd: number | bigint): number {
  if (Number(fd) < 0) throw new Error("could not be opened");
  opened.push(Number(fd));
  return Number(fd);
}

function kindsOf(fd: number | bigint): Descriptor["kinds"] {
  return classify(keep(fd)).kinds;
}

function inet(port: number): Uint8Array {
  return new Uint8Array([2, 0, port >> 8, port & 0xff, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
}

function inet6(address: number[], port: number): Uint8Array {
  return new Uint8Array([10, 0, port >> 8, port & 0xff, 0, 0, 0, 0, ...address, 0, 0, 0, 0]);
}

describe("classify", () => {
  test("tells the anonymous inodes by the kernel's own names", () => {
    expect(kindsOf(c.epoll_create1(0))).toEqual(["eventpoll"]);
    expect(kindsOf(c.eventfd(0, 0))).toEqual(["eventfd"]);
    expect(kindsOf(c.timerfd_create(1, 0))).toEqual(["timerfd"]);
    expect(kindsOf(c.inotify_init1(0))).toEqual(["inotify"]);
    const PIDFD_OPEN = 434;
    expect(kindsOf(c.syscall(PIDFD_OPEN, process.pid, 0, 0, 0))).toEqual(["pidfd"]);
  });

  test("tells a memfd and its seals, and is not taken in by a file of such a name", () => {
    const MFD_ALLOW_SEALING = 2;
    const memfd = keep(c.memfd_create(Buffer.from("secret\0"), MFD_ALLOW_SEALING));
    expect(classify(memfd)).toMatchObject({ kinds: ["memfd"], seals: 0 });
    const [F_ADD_SEALS, F_SEAL_WRITE] = [1033, 8];
    c.fcntl(memfd, F_ADD_SEALS, F_SEAL_WRITE);
    expect(classify(memfd).seals).toBe(F_SEAL_WRITE);
  });

  test("tells files: by name, deleted, and one whose real name ends in (deleted)", () => {
    const path = join(folder, "file (deleted)");
    writeFileSync(path, "");
    const fd = keep(openSync(path, "r"));
    expect(classify(fd)).toMatchObject({
      kinds: ["file"],
      access: "read",
      path,
      deleted: false,
      outsideRoot: false,
    });
    unlinkSync(path);
    expect(classify(fd)).toMatchObject({ kinds: ["file"], path, deleted: true, outsideRoot: false });
  });

  test("tells directories, and those of proc, sysfs and cgroup", () => {
    expect(classify(keep(openSync("/etc", "r")))).toMatchObject({
      kinds: ["directory"],
      path: "/etc",
      outsideRoot: false,
    });
    expect(kindsOf(openSync("/proc/self", "r"))).toEqual(["proc", "directory"]);
    expect(kindsOf(openSync("/sys", "r"))).toEqual(["sysfs", "directory"]);
  });

  test("tells O_PATH from a descriptor that can be read", () => {
    expect(classify(keep(openSync("/etc", O_PATH)))).toMatchObject({
      access: "path",
      kinds: ["directory"],
      outsideRoot: false,
    });
  });

  test("tells pipes with their direction, and named ones", () => {
    const ends = new Int32Array(2);
    c.pipe(ends);
    const [reader, writer] = [keep(ends[0] as number), keep(ends[1] as number)];
    expect([classify(reader), classify(writer)]).toMatchObject([
      { kinds: ["pipe"], access: "read" },
      { kinds: ["pipe"], access: "write" },
    ]);
    Bun.spawnSync(["mkfifo", join(folder, "fifo")]);
    expect(classify(keep(openSync(join(folder, "fifo"), "r+")))).toMatchObject({
      kinds: ["fifo"],
      access: "readWrite",
    });
  });

  test("tells devices, and a terminal by asking it", () => {
    expect(classify(keep(openSync("/dev/null", "w")))).toMatchObject({
      kinds: ["charDevice"],
      access: "write",
      path: "/dev/null",
    });
    expect(kindsOf(c.posix_openpt(2))).toEqual(["tty", "charDevice"]);
  });

  test("tells namespaces", () => {
    expect(kindsOf(openSync("/proc/self/ns/net", "r"))).toEqual(["namespace"]);
  });

  describe("sockets", () => {
    test("that listen, with family, type, protocol and address", () => {
      const fd = keep(c.socket(2, 1, 0));
      expect(classify(fd).socket).toMatchObject({
        family: "inet",
        type: "stream",
        protocol: 6,
        listening: false,
        foreignNetwork: false,
      });
      c.bind(fd, inet(0), 16);
      c.listen(fd, 1);
      expect(classify(fd).socket).toMatchObject({
        listening: true,
        local: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      });
    });

    test("of IPv6, as RFC 5952 writes addresses", () => {
      const loopback = [...Array(15).fill(0), 1];
      const fd = keep(c.socket(10, 2, 0));
      c.bind(fd, inet6(loopback, 0), 28);
      expect(classify(fd).socket).toMatchObject({
        family: "inet6",
        type: "dgram",
        local: expect.stringMatching(/^\[::1\]:\d+$/),
      });
      const any = keep(c.socket(10, 1, 0));
      expect(classify(any).socket?.local).toBe("[::]:0");
    });

    test("of the Unix family, by path and by abstract name", () => {
      const bound = (name: string) => {
        const fd = keep(c.socket(1, 1, 0));
        const address = Buffer.concat([Buffer.from([1, 0]), Buffer.from(name)]);
        if (c.bind(fd, address, address.length) !== 0) throw new Error("bind");
        return classify(fd).socket?.local;
      };
      expect(bound(`${join(folder, "sock")}\0`)).toBe(`unix:${join(folder, "sock")}`);
      expect(bound(`\0fdinit-${process.pid}`)).toBe(`unix:@fdinit-${process.pid}`);
    });

    test("opened with O_PATH, which answer no question", () => {
      const path = join(folder, "sock");
      expect(classify(keep(openSync(path, O_PATH)))).toMatchObject({
        kinds: ["socket"],
        access: "path",
        outsideRoot: false,
      });
    });
  });

  test("answers for thousands of descriptors of one file what it answers for each, whatever the file", () => {
    const file = join(folder, "shared");
    const [one, two] = [join(folder, "one"), join(folder, "two")];
    for (const path of [file, one]) writeFileSync(path, "");
    linkSync(one, two);
    const gone = join(folder, "gone");
    writeFileSync(gone, "");
    const paths = [
      "/dev/null",
      "/dev/null",
      "/dev/zero",
      file,
      file,
      "/etc",
      "/proc/self/ns/net",
      one,
      two,
      gone,
    ];
    const looked = paths.map((path) => keep(openSync(path, "r")));
    for (const flags of ["w", "a"])
      looked.push(keep(openSync(file, flags)), keep(openSync("/dev/null", flags)));
    looked.push(keep(openSync("/dev/null", O_PATH)), keep(openSync("/etc", O_PATH)));
    looked.push(...[0, 1].map(() => keep(c.epoll_create1(0))), keep(c.eventfd(0, 0)));
    const ends = new Int32Array(2);
    c.pipe(ends);
    looked.push(keep(ends[0] as number), keep(ends[1] as number), keep(c.socket(1, 1, 0)), 9999);
    unlinkSync(gone);
    const seen: SeenFiles = { byInode: new Map() };
    const known = looked.map((fd) => classify(fd, seen));
    expect(known).toEqual(looked.map((fd) => classify(fd)));
    // It looked once at what has one name, and at every other descriptor.
    expect(known[1]).toBe(known[0] as DescriptorFacts);
    expect(known[4]).toBe(known[3] as DescriptorFacts);
    expect([known[7]?.path, known[8]?.path]).toEqual([one, two]);
  });

  test("tells a file from the one right before it by inode, flags and number of names", () => {
    const [first, second] = [join(folder, "first"), join(folder, "second")];
    for (const path of [first, second]) writeFileSync(path, "");
    const looked = [first, first, second, first].map((path) => keep(openSync(path, "r")));
    looked.push(keep(openSync(first, "a")));
    const seen: SeenFiles = { byInode: new Map() };
    const facts = looked.map((fd) => classify(fd, seen));
    expect(facts.map(({ path, access }) => [path, access])).toEqual([
      [first, "read"],
      [first, "read"],
      [second, "read"],
      [first, "read"],
      [first, "write"],
    ]);
    expect(facts[1]).toBe(facts[0] as DescriptorFacts);
    unlinkSync(first);
    expect(classify(looked[4] as number, seen).deleted).toBe(true);
  });

  test("does not guess about a number that is not open", () => {
    expect(classify(9999).kinds).toEqual(["undetermined"]);
  });

  test("finds the working directory inside", () => {
    expect(workingDirectoryOutside()).toBeUndefined();
  });
});
