// The door to files by path, against the real kernel: what it follows and what not, what it waits for (nothing),
// and who wins a race with a user who owns the directory. All of it once more where openat2(2) is forbidden.

import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  AF_UNIX,
  O_APPEND,
  O_CREAT,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  SOCK_STREAM,
} from "../../init/sys/libc/constants.ts";
import {
  EADDRINUSE,
  EISDIR,
  ELOOP,
  EMLINK,
  ENOENT,
  ENOSYS,
  ENOTDIR,
  ENXIO,
  EPERM,
} from "../../init/sys/libc/errno.ts";
import { SYS, syscall } from "../../init/sys/libc/libc.ts";
import { listFolder } from "../../init/sys/paths/folders.ts";
import { openFile, openPath, pathMode, probeOpenat2, readPath } from "../../init/sys/paths/paths.ts";
import { makeSocket } from "../../init/sys/sockets/making.ts";
import { bindPath } from "../../init/sys/sockets/path-sockets.ts";
import { textOf } from "../../init/sys/text/bytes.ts";
import { fixture, ROOT } from "../harness/fixtures.ts";
import { leaveNothingBehind, register } from "../harness/leftovers.ts";
import { describeWith, LONG } from "../harness/needs.ts";
import { descriptors } from "../harness/processes.ts";

leaveNothingBehind();
probeOpenat2();

const NOBODY = 65534;
const ROUNDS = LONG ? 4000 : 2000;
/** Set where this file runs once more with openat2(2) forbidden. */
const IS_AGAIN = process.env["FDINIT_WITHOUT_OPENAT2"] !== undefined;

/** Directories that are root's alone from "/" on, as those below /tmp are not. */
let home = "";
let openBefore = 0;
/** Descriptors that lead to a path; Bun's own for what it has started come and go. */
const openNow = () => Object.values(descriptors(process.pid)).filter((link) => link.startsWith("/")).length;

beforeEach(() => {
  home = mkdtempSync("/run/fdinit-paths-");
  chmodSync(home, 0o755);
  writeFileSync(join(home, "secret"), "secret", { mode: 0o600 });
  openBefore = openNow();
});
afterEach(() => {
  // Not a descriptor more than before, whatever was refused.
  expect(openNow()).toBe(openBefore);
  rmSync(home, { recursive: true, force: true });
});

const at = (...names: string[]) => join(home, ...names);

/** A directory that somebody else can put names into. */
function foreign(mode = 0o755, uid = NOBODY, gid = NOBODY): string {
  const directory = mkdtempSync(at("foreign-"));
  chownSync(directory, uid, gid);
  chmodSync(directory, mode);
  return directory;
}

/** Opens, closes, and answers what was opened, or the errno. */
function opened(path: string, flags = O_RDONLY, mode = 0o600) {
  const result = openPath(path, flags, mode);
  if (typeof result === "number") return -result;
  const { ino } = fstatSync(result.fd);
  closeSync(result.fd);
  return { isNew: result.isNew, ino };
}

const existing = (path: string) => ({ isNew: false, ino: statSync(path).ino });

/** In every case root's file is as it was. */
function secretIsSafe(): void {
  const { mode, uid, nlink } = lstatSync(at("secret"));
  expect([readFileSync(at("secret"), "utf8"), mode & 0o7777, uid]).toEqual(["secret", 0o600, 0]);
  expect(nlink).toBeGreaterThan(0);
}

/** A user without rights who runs this python; ended after the test. */
function nobody(code: string, ...words: string[]) {
  const script = `import os, sys, stat\nos.setgroups([]); os.setgid(${NOBODY}); os.setuid(${NOBODY})\n${code}`;
  return register(
    Bun.spawn(["python3", "-c", script, ...words], { stdin: "ignore", stdout: "pipe", stderr: "inherit" }),
  );
}

