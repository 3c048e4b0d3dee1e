import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EM_AARCH64, EM_X86_64, machineOf, section } from "../../../scripts/elf.ts";
import { CODE } from "../../../scripts/harden/before-main.ts";
import { QUESTIONS } from "../../../scripts/harden/questions.ts";
import { harden } from "../../../scripts/harden.ts";

// The development Bun is the executable that compiled ones are made from.
const bun = readFileSync(process.execPath);

/** The ELF header and the program headers, of which the entry and one segment change. */
const HEADERS = 0x238;

describe("hardening", () => {
  const { bytes, changes } = harden(bun);

  test("changes single bytes only, and adds one segment at the end", () => {
    expect(bytes.length).toBeGreaterThan(bun.length);
    expect(bytes.length).toBeLessThan(bun.length + 2 * 0x10000);
    let changed = 0;
    for (let at = HEADERS; at < bun.length; at++) if (bytes[at] !== bun[at]) changed++;
    const places = Number(/\((\d+) places\)/.exec(changes[1] ?? "")?.[1]);
    const options = Number(/\((\d+) options\)/.exec(changes[2] ?? "")?.[1]);
    // One letter of setrlimit, one of each name, a byte of each option and of the scavenger's value; twelve
    // of code: four of a number, one of a jump and seven of a call on x86-64; the first letter of each path.
    // Of the reservations: two numbers of the allocator (2, 1), the heap of structures (1, 1), the memory for code, twice (2), two zones (2, 2).
    const reservations = 2 + 1 + (1 + 1) + 2 * 2 + 2 + 2;
    expect(changed).toBe(1 + places + options + 1 + 12 + QUESTIONS.length + reservations);
    expect(places).toBeGreaterThan(100);
  });

  test("leaves the sections where they are, and enters by the segment that was added", () => {
    for (const name of [".text", ".rodata", ".data", ".bun"].filter((one) => bun.includes(`${one}\0`)))
      expect(section(bytes, name)).toEqual(section(bun, name));
    const code = Buffer.from(CODE[machineOf(bun)] ?? "", "hex");
    const at = bytes.indexOf(code, bun.length);
    expect(at).toBeGreaterThanOrEqual(bun.length);
    // Elf64_Ehdr.e_entry, 24; behind the code its first number is the entry of before.
    expect(bytes.readBigUInt64LE(at + code.length)).toBe(bun.readBigUInt64LE(24));
    expect(bytes.readBigUInt64LE(24)).not.toBe(bun.readBigUInt64LE(24));
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
  }, 60_000);

  test("refuses what it does not know", () => {
    expect(() => harden(bytes)).toThrow("setrlimit in .dynstr occurs 0 times");
    expect(() => harden(Buffer.from("#!/bin/sh\n".padEnd(100)))).toThrow("not a 64-bit ELF file");
    const gone = Buffer.from(bun);
    for (let at = gone.indexOf("BUN_BE_BUN"); at >= 0; at = gone.indexOf("BUN_BE_BUN", at))
      gone.write("XXX", at);
    expect(() => harden(gone)).toThrow("BUN_BE_BUN");
  });
});

describe("the code before main", () => {
  const folder = mkdtempSync(join(tmpdir(), "fdinit-before-main-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ["before-main-x86_64.s", "as", "objcopy", EM_X86_64],
    ["before-main-aarch64.s", "aarch64-linux-gnu-as", "aarch64-linux-gnu-objcopy", EM_AARCH64],
  ] as const)("of %s is what the assembler makes of it", (source, assembler, objcopy, machine) => {
    if (Bun.which(assembler) === null) return;
    const [object, binary] = [join(folder, "o"), join(folder, "bin")];
    const path = join(import.meta.dir, "../../../scripts/harden", source);
    expect(Bun.spawnSync([assembler, "-o", object, path]).success).toBe(true);
    expect(Bun.spawnSync([objcopy, "-O", "binary", "-j", ".text", object, binary]).success).toBe(true);
    expect(readFileSync(binary).toString("hex")).toBe(CODE[machine] ?? "");
  });
});
