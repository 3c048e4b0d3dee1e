// The kernel room against the real kernel, inside the test runner's own process: numbers far above
// its own descriptors, and nothing that touches its signal mask.

import { FFIType } from "bun:ffi";
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  close,
  closeRange,
  descriptorFlags,
  descriptorInfo,
  descriptorLink,
  descriptorMode,
  duplicateOnto,
  listDescriptors,
  openDevNull,
} from "../../init/sys/descriptors/descriptors.ts";
import { I64_FAST } from "../../init/sys/engine/bun/calls.ts";
import { findRuntimeDescriptors } from "../../init/sys/engine/bun/descriptors.ts";
import { isOnlyThread } from "../../init/sys/engine/bun/threads.ts";
import { CLOSE_RANGE_CLOEXEC, FD_CLOEXEC, S_IFCHR, S_IFMT } from "../../init/sys/libc/constants.ts";
import { EBADF, EINVAL, EISDIR, ENOENT } from "../../init/sys/libc/errno.ts";
import { readFile } from "../../init/sys/paths/files.ts";
import { canExecute } from "../../init/sys/paths/paths.ts";
import { processGroup } from "../../init/sys/processes/processes.ts";
import { spawn } from "../../init/sys/processes/spawn.ts";
import {
  argumentCount,
  auxiliaryValue,
  commandLineArgument,
  environmentVariable,
} from "../../init/sys/self/command-line.ts";
import { nofile } from "../../init/sys/self/limits.ts";
import { add, everySignal, formatSignalSet, has, parseSignalSet } from "../../init/sys/signals/signals.ts";
import { bytesOf, concatenate, split, textOf } from "../../init/sys/text/bytes.ts";

/** Far above anything the runner has open. */
const HIGH = 3000;

afterEach(() => {
  closeRange(HIGH, HIGH + 999, 0);
});

test("the type of a system call's numbers is Bun's", () => {
  expect(I64_FAST).toBe(FFIType.i64_fast);
});

describe("descriptors", () => {
  test("close_range probes without side effects, and answers a negated errno", () => {
    expect(closeRange(0xffffffff, 0xffffffff, CLOSE_RANGE_CLOEXEC)).toBe(0);
    expect(closeRange(HIGH, HIGH, 0x40000000)).toBe(-EINVAL);
    expect(closeRange(HIGH + 1, HIGH, 0)).toBe(-EINVAL);
  });

  test("close_range marks and closes exactly its range", () => {
    const fds = [0, 1, 2, 3].map((offset) => openDevNull(HIGH + offset));
    expect(fds).toEqual([HIGH, HIGH + 1, HIGH + 2, HIGH + 3]);
    expect(closeRange(HIGH + 1, HIGH + 2, 0)).toBe(0);
    expect(fds.map(descriptorFlags)).toEqual([FD_CLOEXEC, -EBADF, -EBADF, FD_CLOEXEC]);
  });

  test("dup3 replaces a descriptor and says when there is nothing to copy", () => {
    const fd = openDevNull(HIGH);
    expect(duplicateOnto(fd, HIGH + 5)).toBe(HIGH + 5);
    expect(descriptorLink(HIGH + 5)).toBe("/dev/null");
    expect(duplicateOnto(HIGH + 900, HIGH + 6)).toBe(-EBADF);
  });

  test("a listing has what is open and not the descriptor it was read by", () => {
    const before = listDescriptors();
    const fd = openDevNull(HIGH);
    expect(listDescriptors()).toEqual([...(before ?? []), fd]);
    close(fd);
    expect(listDescriptors()).toEqual(before as number[]);
  });

  test("mode, link and info tell what a descriptor is", () => {
    const fd = openDevNull(HIGH);
    expect(descriptorMode(fd) & S_IFMT).toBe(S_IFCHR);
    expect(descriptorMode(HIGH + 9)).toBe(-EBADF);
    expect(descriptorLink(HIGH + 9)).toBeUndefined();
    expect(descriptorInfo(fd)).toContain("mnt_id:");
  });
});