describeWith(["root"], "links that root's directories hold are followed", () => {
  test("to files and directories, absolute and relative, several in a row", () => {
    mkdirSync(at("real"));
    writeFileSync(at("real", "file"), "x");
    symlinkSync(at("real"), at("absolute"));
    symlinkSync("real", at("relative"));
    symlinkSync("../relative/file", at("real", "file-again"));
    for (const path of ["absolute/file", "relative/file", "absolute/file-again", "relative/../secret"])
      expect(opened(at(path))).toEqual(existing(at(path)));
    expect(textOf(readPath(at("absolute/file-again"), 9) as Uint8Array)).toBe("x");
  });

  test("to where there is no file yet: it is made there", () => {
    mkdirSync(at("real"));
    symlinkSync("real/new", at("link"));
    expect(opened(at("link"), O_WRONLY | O_CREAT)).toMatchObject({ isNew: true });
    expect(opened(at("link"), O_WRONLY | O_CREAT)).toEqual(existing(at("real/new")));
    expect(lstatSync(at("link")).isSymbolicLink()).toBe(true);
  });

  test("into a directory of somebody else, and no further", () => {
    const other = foreign();
    writeFileSync(join(other, "own"), "");
    symlinkSync(at("secret"), join(other, "link"));
    symlinkSync(other, at("there"));
    expect(opened(at("there/own"))).toEqual(existing(join(other, "own")));
    expect(opened(at("there/link"))).toBe(ELOOP);
  });

  test("not in a circle", () => {
    symlinkSync("b", at("a"));
    symlinkSync("a", at("b"));
    expect(opened(at("a"))).toBe(ELOOP);
    expect(opened(at("a"), O_WRONLY | O_CREAT)).toBe(ELOOP);
  });

  test("in /proc by the kernel: descriptors of one's own, under each of their paths", () => {
    const fd = openSync(at("secret"), "r");
    try {
      for (const path of [`/proc/self/fd/${fd}`, `/dev/fd/${fd}`, `/proc/self/root${at("secret")}`])
        expect(opened(path)).toEqual(existing(at("secret")));
    } finally {
      closeSync(fd);
    }
    expect(textOf(readPath("/proc/mounts", 4096) as Uint8Array)).toContain(" / ");
  });
});

describeWith(["root", "python3"], "links in a directory that is not root's alone are not followed", () => {
  const KINDS: [what: string, make: () => string][] = [
    ["somebody else's", () => foreign()],
    ["writable for its group", () => foreign(0o775, 0, 0)],
    ["writable for everybody", () => foreign(0o777, 0, 0)],
    ["writable for everybody, with a sticky bit", () => foreign(0o1777, 0, 0)],
    [
      "root's, in one of somebody else's",
      () => {
        const inner = join(foreign(), "inner");
        mkdirSync(inner, { mode: 0o755 });
        return inner;
      },
    ],
  ];
  for (const [what, make] of KINDS)
    test(`${what}: to a file, to a directory, to nothing`, () => {
      const directory = make();
      symlinkSync(at("secret"), join(directory, "file"));
      symlinkSync(home, join(directory, "directory"));
      symlinkSync(at("made"), join(directory, "nothing"));
      symlinkSync("/proc/self/fd/0", join(directory, "magic"));
      for (const name of ["file", "directory/secret", "nothing", "magic"])
        for (const flags of [O_RDONLY, O_RDWR, O_WRONLY | O_CREAT, O_WRONLY | O_CREAT | O_APPEND])
          expect([name, opened(join(directory, name), flags)]).toEqual([name, ELOOP]);
      expect(readPath(join(directory, "file"), 9)).toBe(-ELOOP);
      expect(existsSync(at("made"))).toBe(false);
      writeFileSync(join(directory, "plain"), "");
      expect(opened(join(directory, "plain"), O_WRONLY)).toEqual(existing(join(directory, "plain")));
      expect(opened(join(directory, "new"), O_WRONLY | O_CREAT)).toMatchObject({ isNew: true });
      secretIsSafe();
    });

  test("of /proc, of a process of somebody else", async () => {
    const process = nobody(`print("up", flush=True)\nsys.stdin.read()\nimport time\ntime.sleep(60)`);
    await process.stdout.getReader().read();
    for (const path of [`root${at("secret")}`, "fd/1", "cwd/etc/passwd"])
      expect([path, opened(`/proc/${process.pid}/${path}`)]).toEqual([path, ELOOP]);
  });

  test("another name of root's file is not opened there, and in root's directory it is", () => {
    for (const directory of [foreign(), foreign(0o1777, 0, 0)]) {
      linkSync(at("secret"), join(directory, "name"));
      for (const flags of [O_RDONLY, O_WRONLY, O_WRONLY | O_CREAT | O_APPEND])
        expect(opened(join(directory, "name"), flags)).toBe(EMLINK);
      rmSync(join(directory, "name"));
    }
    linkSync(at("secret"), at("name"));
    expect(opened(at("name"))).toEqual(existing(at("secret")));
    symlinkSync(at("name"), at("link"));
    expect(opened(at("link"))).toEqual(existing(at("secret")));
  });
});

