// Writing that cannot block, on every kind of descriptor, by each of its ways. Where a write would wait for ever, a
// timer would not help: the thread stands still. So what may hang runs in a process of its own, with a deadline.

import { afterEach, describe, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { write } from "../../init/sys/descriptors/polling.ts";
import {
  reopened,
  throughPipe,
  type Way,
  withoutWaiting,
  writeLines,
  writeNow,
} from "../../init/sys/descriptors/writing.ts";
import { F_DUPFD_CLOEXEC, O_CLOEXEC } from "../../init/sys/libc/constants.ts";
import { EAGAIN, EBADF, EPIPE } from "../../init/sys/libc/errno.ts";
import { Block, SYS, syscall } from "../../init/sys/libc/libc.ts";
import { bytesOf } from "../../init/sys/text/bytes.ts";

const CLOSED = 977;
const F_GETFL = 3;
const F_SETPIPE_SZ = 1031;
const PIPE_BUF = 4096;

const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0)) close();
});

/** [read end, write end], both blocking, as a runtime makes them. */
function pipe(): [number, number] {
  const ends = new Block(8);
  expect(syscall(SYS.pipe2, ends.address, O_CLOEXEC)).toBe(0);
  const pair: [number, number] = [ends.view.getInt32(0, true), ends.view.getInt32(4, true)];
  opened.push(() => {
    for (const fd of pair) syscall(SYS.close, fd);
  });
  return pair;
}

/** Opened for both, a FIFO is a pipe whose other end cannot go away. */
function fifo(): number {
  const folder = mkdtempSync(join(tmpdir(), "fdinit-pipe-"));
  Bun.spawnSync(["mkfifo", join(folder, "pipe")]);
  const fd = openSync(join(folder, "pipe"), "r+");
  opened.push(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  return fd;
}

function socketPair(): [number, number] {
  const ends = new Block(8);
  expect(syscall(SYS.socketpair, 1, 1 | O_CLOEXEC, 0, ends.address)).toBe(0);
  const pair: [number, number] = [ends.view.getInt32(0, true), ends.view.getInt32(4, true)];
  opened.push(() => {
    for (const fd of pair) syscall(SYS.close, fd);
  });
  return pair;
}

function read(fd: number, length: number): string {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, readSync(fd, buffer)).toString();
}

const LINE = `${"x".repeat(999)}\n`;

/** Until it takes no more: how many lines it took. */
function fill(fd: number): number {
  for (let lines = 0; lines < 10_000; lines++) if (!writeNow(fd, LINE)) return lines;
  throw new Error("it takes everything");
}

const KINDS: [kind: string, open: () => { from: number; to: number }][] = [
  ["a pipe", () => (([from, to]) => ({ from, to }))(pipe())],
  ["a FIFO", () => (({ fd }) => ({ from: fd, to: fd }))({ fd: fifo() })],
  ["a socket", () => (([from, to]) => ({ from, to }))(socketPair())],
];

