import { describe, expect, test } from "bun:test";
import { closeRange, markRange, SCAN_LIMIT } from "../../../init/launch/ranges.ts";
import { EINVAL, ENOSYS, EPERM } from "../../../init/sys/errno.ts";
import { fakeKernel } from "../fake-kernel.ts";

const ALL = { first: 3, last: 0x7fffffff };
const OPEN = [0, 1, 2, 3, 7, 900, 15000];

describe.each([
  ["ENOSYS", ENOSYS],
  ["EPERM", EPERM],
  ["EINVAL", EINVAL],
])("with close_range answering %s", (_name, errno) => {
  const denied = { closeRange: () => -errno };

  test("closes what /proc lists", () => {
    const kernel = fakeKernel(OPEN, denied);
    expect(closeRange(kernel, ALL)).toBeUndefined();
    expect([...kernel.open.keys()]).toEqual([0, 1, 2]);
  });

  test("marks what /proc lists and closes nothing", () => {
    const kernel = fakeKernel(OPEN, denied);
    expect(markRange(kernel, ALL)).toBeUndefined();
    expect([...kernel.open]).toEqual(OPEN.map((fd) => [fd, fd > 2]));
  });

  test("tries every number when /proc cannot be read, those above the limit included", () => {
    const kernel = fakeKernel(OPEN, { ...denied, listDescriptors: () => undefined });
    expect(closeRange(kernel, ALL)).toBeUndefined();
    expect([...kernel.open.keys()]).toEqual([0, 1, 2]);
  });

  test("says so when numbers remain that nothing looked at", () => {
    const kernel = fakeKernel(OPEN, {
      ...denied,
      listDescriptors: () => undefined,
      nofile: () => ({ soft: 1024, hard: 1048576 }),
    });
    expect(closeRange(kernel, ALL)).toContain(`numbers from ${SCAN_LIMIT} up were not looked at`);
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
  expect(closeRange(kernel, ALL)).toBeUndefined();
  expect([...kernel.open.keys()]).toEqual([0]);
});

test("stops believing a listing that never changes, and tries every number once", () => {
  const tried: number[] = [];
  const close = (fd: number) => {
    tried.push(fd);
    return 0;
  };
  closeRange(fakeKernel([0, 3, 4], { closeRange: () => -ENOSYS, close }), { first: 3, last: 10 });
  expect(tried.length).toBe(2 * 16 + 2);
});

test("keeps out of numbers outside the range", () => {
  const kernel = fakeKernel(OPEN, { closeRange: () => -ENOSYS });
  closeRange(kernel, { first: 7, last: 900 });
  expect([...kernel.open.keys()]).toEqual([0, 1, 2, 3, 15000]);
});