describeWith(["root"], "opening", () => {
  test("waits for nobody at a FIFO, and what a program gets waits as usual", () => {
    const fifo = at("fifo");
    expect(Bun.spawnSync(["mkfifo", fifo]).success).toBe(true);
    for (const flags of [O_WRONLY, O_WRONLY | O_APPEND, O_WRONLY | O_CREAT])
      expect(opened(fifo, flags)).toBe(ENXIO);
    expect(readPath(fifo, 9)).toEqual(new Uint8Array());
    const reader = openFile(fifo, O_RDONLY, 0);
    const writer = openFile(fifo, O_WRONLY, 0);
    if (typeof reader === "number" || typeof writer === "number") throw new Error("not opened");
    for (const { fd } of [reader, writer]) {
      const flags = Number.parseInt(
        /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "",
        8,
      );
      expect(flags & O_NONBLOCK).toBe(0);
      closeSync(fd);
    }
  });

  test("a socket fails with ENXIO, a directory cannot be read, and what is missing is missing", () => {
    const fd = makeSocket(AF_UNIX, SOCK_STREAM);
    expect(bindPath(fd, at("s"), { type: SOCK_STREAM, mode: 0o600 })).toBeUndefined();
    closeSync(fd);
    expect(opened(at("s"))).toBe(ENXIO);
    expect(readPath(home, 9)).toBe(-EISDIR);
    for (const path of ["", at("no"), at("no/no")]) expect(opened(path)).toBe(ENOENT);
    expect(opened(at("no/no"), O_WRONLY | O_CREAT)).toBe(ENOENT);
    expect(opened(at("secret/no"))).toBe(ENOTDIR);
    expect(opened(`${at("secret")}/`)).toBe(ENOTDIR);
    expect(opened(`${home}/`)).toEqual(existing(home));
    expect(opened("/")).toEqual(existing("/"));
    expect(opened(".")).toEqual(existing("."));
  });

  test("answers the mode of what a path leads to, and the names in a directory, through the same door", () => {
    symlinkSync("secret", at("link"));
    expect(pathMode(at("link")) & 0o7777).toBe(0o600);
    expect(pathMode(at("no"))).toBe(-ENOENT);
    expect(listFolder(home)).toEqual(["link", "secret"]);
    expect(listFolder(at("secret"))).toBe(-ENOTDIR);
    const directory = foreign();
    symlinkSync(home, join(directory, "link"));
    expect(listFolder(join(directory, "link"))).toBe(-ELOOP);
    expect(pathMode(join(directory, "link"))).toBe(-ELOOP);
  });

  test("says whether the file is new, and gives it the mode that was asked for", () => {
    const umask = process.umask(0o022);
    expect(opened(at("new"), O_WRONLY | O_CREAT, 0o666)).toMatchObject({ isNew: true });
    process.umask(umask);
    expect(statSync(at("new")).mode & 0o7777).toBe(0o644);
    expect(opened(at("new"), O_WRONLY | O_CREAT, 0o666)).toMatchObject({ isNew: false });
  });
});

/** A socket at a path, with what it is there; closed again. */
function bound(path: string, wanted: { mode: number; owner?: { uid: number; gid: number } }) {
  const fd = makeSocket(AF_UNIX, SOCK_STREAM);
  const failure = bindPath(fd, path, { type: SOCK_STREAM, ...wanted });
  const shown = new Uint8Array(128);
  const listening = { close: () => closeSync(fd), listen: () => syscall(SYS.listen, fd, 5) };
  if (failure) closeSync(fd);
  return { failure, fd, shown, ...listening };
}

