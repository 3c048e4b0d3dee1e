// An inherited descriptor in words: of one that was classified its kind, of any other its link in /proc or its file type.

import { expect, test } from "bun:test";
import { descriptorInWords } from "../../../init/plan/descriptor-words.ts";
import { EBADF } from "../../../init/sys/libc/errno.ts";

test.each([
  [{ link: "pipe:[7]" }, "pipe:[7]"],
  [{ mode: 0o010600 }, "a pipe"],
  [{ mode: 0o020666 }, "a character device"],
  [{ mode: 0o040755 }, "a directory"],
  [{ mode: 0o060660 }, "a block device"],
  [{ mode: 0o100644 }, "a file"],
  [{ mode: 0o140777 }, "a socket"],
  [{ mode: 0o600 }, "an anonymous inode"],
  [{ mode: -EBADF }, "of a kind that cannot be determined"],
])("%p is %s", (known, words) => {
  expect(descriptorInWords(known)).toBe(words);
});

test("a classified descriptor has its kind, its path and what is remarkable about it", () => {
  const file = { fd: 7, access: "write", deleted: true, outsideRoot: true, evidence: "/var/log/a" } as const;
  expect(descriptorInWords({ descriptor: { ...file, kinds: ["file"], path: "/var/log/a" } })).toBe(
    "file /var/log/a, deleted, outside the root",
  );
  const socket = {
    family: "inet",
    type: "stream",
    listening: true,
    local: "127.0.0.1:80",
    protocol: 6,
  } as const;
  expect(descriptorInWords({ descriptor: { ...file, kinds: ["socket"], socket } })).toBe(
    "a listening inet stream socket at 127.0.0.1:80",
  );
});
