import { describe, expect, test } from "bun:test";
import { launch, launchContext } from "../../../init/launch/launch.ts";
import type { Launch, Step } from "../../../init/plan/plan.ts";
import type { Kernel } from "../../../init/sys/kernel.ts";
import { EACCES, EAGAIN, ENOENT, ENOEXEC } from "../../../init/sys/libc/errno.ts";
import { bytesOf, textOf } from "../../../init/sys/text/bytes.ts";
import { fakeKernel } from "../fake-kernel.ts";

/** A kernel with these files: what spawning each answers, 100 being the pid of one that runs. */
function kernelWith(
  files: Record<string, number>,
  path: string | undefined,
  overrides: Partial<Kernel> = {},
) {
  return fakeKernel([0, 1, 2, 5], {
    environmentVariable: (name) => (name === "PATH" && path !== undefined ? bytesOf(path) : undefined),
    canExecute: (file) => {
      const answer = files[textOf(file)];
      return answer === undefined ? -ENOENT : answer === -EACCES ? -EACCES : 0;
    },
    spawn: (request) => (request.byShell ? 200 : (files[textOf(request.path)] ?? -ENOENT)),
    ...overrides,
  });
}

function run(kernel: Kernel, program: string, more: Partial<Launch> = {}) {
  const step: Step = {
    do: "spawn",
    launch: {
      service: "main",
      program: bytesOf(program),
      arguments: { words: [program] },
      environment: {},
      pass: [],
      devNullAsStdin: false,
      ...more,
    },
  };
  return launch([step], launchContext(kernel, 6));
}

describe("finding the program", () => {
  test("takes the first of PATH that runs", () => {
    expect(run(kernelWith({ "/b/x": 101, "/c/x": 102 }, "/a:/b:/c"), "x")).toMatchObject({
      ok: true,
      pid: 101,
    });
  });

  test("goes on past one that may not be executed", () => {
    expect(run(kernelWith({ "/a/x": -EACCES, "/c/x": 102 }, "/a:/b:/c"), "x")).toMatchObject({
      ok: true,
      pid: 102,
    });
  });

  test("is 126 when the only one found may not be executed", () => {
    expect(run(kernelWith({ "/a/x": -EACCES }, "/a:/b"), "x")).toMatchObject({
      ok: false,
      failure: { stage: "execute", message: 'cannot execute "/a/x": EACCES: permission denied' },
    });
  });

  test("is 127 when PATH holds none", () => {
    expect(run(kernelWith({}, "/a:/b"), "x")).toMatchObject({
      ok: false,
      failure: { stage: "find-program" },
    });
  });

  test("is 127 for a path that is not there, and PATH is not searched for one with a slash", () => {
    expect(run(kernelWith({ "/a/./x": 101 }, "/a"), "./x")).toMatchObject({
      ok: false,
      failure: { stage: "find-program" },
    });
  });

  test("searches the service's own PATH when it has one", () => {
    const kernel = kernelWith({ "/a/x": 101, "/own/x": 102 }, "/a");
    expect(run(kernel, "x", { environment: { PATH: "/own" } })).toMatchObject({ pid: 102 });
  });

  test("takes an empty element of PATH for the current directory", () => {
    expect(run(kernelWith({ x: 103 }, "/a::/b"), "x")).toMatchObject({ pid: 103 });
  });

  test("searches the usual directories when PATH is not set", () => {
    expect(run(kernelWith({ "/usr/bin/x": 104 }, undefined), "x")).toMatchObject({ pid: 104 });
  });

  test("runs a file the kernel does not know by /bin/sh, as execvp does", () => {
    expect(run(kernelWith({ "/a/x": -ENOEXEC }, "/a"), "x")).toMatchObject({ ok: true, pid: 200 });
  });

  test("stops at an error that another directory cannot mend", () => {
    expect(run(kernelWith({ "/a/x": -EAGAIN, "/b/x": 101 }, "/a:/b"), "x")).toMatchObject({
      ok: false,
      failure: {
        stage: "make-process",
        errno: EAGAIN,
        message: expect.stringMatching(
          /^cannot start main: cannot make a process: EAGAIN: .*limit of processes/,
        ),
        isTemporary: true,
      },
    });
  });
});