describeWith(["root", "python3"], "a Unix socket", () => {
  test("has exactly its mode, whatever the umask, and its owner, also where that one may not write", () => {
    for (const directory of [home, foreign(), foreign(0o1777, 0, 0), foreign(0o775, 0, 0)])
      for (const [index, mode] of [0o600, 0o660, 0o666, 0o777].entries()) {
        const path = join(directory, `s${index}`);
        const umask = process.umask(0o077);
        const { failure, close } = bound(path, { mode, owner: { uid: 123, gid: 456 } });
        expect(process.umask(umask)).toBe(0o077);
        expect(failure).toBeUndefined();
        close();
        const { mode: is, uid, gid } = lstatSync(path);
        expect([is & 0o7777, uid, gid]).toEqual([mode, 123, 456]);
      }
  });

  test("leaves PID 1 the rights and the directory it had", () => {
    const { close } = bound(join(foreign(), "s"), { mode: 0o600, owner: { uid: NOBODY, gid: NOBODY } });
    close();
    const { uid, gid } = statSync("/proc/self/fd");
    expect([uid, gid]).toEqual([0, 0]);
    closeSync(openSync(at("secret"), "r+"));
    for (const line of ["Uid", "Gid"])
      expect(readFileSync("/proc/self/status", "utf8")).toContain(`${line}:\t0\t0\t0\t0\n`);
  });

  test("below a directory that somebody else can replace is bound from within it", () => {
    const inner = join(foreign(), "inner");
    mkdirSync(inner);
    const here = process.cwd();
    const { failure, close } = bound(join(inner, "s"), { mode: 0o640, owner: { uid: 1, gid: 2 } });
    close();
    expect(failure).toBeUndefined();
    expect(process.cwd()).toBe(here);
    expect(lstatSync(join(inner, "s"))).toMatchObject({ uid: 1, gid: 2 });
  });

  test("takes the place of one that nobody listens on, and of nothing else", () => {
    for (const directory of [home, foreign(), join(foreign(), ".")]) {
      const path = join(directory, "s");
      bound(path, { mode: 0o600 }).close();
      const alive = bound(path, { mode: 0o600 });
      expect(alive.failure).toBeUndefined();
      alive.listen();
      expect(bound(path, { mode: 0o600 }).failure).toEqual({ call: "bind", errno: EADDRINUSE });
      alive.close();
      for (const make of [
        () => writeFileSync(path, "precious"),
        () => mkdirSync(path),
        () => symlinkSync(at("secret"), path),
        () => symlinkSync(at("nowhere"), path),
      ]) {
        rmSync(path, { recursive: true });
        make();
        expect(bound(path, { mode: 0o666 }).failure).toEqual({ call: "bind", errno: EADDRINUSE });
        expect(lstatSync(path).isSocket()).toBe(false);
      }
      secretIsSafe();
      expect(existsSync(at("nowhere"))).toBe(false);
      rmSync(path, { recursive: true });
    }
  });

  test("is not bound through a link that somebody else has made", () => {
    const directory = foreign();
    mkdirSync(at("root's"));
    symlinkSync(at("root's"), join(directory, "link"));
    expect(bound(join(directory, "link", "s"), { mode: 0o600 }).failure).toEqual({
      call: "bind",
      errno: ELOOP,
    });
    expect(readdirSync(at("root's"))).toEqual([]);
  });
});

/** Replaces `name` by what python's `make(path)` puts in its place, over and over, until it is ended. */
const FIGHTER = `directory, name, secret, home = sys.argv[1:5]
spare, path = os.path.join(directory, "spare"), os.path.join(directory, name)
print("up", flush=True)
turn = 0
while True:
  turn += 1
  for attempt in (os.unlink, os.rmdir):
    try: attempt(spare)
    except OSError: pass
  try:
    make(spare, turn)
    os.rename(spare, path)
  except OSError: pass
`;

