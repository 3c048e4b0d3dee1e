// ppoll(2) with a wish for each descriptor, and reading that does not wait.

import { afterEach, expect, test } from "bun:test";
import { readNow, waitReady } from "../../init/sys/descriptors/polling.ts";
import { O_CLOEXEC, O_NONBLOCK } from "../../init/sys/libc/constants.ts";
import { EAGAIN } from "../../init/sys/libc/errno.ts";
import { Block, SYS, syscall } from "../../init/sys/libc/libc.ts";

const opened: number[] = [];
afterEach(() => {
  for (const fd of opened.splice(0)) syscall(SYS.close, fd);
});

function pipe(): [number, number] {
  const ends = new Block(8);
  expect(syscall(SYS.pipe2, ends.address, O_CLOEXEC | O_NONBLOCK)).toBe(0);
  const pair: [number, number] = [ends.view.getInt32(0, true), ends.view.getInt32(4, true)];
  opened.push(...pair);
  return pair;
}

function put(fd: number, text: string): void {
  const block = new Block(text.length);
  block.bytes.set(new TextEncoder().encode(text));
  expect(syscall(SYS.write, fd, block.address, text.length)).toBe(text.length);
}

test("tells which of several descriptors can be read, and which can be written", () => {
  const [emptyEnd, writable] = pipe();
  const [filled, other] = pipe();
  put(other, "x");
  expect(waitReady([{ fd: emptyEnd, read: true }], 0)).toEqual([]);
  const all = [
    { fd: emptyEnd, read: true },
    { fd: writable, write: true },
    { fd: filled, read: true },
  ];
  expect(waitReady(all)).toEqual([writable, filled]);
});

test("a pipe whose writers are gone is ready, and reads as ended", () => {
  const [readEnd, writeEnd] = pipe();
  syscall(SYS.close, writeEnd);
  opened.splice(opened.indexOf(writeEnd), 1);
  expect(waitReady([{ fd: readEnd, read: true }])).toEqual([readEnd]);
  expect(readNow(readEnd, 10)).toEqual(new Uint8Array(0));
});

test("reads what is there, and says when nothing is", () => {
  const [readEnd, writeEnd] = pipe();
  expect(readNow(readEnd, 10)).toBe(-EAGAIN);
  put(writeEnd, "hello");
  expect(readNow(readEnd, 3)).toEqual(new TextEncoder().encode("hel"));
  expect(readNow(readEnd, 100)).toEqual(new TextEncoder().encode("lo"));
});

test("watches more descriptors than the first time", () => {
  const pairs = Array.from({ length: 20 }, pipe);
  put((pairs[17] as [number, number])[1], "x");
  const watched = pairs.map(([fd]) => ({ fd, read: true }));
  expect(waitReady(watched, 1000)).toEqual([(pairs[17] as [number, number])[0]]);
});
