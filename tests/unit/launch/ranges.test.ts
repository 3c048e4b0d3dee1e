import { describe, expect, test } from "bun:test";
import { closeRanges, markRanges } from "../../../init/launch/ranges.ts";
import type { Sweep } from "../../../init/plan/plan.ts";
import { EINVAL, ENOSYS, EPERM } from "../../../init/sys/libc/errno.ts";
import { fakeKernel } from "../fake-kernel.ts";

const ALL: Sweep = {
  ranges: [{ first: 3, last: 0x7fffffff }],
  rungs: ["closeRange", "procfs", "scan"],
  scanLimit: 65536,
  mayMiss: false,
};
const OPEN = [0, 1, 2, 3, 7, 900, 15000];
const HIGH = { nofile: () => ({ soft: 1024, hard: 1048576 }) };
const HIDDEN = { listDescriptors: () => undefined };

describe.each([
  ["ENOSYS", ENOSYS],
  ["EPERM", EPERM],
  ["EINVAL", EINVAL],
])("with close_range answering %s", (_name, errno) => {
  const denied = { closeRange: () => -errno };

  test("closes what /proc lists", () => {
    const kernel = fakeKernel(OPEN, denied);
    expect(closeRanges(kernel, ALL)).toBeUndefined();
    expect([...kernel.open.keys()]).toEqual([0, 1, 2]);
  });

  test("marks what /proc lists and closes nothing", () => {
    const kernel = fakeKernel(OPEN, denied);
    expect(markRanges(kernel, ALL)).toBeUndefined();
    expect([...kernel.open]).toEqual(OPEN.map((fd) => [fd, fd > 2]));
  });

  test("tries every number when /proc cannot be read, those above the limit included", () => {
    const kernel = fakeKernel(OPEN, { ...denied, ...HIDDEN });
    expect(closeRanges(kernel, ALL)).toBeUndefined();
    expect([...kernel.open.keys()]).toEqual([0, 1, 2]);
  });

  test("says so when numbers remain that nothing looked at", () => {
    const kernel = fakeKernel(OPEN, { ...denied, ...HIDDEN, ...HIGH });
    const problem = closeRanges(kernel, { ...ALL, scanLimit: 1000 });
    expect(problem).toContain("descriptors from 1000 up were not looked at");
    expect([...kernel.open.keys()]).toEqual([0, 1, 2, 15000]);
  });

  test("goes on past the bound where the plan has said that numbers may be left out", () => {
    const kernel = fakeKernel(OPEN, { ...denied, ...HIDDEN, ...HIGH });
    expect(closeRanges(kernel, { ...ALL, scanLimit: 1000, mayMiss: true })).toBeUndefined();
    expect([...kernel.open.keys()]).toEqual([0, 1, 2, 15000]);
  });

  test("does nothing else when it is the only rung", () => {
    const kernel = fakeKernel(OPEN, denied);
    expect(closeRanges(kernel, { ...ALL, rungs: ["closeRange"] })).toContain("close_range(2)");
    expect([...kernel.open.keys()]).toEqual(OPEN);
  });
});

describe("a chosen rung", () => {
  const forbidden = () => {
    throw new Error("called");
  };

  test("procfs never calls close_range and never scans", () => {
    const kernel = fakeKernel(OPEN, { closeRange: forbidden });
    expect(closeRanges(kernel, { ...ALL, rungs: ["procfs"] })).toBeUndefined();
    expect([...kernel.open.keys()]).toEqual([0, 1, 2]);
    const hidden = fakeKernel(OPEN, { closeRange: forbidden, ...HIDDEN });
    expect(closeRanges(hidden, { ...ALL, rungs: ["procfs"] })).toContain("/proc/self/fd cannot be read");
    expect([...hidden.open.keys()]).toEqual(OPEN);
  });

  test("scan calls neither close_range nor reads /proc", () => {
    const kernel = fakeKernel(OPEN, { closeRange: forbidden, listDescriptors: forbidden });
    expect(markRanges(kernel, { ...ALL, rungs: ["scan"] })).toBeUndefined();
    expect([...kernel.open]).toEqual(OPEN.map((fd) => [fd, fd > 2]));
  });
});

test("lists again until nothing is left, for what appears meanwhile", () => {
  const kernel = fakeKernel([0, 3], { closeRange: () => -ENOSYS });
  let late = true;
  const { close } = kernel;
  kernel.close = (fd) => {
    if (late) kernel.open.set(50, false);
    late = false;
    return close(fd);
  };
  expect(closeRanges(kernel, ALL)).toBeUndefined();
  expect([...kernel.open.keys()]).toEqual([0]);
});

test("stops believing a listing that never changes, and tries every number once", () => {
  const tried: number[] = [];
  const close = (fd: number) => {
    tried.push(fd);
    return 0;
  };
  const kernel = fakeKernel([0, 3, 4], { closeRange: () => -ENOSYS, close });
  closeRanges(kernel, { ...ALL, ranges: [{ first: 3, last: 10 }] });
  expect(tried.length).toBe(2 * 16 + 8);
});

test("lists once for all ranges, and keeps out of the numbers between them", () => {
  let listings = 0;
  const kernel = fakeKernel([...Array(100).keys()], { closeRange: () => -ENOSYS });
  const { listDescriptors } = kernel;
  kernel.listDescriptors = () => {
    listings++;
    return listDescriptors();
  };
  const ranges = Array.from({ length: 20 }, (_, index) => ({ first: 10 + 4 * index, last: 11 + 4 * index }));
  expect(closeRanges(kernel, { ...ALL, ranges })).toBeUndefined();
  const closed = new Set(ranges.flatMap(({ first, last }) => [first, last]));
  expect([...kernel.open.keys()]).toEqual([...Array(100).keys()].filter((fd) => !closed.has(fd)));
  expect(listings).toBe(2);
});