describe("the runtime's descriptors", () => {
  const ANONYMOUS = 0o600;
  const FILE = 0o100644;
  const table = (modes: Record<number, number>, infos: Record<number, string> = {}) => ({
    descriptorMode: (fd: number) => modes[fd] ?? -EBADF,
    descriptorInfo: (fd: number) => infos[fd],
  });

  test("are 3 and 4 when 5 is the lowest free number, without a look", () => {
    expect(findRuntimeDescriptors(table({}), 5, 0)).toEqual({ certain: true, numbers: [3, 4] });
  });

  test("are the only two anonymous inodes below the lowest free number", () => {
    const kernel = table({ 3: FILE, 4: ANONYMOUS, 5: FILE, 6: ANONYMOUS });
    expect(findRuntimeDescriptors(kernel, 7, 64)).toEqual({ certain: true, numbers: [4, 6] });
  });

  test("are told from an inherited timerfd by what the eventpoll watches", () => {
    const kernel = table(
      { 3: ANONYMOUS, 4: ANONYMOUS, 5: ANONYMOUS },
      { 3: "clockid: 1", 4: "tfd:        5 events: 19", 5: "eventfd-count: 0" },
    );
    expect(findRuntimeDescriptors(kernel, 6, 64)).toEqual({ certain: true, numbers: [4, 5] });
  });

  test("cannot be told from an inherited pair of the same kind", () => {
    const pair = (fd: number) => ({ [fd]: `tfd: ${fd + 1} events`, [fd + 1]: "eventfd-count: 0" });
    const kernel = table(
      { 3: ANONYMOUS, 4: ANONYMOUS, 5: ANONYMOUS, 6: ANONYMOUS },
      { ...pair(3), ...pair(5) },
    );
    expect(findRuntimeDescriptors(kernel, 7, 64)).toEqual({ certain: false, numbers: [3, 4, 5, 6] });
  });

  test("are not certain when not all numbers were looked at", () => {
    const modes = Object.fromEntries([...Array(100).keys()].map((fd) => [fd, FILE]));
    expect(findRuntimeDescriptors(table({ ...modes, 98: ANONYMOUS, 99: ANONYMOUS }), 100, 10)).toEqual({
      certain: false,
      numbers: [98, 99],
    });
  });
});

describe("files", () => {
  const folder = mkdtempSync(join(tmpdir(), "fdinit-files-"));
  const file = join(folder, "file");
  writeFileSync(file, Buffer.alloc(100_000, "x"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("are read up to a length, across several reads", () => {
    expect((readFile(file, 1 << 20) as Uint8Array).length).toBe(100_000);
    expect((readFile(file, 40_000) as Uint8Array).length).toBe(40_000);
  });

  test("that cannot be read answer why", () => {
    expect(readFile(folder, 10)).toBe(-EISDIR);
    expect(readFile(join(folder, "none"), 10)).toBe(-ENOENT);
    expect(canExecute(bytesOf("/bin/sh"))).toBe(0);
  });

  test("a FIFO without a writer does not hold the reader up", () => {
    const fifo = join(folder, "fifo");
    expect(Bun.spawnSync(["mkfifo", fifo]).success).toBe(true);
    expect(readFile(fifo, 10)).toEqual(new Uint8Array());
  });
});

describe("the command line and the environment as the kernel laid them out", () => {
  test("agree with /proc/self/cmdline", async () => {
    const cmdline = new Uint8Array(await Bun.file("/proc/self/cmdline").arrayBuffer());
    const words = split(cmdline.subarray(0, -1), 0);
    expect(argumentCount).toBe(words.length);
    words.forEach((word, index) => {
      expect(commandLineArgument(index)).toEqual(new Uint8Array(word));
    });
  });

  test("getenv finds what process.env has", () => {
    expect(textOf(environmentVariable("PATH") ?? new Uint8Array())).toBe(process.env["PATH"] ?? "");
    expect(environmentVariable("FDINIT_NO_SUCH_VARIABLE")).toBeUndefined();
  });

  test("the auxiliary vector has the page size", () => {
    const AT_PAGESZ = 6;
    expect(auxiliaryValue(AT_PAGESZ)).toBe(4096);
    expect(auxiliaryValue(9999)).toBe(0);
  });
});

describe("signal sets", () => {
  test("print and read as /proc/PID/status does", () => {
    const set = new Uint8Array(8);
    add(set, 15);
    add(set, 64);
    expect(formatSignalSet(set)).toBe("8000000000004000");
    expect(parseSignalSet("8000000000004000")).toEqual(set);
    expect(parseSignalSet("800000000000400")).toBeUndefined();
    expect([has(set, 15), has(set, 16), has(set, 64)]).toEqual([true, false, true]);
  });

  test("of all signals leave libc's two out", () => {
    expect(formatSignalSet(everySignal.bytes)).toBe("fffffffe7fffffff");
  });
});

describe("spawn", () => {
  test("answers the errno of a program that is not there", () => {
    const request = {
      path: bytesOf("/no/such"),
      arguments: { words: ["x"] },
      byShell: false,
      environment: {},
      pass: [],
    };
    expect(spawn(request, new Uint8Array(8))).toBe(-ENOENT);
  });
});

describe("processes", () => {
  test("limits and groups are the runner's", () => {
    const { soft, hard } = nofile();
    const said = Bun.spawnSync([
      "sh",
      "-c",
      `awk '/Max open files/ { print $4, $5 }' /proc/${process.pid}/limits`,
    ]).stdout.toString();
    expect(said.trim()).toBe(`${soft} ${hard}`);
    expect(processGroup(0)).toBe(processGroup(process.pid));
  });

  test("a process with several threads is known as one", () => {
    expect(isOnlyThread()).toBe(false);
  });
});

test("byte strings join and split", () => {
  expect(textOf(concatenate(bytesOf("a"), bytesOf(""), bytesOf("b")))).toBe("ab");
  expect(split(bytesOf("a::b"), 0x3a).map(textOf)).toEqual(["a", "", "b"]);
  expect(split(bytesOf(""), 0x3a).map(textOf)).toEqual([""]);
});
