import { describe, expect, test } from "bun:test";
import { parseDuration } from "../../../init/policy/meaning/durations.ts";
import { fdSetHas, parseFdSet } from "../../../init/policy/meaning/fd-sets.ts";
import { parseSignal } from "../../../init/policy/meaning/signals.ts";
import { parseSize } from "../../../init/policy/meaning/sizes.ts";
import { LAST_FD } from "../../../init/policy/types.ts";
import { editDistance } from "../../../init/policy/wording/nearest.ts";

test("durations have one unit and become milliseconds", () => {
  expect(["0ms", "500ms", "10s", "2m", "1h"].map(parseDuration)).toEqual([
    0, 500, 10_000, 120_000, 3_600_000,
  ]);
  for (const text of ["10", "1.5s", "-1s", "1 s", "1S", "1h30m", "", "01s", "1d"])
    expect(parseDuration(text)).toBeUndefined();
});

test("sizes count in powers of 1024", () => {
  expect(["0", "512", "64Ki", "10Mi", "1Gi"].map(parseSize)).toEqual([
    0, 512, 65_536, 10_485_760, 1_073_741_824,
  ]);
  for (const text of ["64K", "64kb", "1.5Mi", "-1", "Ki", ""]) expect(parseSize(text)).toBeUndefined();
});

test("signals go by name, short name, number or place among the real-time ones", () => {
  const signals = [
    "SIGTERM",
    "TERM",
    15,
    "15",
    "SIGHUP",
    "SIGSYS",
    "SIGIOT",
    "CLD",
    "RTMIN",
    "SIGRTMIN+3",
    "RTMAX-1",
    "SIGRTMAX",
    64,
  ];
  expect(signals.map(parseSignal)).toEqual([15, 15, 15, 15, 1, 31, 6, 17, 34, 37, 63, 64, 64]);
  for (const bad of [
    "",
    "SIG",
    "sigterm",
    "TERMINATE",
    0,
    65,
    -1,
    1.5,
    "RTMIN-1",
    "RTMAX+1",
    "RTMIN+31",
    "RTMIN+",
    "015",
    "SIGSIGTERM",
  ]) {
    expect(parseSignal(bad)).toBeUndefined();
  }
});

test("signal names are those of the system", async () => {
  const { signals } = (await import("node:os")).constants;
  for (const [name, number] of Object.entries(signals))
    expect([name, parseSignal(name)]).toEqual([name, number]);
});

describe("descriptor sets", () => {
  const set = (written: unknown) => {
    const parsed = parseFdSet(written);
    return parsed.ok ? parsed.set : parsed.message;
  };
  test("are numbers, ranges with both ends, and ranges without an end", () => {
    expect(set(7)).toEqual([{ first: 7, last: 7 }]);
    expect(set("7")).toEqual([{ first: 7, last: 7 }]);
    expect(set("3-9")).toEqual([{ first: 3, last: 9 }]);
    expect(set("7-")).toEqual([{ first: 7, last: LAST_FD }]);
    expect(set("5-5")).toEqual([{ first: 5, last: 5 }]);
  });
  test("join what overlaps or touches", () => {
    expect(set(["8-9", 3, "1-2", "9-12", "20-", 30])).toEqual([
      { first: 1, last: 3 },
      { first: 8, last: 12 },
      { first: 20, last: LAST_FD },
    ]);
  });
  test("refuse what is no set", () => {
    for (const bad of ["9-3", "x", "-3", "3-9-12", "", 1.5, -1, "3000000000", "3-99999999999"])
      expect(set(bad)).toBeString();
  });
  test("know their members", () => {
    const parsed = parseFdSet(["3-5", "9-"]);
    if (!parsed.ok) throw new Error(parsed.message);
    expect([2, 3, 5, 6, 9, 1_000_000].map((fd) => fdSetHas(parsed.set, fd))).toEqual([
      false,
      true,
      true,
      false,
      true,
      true,
    ]);
  });
});

test("the edit distance counts a swap of neighbours as one, and stops counting at its limit", () => {
  expect(editDistance("defualt", "default", 3)).toBe(1);
  expect(editDistance("kitten", "sitting", 3)).toBe(3);
  expect(editDistance("abc", "xyz", 1)).toBe(2);
  expect(editDistance("", "ab", 2)).toBe(2);
});
