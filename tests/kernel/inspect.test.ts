// A child process with a descriptor of each sort, looked at from outside through the real /proc.

import { dlopen } from "bun:ffi";
import { afterAll, describe, expect, test } from "bun:test";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "../../init/sys/descriptors/inspect.ts";
import type { Descriptor } from "../../init/sys/descriptors/kinds.ts";
import { O_PATH } from "../../init/sys/libc/constants.ts";
import { ESRCH } from "../../init/sys/libc/errno.ts";

const { symbols: c } = dlopen("libc.so.6", {
  eventfd: { args: ["u32", "i32"], returns: "i32" },
  memfd_create: { args: ["cstring", "u32"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  pipe: { args: ["ptr"], returns: "i32" },
  posix_openpt: { args: ["i32"], returns: "i32" },
});

const folder = realpathSync(mkdtempSync(join(tmpdir(), "fdinit-inspect-")));
const file = join(folder, "file");
const gone = join(folder, "gone");
writeFileSync(file, "");
writeFileSync(gone, "");

const ends = new Int32Array(2);
c.pipe(ends);
const listener = c.socket(2, 1, 0);
c.bind(listener, new Uint8Array([2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), 16);
c.listen(listener, 1);
const abstract = c.socket(1, 1, 0);
const name = `fdinit-${process.pid}`;
c.bind(abstract, new Uint8Array([1, 0, 0, ...Buffer.from(name)]), 3 + name.length);
const MFD_ALLOW_SEALING = 2;

/** In this order they become 3, 4, 5, … of the child: one of them has the number that inspect() lists with. */
const passed = [
  openSync(file, "r"),
  openSync(gone, "r+"),
  ends[0] as number,
  ends[1] as number,
  listener,
  abstract,
  c.socket(2, 1, 0),
  c.eventfd(0, 0),
  c.memfd_create(Buffer.from("secret\0"), MFD_ALLOW_SEALING),
  openSync("/etc", O_PATH),
  openSync("/dev/null", "w"),
  c.posix_openpt(2),
  openSync("/proc/self/ns/net", "r"),
];
unlinkSync(gone);
const child = Bun.spawn(["sleep", "60"], { stdio: ["ignore", "ignore", "ignore", ...passed] });
for (const fd of passed) closeSync(fd);
// The parent goes on before the kernel has finished the exec: only then is the command line there.
const deadline = Date.now() + 5000;
while (readFileSync(`/proc/${child.pid}/cmdline`, "latin1") !== "sleep\x0060\x00")
  if (Date.now() > deadline) throw new Error("the child did not start");

afterAll(async () => {
  child.kill("SIGKILL");
  await child.exited;
  rmSync(folder, { recursive: true });
});

function look(): ReadonlyMap<number, Descriptor> {
  const seen = inspect(child.pid);
  if (typeof seen === "number" || !seen.descriptors) throw new Error(`cannot look: ${JSON.stringify(seen)}`);
  expect(seen).toMatchObject({ pid: child.pid, command: "sleep 60", count: 3 + passed.length, own: [] });
  return new Map(seen.descriptors.map((descriptor) => [descriptor.fd, descriptor]));
}

describe("inspect", () => {
  const seen = look();
  const at = (index: number) => seen.get(3 + index);

  test("lists every number, the one it reads the list with included", () => {
    expect([...seen.keys()]).toEqual(Array.from({ length: 3 + passed.length }, (_, fd) => fd));
  });

  test("tells files, with and without a name", () => {
    expect(at(0)).toMatchObject({
      kinds: ["file"],
      access: "read",
      path: file,
      deleted: false,
      outsideRoot: false,
    });
    expect(at(1)).toMatchObject({
      kinds: ["file"],
      access: "readWrite",
      path: gone,
      deleted: true,
      outsideRoot: false,
    });
  });

  test("tells the ends of a pipe", () => {
    expect([at(2), at(3)]).toMatchObject([
      { kinds: ["pipe"], access: "read" },
      { kinds: ["pipe"], access: "write" },
    ]);
  });

  test("finds a listener's address, an abstract name, and says nothing of a socket in no table", () => {
    expect(at(4)?.socket).toMatchObject({
      family: "inet",
      type: "stream",
      protocol: 6,
      listening: true,
      local: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      foreignNetwork: false,
    });
    expect(at(5)?.socket).toMatchObject({ family: "unix", local: `unix:@${name}`, listening: false });
    expect(at(6)).toMatchObject({ kinds: ["socket"] });
    expect(at(6)?.socket).toBeUndefined();
  });

  test("tells an eventfd, a memfd with its seals, and a namespace", () => {
    expect(at(7)).toMatchObject({ kinds: ["eventfd"] });
    expect(at(8)).toMatchObject({ kinds: ["memfd"], seals: 0 });
    expect(at(12)).toMatchObject({ kinds: ["namespace"] });
  });

  test("tells a directory by O_PATH, a device and a terminal without opening them", () => {
    expect(at(9)).toMatchObject({ kinds: ["directory"], access: "path", path: "/etc", outsideRoot: false });
    expect(at(10)).toMatchObject({ kinds: ["charDevice"], access: "write", path: "/dev/null" });
    expect(at(11)).toMatchObject({ kinds: ["tty", "charDevice"] });
  });

  test("leaves nothing open", () => {
    const before = new Set(look().keys()).size;
    const own = inspect(process.pid);
    inspect(child.pid);
    const again = inspect(process.pid);
    expect([typeof own === "number" || own.count, before]).toEqual([
      typeof again === "number" || again.count,
      3 + passed.length,
    ]);
  });
});

test("a process that is not there is ESRCH", async () => {
  const short = Bun.spawn(["true"]);
  await short.exited;
  expect(inspect(short.pid)).toBe(-ESRCH);
});