describeWith(["root", "python3"], `against a user who owns the directory (${ROUNDS} rounds)`, () => {
  async function fight(directory: string, name: string, make: string) {
    const code = `def make(spare, turn):\n${make.replace(/^/gm, "  ")}\n${FIGHTER}`;
    const fighter = nobody(code, directory, name, at("secret"), home);
    await fighter.stdout.getReader().read();
    return fighter;
  }

  test("a file is never root's, whatever stands in its place: links, a FIFO, a directory, nothing", async () => {
    const directory = foreign();
    const make = `kind = turn % 6
if kind == 0: os.symlink(secret, spare)
elif kind == 1: os.symlink(os.path.join(home, "made"), spare)
elif kind == 2: os.mkfifo(spare)
elif kind == 3: os.close(os.open(spare, os.O_CREAT | os.O_WRONLY, 0o644))
elif kind == 4:
  try: os.link(secret, spare)
  except OSError: os.symlink(home, spare)
else: os.unlink(path)`;
    const fighter = await fight(directory, "trail", make);
    const { ino } = statSync(at("secret"));
    const seen = new Set<number | string>();
    for (let round = 0; round < ROUNDS; round++) {
      const result = opened(join(directory, "trail"), O_WRONLY | O_CREAT | O_APPEND, 0o600);
      if (typeof result !== "number") expect(result.ino).not.toBe(ino);
      seen.add(typeof result === "number" ? result : result.isNew ? "made" : "there");
    }
    fighter.kill(9);
    await fighter.exited;
    expect(seen).toContain(ELOOP);
    expect(seen).toContain("there");
    expect(existsSync(at("made"))).toBe(false);
    secretIsSafe();
  }, 60_000);

  test("a directory on the way is never root's", async () => {
    const directory = foreign();
    const make = `kind = turn % 3
if kind == 0: os.symlink(home, spare)
elif kind == 1:
  os.unlink(path)
  os.mkdir(spare)
else: os.rename(path, os.path.join(directory, "aside-" + str(turn)))`;
    const fighter = await fight(directory, "way", make);
    const before = readdirSync(home).sort();
    for (let round = 0; round < ROUNDS; round++) {
      opened(join(directory, "way", "made"), O_WRONLY | O_CREAT, 0o600);
      const { failure, close } = bound(join(directory, "way", "socket"), {
        mode: 0o666,
        owner: { uid: NOBODY, gid: NOBODY },
      });
      if (!failure) close();
      expect(opened(join(directory, "way", "secret"), O_RDWR)).toBeOneOf([ELOOP, ENOENT, ENOTDIR]);
    }
    fighter.kill(9);
    await fighter.exited;
    expect(readdirSync(home).sort()).toEqual(before);
    secretIsSafe();
  }, 60_000);

  test("a socket's mode and owner never go to another file", async () => {
    const directory = foreign();
    // Waits for a socket, and puts a link, root's file or another root's socket in its place at once.
    const make = `try:
  if not stat.S_ISSOCK(os.lstat(path).st_mode): os.unlink(path)
except OSError: raise
kind = turn % 3
if kind == 0: os.symlink(secret, spare)
elif kind == 1: os.symlink(os.path.join(home, "other"), spare)
else:
  try: os.link(os.path.join(home, "other"), spare)
  except OSError: os.symlink(secret, spare)`;
    const other = bound(at("other"), { mode: 0o600 });
    const fighter = await fight(directory, "s", make);
    let won = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const path = join(directory, "s");
      rmSync(path, { force: true });
      const { failure, close } = bound(path, { mode: 0o666, owner: { uid: NOBODY, gid: NOBODY } });
      if (failure) continue;
      close();
      won++;
    }
    fighter.kill(9);
    await fighter.exited;
    other.close();
    expect(won).toBeGreaterThan(0);
    secretIsSafe();
    const { mode, uid } = lstatSync(at("other"));
    expect([mode & 0o7777, uid]).toEqual([0o600, 0]);
  }, 60_000);
});

if (!IS_AGAIN)
  describeWith(["root", "gcc", "python3"], "where openat2(2) is forbidden", () => {
    for (const [name, errno] of [
      ["EPERM", EPERM],
      ["ENOSYS", ENOSYS],
    ] as const)
      test(`with openat2 forbidden everything above holds (${name})`, async () => {
        const command = [process.execPath, "test", "./tests/kernel/paths.test.ts", "--timeout=20000"];
        const launch = [fixture("launch"), `deny=${SYS.openat2}:${errno}`, "--"];
        const again = register(
          Bun.spawn([...launch, ...command], {
            cwd: ROOT,
            env: { ...process.env, FDINIT_WITHOUT_OPENAT2: "1", FDINIT_LONG: "0" },
            stdout: "pipe",
            stderr: "pipe",
          }),
        );
        const said = await new Response(again.stderr).text();
        expect([await again.exited, /^ *\d+ fail$/m.exec(said)?.[0].trim()]).toEqual([0, "0 fail"]);
      }, 240_000);
  });