describe("explaining a file that exists and yet is not found", () => {
  const explained = (head: string) =>
    run(kernelWith({ "/a/x": -ENOENT }, "/a", { readFile: () => bytesOf(head) }), "x");

  test.each([
    ["#!/no/sh\n", 'its interpreter "/no/sh" does not exist'],
    ["#! /no/sh -e\n", 'its interpreter "/no/sh" does not exist'],
    ["#!/bin/sh\r\n", 'its interpreter "/bin/sh\\r" does not exist: the file has DOS line ends'],
    ["\x7fELF", "the dynamic loader it names (PT_INTERP) does not exist: is it built for another libc?"],
  ])("%j", (head, reason) => {
    expect(explained(head)).toMatchObject({
      failure: { stage: "execute", message: `cannot execute "/a/x": ${reason}` },
    });
  });
});

test("never asks about the working directory, nor about what lies in it: the child says whether it can be entered", () => {
  const asked: string[] = [];
  const kernel = kernelWith({ "/bin/x": 101 }, "sub:/opt", {
    canExecute(file) {
      asked.push(textOf(file));
      return -ENOENT;
    },
    spawn: () => ({ stage: "working-directory", call: "chdir", subject: '"/nowhere"', errno: EACCES }),
  });
  const message =
    'cannot start main: cannot change to the working directory "/nowhere" (chdir): EACCES: permission denied';
  for (const program of ["x", "./x", "/bin/x"])
    expect(run(kernel, program, { cwd: "/nowhere" })).toMatchObject({
      ok: false,
      failure: { stage: "working-directory", call: "chdir", errno: EACCES, message },
    });
  expect(asked).toEqual([]);
});

test("looks for a relative program where the child will be", () => {
  const kernel = kernelWith({ "./x": 105 }, "/bin");
  expect(run(kernel, "./x", { cwd: "/srv" })).toMatchObject({ ok: true, pid: 105 });
});

test("gives /dev/null as standard input, opened above the runtime's numbers, and closes its own copy", () => {
  const kernel = fakeKernel([0, 1, 2, 5]);
  run(kernel, "/bin/x", { devNullAsStdin: true });
  expect(kernel.spawned[0]?.pass).toEqual([{ from: 6, to: 0 }]);
  expect(kernel.open.has(6)).toBe(false);
});

test("stops at the first step that fails and starts nothing", () => {
  const kernel = fakeKernel([0, 1, 2], { setNofile: () => -1 });
  const result = launch([{ do: "nofile", limit: { soft: 10, hard: 20 } }], launchContext(kernel, 6));
  expect(result).toMatchObject({ ok: false, failure: { stage: "open-files-limit" } });
  expect(kernel.spawned).toEqual([]);
});

test("passes any permutation of numbers on as wanted, cycles included", () => {
  const permutations = (list: number[]): number[][] =>
    list.length < 2
      ? [list]
      : list.flatMap((x, i) => permutations(list.toSpliced(i, 1)).map((rest) => [x, ...rest]));
  const numbers = [3, 4, 7, 20];
  for (const targets of permutations(numbers)) {
    // The descriptor at each number, by the number it had at first; copies made by the parent count too.
    const held = new Map(numbers.map((fd) => [fd, fd]));
    const kernel = fakeKernel([0, 1, 2, ...numbers]);
    const { duplicateAbove } = kernel;
    kernel.duplicateAbove = (fd, least) => {
      const copy = duplicateAbove(fd, least);
      held.set(copy, held.get(fd) as number);
      return copy;
    };
    run(kernel, "/bin/x", { pass: numbers.map((from, index) => ({ from, to: targets[index] as number })) });
    for (const { from, to } of kernel.spawned[0]?.pass ?? []) held.set(to, held.get(from) as number);
    expect(targets.map((to) => held.get(to))).toEqual(numbers);
    expect([...kernel.open.keys()]).toEqual([0, 1, 2, ...numbers]);
  }
});

test("only takes the mark off what keeps its number: dup2 is refused at or above the limit", () => {
  const kernel = fakeKernel([0, 1, 2, 1500]);
  kernel.open.set(1500, true);
  run(kernel, "/bin/x", { pass: [{ from: 1500, to: 1500 }] });
  // The child itself takes the mark off; in PID 1 it stays.
  expect(kernel.spawned[0]?.pass).toEqual([{ from: 1500, to: 1500 }]);
  expect([...kernel.open]).toEqual([0, 1, 2, 1500].map((fd) => [fd, fd === 1500]));
});