describe("writing without blocking", () => {
  for (const [kind, open] of KINDS) {
    test(`${kind} that is full loses the line, and takes the next one whole once it has been read`, () => {
      const { from, to } = open();
      const flags = syscall(SYS.fcntl, to, F_GETFL);
      expect(fill(to)).toBeGreaterThan(10);
      expect(writeNow(to, LINE)).toBe(false);
      let text = "";
      while (!text.endsWith("\n") || text.length < 60_000) text += read(from, 1000);
      expect(writeNow(to, "more\n")).toBe(true);
      expect(syscall(SYS.fcntl, to, F_GETFL)).toBe(flags);
    });
  }

  test("a pipe never has a part of a line, whatever room is left", () => {
    const [from, to] = pipe();
    syscall(SYS.fcntl, to, F_SETPIPE_SZ, PIPE_BUF);
    expect(writeNow(to, `${"a".repeat(3000)}\n`)).toBe(true);
    expect(writeNow(to, `${"b".repeat(2000)}\n`)).toBe(false);
    expect(read(from, 9000)).toBe(`${"a".repeat(3000)}\n`);
  });

  test("of several lines, those that were taken are whole", () => {
    const [from, to] = pipe();
    syscall(SYS.fcntl, to, F_SETPIPE_SZ, PIPE_BUF);
    expect(writeNow(to, LINE.repeat(6))).toBe(false);
    expect(read(from, 9000)).toBe(LINE.repeat(4));
  });

  test("a line longer than a pipe takes at once is finished before any other is begun", () => {
    const [from, to] = pipe();
    syscall(SYS.fcntl, to, F_SETPIPE_SZ, 2 * PIPE_BUF);
    const long = `${"l".repeat(10_000)}\n`;
    expect(writeNow(to, long)).toBe(false);
    let text = read(from, 20_000);
    expect(writeNow(to, "next\n")).toBe(true);
    text += read(from, 20_000);
    expect(text).toBe(`${long}next\n`);
  });

  test("the rest of a line that was begun waits until it is taken, however often it is refused", () => {
    const [from, to] = pipe();
    syscall(SYS.fcntl, to, F_SETPIPE_SZ, 2 * PIPE_BUF);
    const long = `${"l".repeat(10_000)}\n`;
    expect(writeNow(to, long)).toBe(false);
    for (let again = 0; again < 3; again++) expect(writeNow(to, "lost\n")).toBe(false);
    let text = read(from, 20_000);
    expect(writeNow(to, "next\n")).toBe(true);
    text += read(from, 20_000);
    expect(text).toBe(`${long}next\n`);
  });

  test("lines that were not taken are offered again, and one that was begun is ended first, by whichever number", () => {
    const [from, to] = pipe();
    syscall(SYS.fcntl, to, F_SETPIPE_SZ, 2 * PIPE_BUF);
    const other = syscall(SYS.fcntl, to, F_DUPFD_CLOEXEC, 3);
    opened.push(() => void syscall(SYS.close, other));
    const [short, long] = ["short\n", `${"l".repeat(12_000)}\n`];
    const lines = bytesOf(short + long + short);
    const first = writeLines(to, lines);
    expect(first).toEqual({ taken: short.length + long.length, isBegun: true, errno: EAGAIN });
    expect(writeLines(other, bytesOf("other\n"))).toEqual({ taken: 0, isBegun: true, errno: EAGAIN });
    let text = read(from, 20_000);
    expect(writeLines(other, bytesOf("other\n"))).toEqual({ taken: 6, isBegun: false, errno: 0 });
    expect(writeLines(to, lines.subarray(first.taken))).toEqual({ taken: 6, isBegun: false, errno: 0 });
    text += read(from, 20_000);
    expect(text).toBe(`${short}${long}other\n${short}`);
  });

  test("lines for a reader that is gone are refused for that reason", () => {
    const [from, to] = socketPair();
    syscall(SYS.close, from);
    expect(writeLines(to, bytesOf("a\n"))).toEqual({ taken: 0, isBegun: false, errno: EPIPE });
  });

  test("answers an errno when nobody can read", () => {
    expect(write(CLOSED, "x")).toBe(-EBADF);
    expect(writeNow(CLOSED, "x")).toBe(false);
  });

  const WAYS: [string, Way][] = [
    ["pwritev2 with RWF_NOWAIT", withoutWaiting],
    ["an open file of its own", reopened],
    ["splice out of another pipe", throughPipe],
  ];
  test.each(WAYS)("%s takes a line whole, and none of a full pipe", (_name, way) => {
    const [from, to] = pipe();
    const line = new Block(600);
    line.bytes.fill(0x79);
    const took = way(to, line.address, 600);
    // Before Linux 6.4 a pipe does not know RWF_NOWAIT: the next way serves.
    if (took === undefined) return expect(way).toBe(withoutWaiting);
    expect(took).toBe(600);
    expect(read(from, 1000)).toBe("y".repeat(600));
    fill(to);
    expect(way(to, line.address, 600)).toBe(-11);
  });
});

test("a terminal that nobody reads from takes what fits, and its writer goes on", async () => {
  const room = join(import.meta.dir, "../../init/sys");
  // In a process of its own: a write that waits stands still for ever, whatever timer there is.
  const program = `
    const { writeNow } = require(${JSON.stringify(join(room, "descriptors/writing.ts"))});
    const { Block, SYS, syscall } = require(${JSON.stringify(join(room, "libc/libc.ts"))});
    const { openSync } = require("node:fs");
    const O_RDWR = 2, O_NOCTTY = 0o400, TIOCSPTLCK = 0x40045431, TIOCGPTN = 0x80045430;
    const main = openSync("/dev/ptmx", O_RDWR | O_NOCTTY);
    const number = new Block(4);
    syscall(SYS.ioctl, main, TIOCSPTLCK, number.address);
    syscall(SYS.ioctl, main, TIOCGPTN, number.address);
    const terminal = openSync("/dev/pts/" + number.view.getInt32(0, true), O_RDWR | O_NOCTTY);
    const flags = syscall(SYS.fcntl, terminal, 3);
    let lines = 0;
    while (lines < 10000 && writeNow(terminal, "x".repeat(70) + "\\n")) lines++;
    console.log(lines > 0 && lines < 10000 ? "full" : lines, flags === syscall(SYS.fcntl, terminal, 3));
  `;
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "pipe" });
  const deadline = setTimeout(() => child.kill("SIGKILL"), 15_000);
  const said = [await new Response(child.stdout).text(), await new Response(child.stderr).text()];
  clearTimeout(deadline);
  expect(said).toEqual(["full true\n", ""]);
}, 20_000);
