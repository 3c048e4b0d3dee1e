import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { QUESTIONS } from "../../../scripts/harden/questions.ts";
import { harden } from "../../../scripts/harden.ts";

// The development Bun is the executable that compiled ones are made from.
const bun = readFileSync(process.execPath);

describe("hardening", () => {
  const { bytes, changes } = harden(bun);

  test("keeps the length and changes single bytes only", () => {
    expect(bytes.length).toBe(bun.length);
    let changed = 0;
    for (let at = 0; at < bun.length; at++) if (bytes[at] !== bun[at]) changed++;
    const places = Number(/\((\d+) places\)/.exec(changes[1] ?? "")?.[1]);
    const options = Number(/\((\d+) options\)/.exec(changes[2] ?? "")?.[1]);
    // One letter of setrlimit, one of each name, a byte of each option and of the scavenger's value; twelve
    // of code: four of a number, one of a jump and seven of a call on x86-64; the first letter of each path.
    expect(changed).toBe(1 + places + options + 1 + 12 + QUESTIONS.length);
    expect(places).toBeGreaterThan(100);
  });

  test("leaves no name that could be set, but BUN_JSC_", () => {
    for (const name of ["BUN_BE_BUN\0", "BUN_OPTIONS", "BUN_INSPECT_PRELOAD\0"])
      expect(bytes.indexOf(`\0${name}`)).toBe(-1);
    expect(bytes.indexOf("BUN_JSC_")).toBeGreaterThan(0);
  });

  test("leaves no path that Bun would look up at its start", () => {
    for (const path of QUESTIONS) expect(bytes.indexOf(`\0${path}\0`)).toBe(-1);
    expect(bytes.indexOf("\0/proc/self/exe\0")).toBeGreaterThan(0);
  });

  test("renames the import once", () => {
    expect(bun.toString("latin1")).toContain("\0setrlimit\0");
    expect(bytes.toString("latin1").match(/\0setrlimit\0/g)?.length).toBe(1);
  });

  test("refuses what it does not know", () => {
    expect(() => harden(bytes)).toThrow("setrlimit in .dynstr occurs 0 times");
    expect(() => harden(Buffer.from("#!/bin/sh\n".padEnd(100)))).toThrow("not a 64-bit ELF file");
    const gone = Buffer.from(bun);
    for (let at = gone.indexOf("BUN_BE_BUN"); at >= 0; at = gone.indexOf("BUN_BE_BUN", at))
      gone.write("XXX", at);
    expect(() => harden(gone)).toThrow("BUN_BE_BUN");
  });
});
