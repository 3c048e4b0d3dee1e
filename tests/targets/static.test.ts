// The static executable: what the file is, how little it asks of the machine, and that it starts where Bun's cannot. The
// behaviour of fdinit with it: tests/pid1 with that executable (pid1@static).

import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeReleaseFiles } from "../../scripts/built-files.ts";
import { whyNotLinked } from "../../scripts/static/link.ts";
import {
  buildStatic,
  isStaticStale,
  partsOfStatic,
  staticExecutable,
  staticLicences,
} from "../../scripts/static.ts";
import {
  STATIC_TARGETS,
  type StaticTarget,
  sha256Of,
  staticTargetOfThisMachine,
} from "../../scripts/targets.ts";
import { fixture, ROOT } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeUnless, missing, testUnless } from "../harness/needs.ts";
import { untilWaiting } from "../harness/processes.ts";
import { policy, run, start } from "../harness/run.ts";

leaveNothingBehind();

const MOST_BYTES = 2.5 * 1024 * 1024;
const MOST_WRITABLE_KB = 16 * 1024;
const MOST_PRIVATE_KB = 700;
const RLIMIT_STACK = 3;
const RLIMIT_DATA = 2;
const RLIMIT_AS = 9;
const MB = 1024 * 1024;
/** mprotect(2): 10 on x86-64, 226 on arm64; its third argument, PROT_READ | PROT_EXEC. */
const DENY_EXECUTABLE = [
  `deny=${process.arch === "arm64" ? 226 : 10}:1:2:5`,
  `deny=${process.arch === "arm64" ? 226 : 10}:1:2:7`,
];

async function fresh(target: StaticTarget): Promise<string> {
  if (isStaticStale(target)) await buildStatic(target);
  return staticExecutable(target);
}

interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly size: number;
}

/** The program headers (Elf64_Phdr: u32 type 0, u32 flags 4, u64 memsz 40). */
function segments(bytes: Buffer): Segment[] {
  const table = Number(bytes.readBigUInt64LE(0x20));
  return Array.from({ length: bytes.readUInt16LE(0x38) }, (_, index) => {
    const at = table + bytes.readUInt16LE(0x36) * index;
    return {
      type: bytes.readUInt32LE(at),
      flags: bytes.readUInt32LE(at + 4),
      size: Number(bytes.readBigUInt64LE(at + 40)),
    };
  });
}

// <elf.h>
const ET_DYN = 3;
const PT_LOAD = 1;
const PT_INTERP = 3;
const PT_GNU_STACK = 0x6474e551;
const PT_GNU_RELRO = 0x6474e552;
const [PF_X, PF_W] = [1, 2];

for (const target of STATIC_TARGETS) {
  const reason = whyNotLinked(target);
  describeUnless(reason, `the file for ${target.name}`, () => {
    let bytes: Buffer;
    beforeAll(async () => {
      bytes = readFileSync(await fresh(target));
    }, 300_000);

    test("needs no loader, goes anywhere in memory, and has no page that is writable and executable", () => {
      const found = segments(bytes);
      expect(bytes.readUInt16LE(0x10)).toBe(ET_DYN);
      expect(found.filter(({ type }) => type === PT_INTERP)).toEqual([]);
      const loaded = found.filter(({ type }) => type === PT_LOAD);
      expect(loaded.length).toBeGreaterThan(2);
      for (const { flags } of loaded) expect(flags & (PF_X | PF_W)).not.toBe(PF_X | PF_W);
      const stack = found.filter(({ type }) => type === PT_GNU_STACK);
      expect(stack.map(({ flags }) => flags & PF_X)).toEqual([0]);
      expect(found.filter(({ type }) => type === PT_GNU_RELRO).length).toBe(1);
    });

    test("is small, and has neither the parser of JavaScript nor a path of the machine it was built on", () => {
      expect(bytes.length).toBeLessThanOrEqual(MOST_BYTES);
      // A complaint of QuickJS's parser, and one of what it reads bytecode with.
      expect(bytes.includes("missing formal parameter")).toBe(false);
      expect(bytes.includes("invalid version")).toBe(true);
      expect(bytes.includes(`${ROOT}/`)).toBe(false);
    });
  });
}

const ours = staticTargetOfThisMachine();
const reason = whyNotLinked(ours) ?? missing("gcc", "unshare");

describeUnless(reason, "the static executable", () => {
  let executable: string;
  beforeAll(async () => {
    executable = await fresh(ours);
  }, 300_000);

  test("has the same bytes when it is built again, in another place", async () => {
    const place = join(temporaryDirectory(), "elsewhere");
    mkdirSync(join(place, ".cache"), { recursive: true });
    const names = [
      "engine",
      "init",
      "policies",
      "schema",
      "scripts",
      "tests",
      "package.json",
      "bun.lock",
      "tsconfig.json",
      "LICENSE",
    ];
    for (const name of names) cpSync(join(ROOT, name), join(place, name), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(place, "node_modules"));
    // Only what was fetched: what was compiled is compiled again.
    for (const name of ["debian", "quickjs"]) {
      const kept = join(ROOT, ".cache", name);
      if (!existsSync(kept)) continue;
      const filter = (path: string) => !/\/quickjs\/(linux-|compile-)/.test(path);
      cpSync(kept, join(place, ".cache", name), { recursive: true, filter, force: true });
    }
    const again = Bun.spawnSync([process.execPath, "scripts/build.ts", "--target", ours.name], {
      cwd: place,
      env: { PATH: "/usr/bin:/bin", TZ: "Asia/Tokyo", LANG: "de_DE.UTF-8" },
      timeout: 280_000,
    });
    expect({ code: again.exitCode, stderr: again.stderr.toString() }).toEqual({ code: 0, stderr: "" });
    expect(sha256Of(join(place, "dist", `fdinit-${ours.name}`))).toBe(sha256Of(executable));
  }, 300_000);

  test("comes with checksums, a bill of what is inside, and the licences of that", () => {
    const folder = temporaryDirectory();
    const file = join(folder, `fdinit-${ours.name}`);
    copyFileSync(executable, file);
    writeReleaseFiles(folder, [{ file, parts: partsOfStatic(ours) }], staticLicences(ours));
    const checked = Bun.spawnSync(["sha256sum", "--check", "--strict", "SHA256SUMS"], { cwd: folder });
    expect(checked.stdout.toString()).toBe(
      `fdinit-${ours.name}: OK\nLICENCES-static: OK\nfdinit.cdx.json: OK\npolicy.schema.json: OK\n`,
    );
    const bill: { components: { name: string; version?: string }[] } = JSON.parse(
      readFileSync(join(folder, "fdinit.cdx.json"), "utf8"),
    );
    expect(bill.components.find(({ name }) => name === "quickjs")?.version).toBe("2025.04.26-1");
    for (const name of ["musl", "yaml"])
      expect(bill.components.map((component) => component.name)).toContain(name);
    const licences = readFileSync(join(folder, "LICENCES-static"), "utf8");
    for (const words of ["Fabrice Bellard", "== musl ==", "== yaml =="]) expect(licences).toContain(words);
  });

  const started = (more: object = {}) => start({ executable, run: [fixture("hold")], ...more });

  test("has one thread, little memory and less address space, and no page that is writable and executable", async () => {
    const running = await started().ready();
    const pid = await running.pid();
    await untilWaiting(pid);
    const maps = readFileSync(`/proc/${pid}/maps`, "latin1").trim().split("\n");
    expect(maps.filter((line) => /^\S+ .wx/.test(line))).toEqual([]);
    const writable = maps
      .filter((line) => /^\S+ rw.p/.test(line))
      .map((line) => /^(\w+)-(\w+)/.exec(line) ?? [])
      .reduce(
        (sum, [, from, to]) => sum + Number.parseInt(to ?? "", 16) - Number.parseInt(from ?? "", 16),
        0,
      );
    expect(writable / 1024).toBeLessThanOrEqual(MOST_WRITABLE_KB);
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
    expect(Number(/^Anonymous: +(\d+) kB$/m.exec(rollup)?.[1])).toBeLessThanOrEqual(MOST_PRIVATE_KB);
    expect(readFileSync(`/proc/${pid}/status`, "latin1")).toContain("\nThreads:\t1\n");
    // The tables of addresses: private to the process and read-only (RELRO).
    expect(maps.filter((line) => line.includes(executable) && /^\S+ r--p/.test(line)).length).toBeGreaterThan(
      2,
    );
    expect((await running.finished()).code).toBe(0);
  });

  test("starts with an address space of 32 MB, little data and a stack of 128 kB", async () => {
    const limits = [
      `rlimit=${RLIMIT_AS}:${32 * MB}:${32 * MB}`,
      `rlimit=${RLIMIT_DATA}:${16 * MB}:${16 * MB}`,
      `rlimit=${RLIMIT_STACK}:131072:131072`,
    ];
    const options = policy("version: 1\nsignals: &a\n  rewrite: { SIGTERM: SIGQUIT }\n");
    for (const launch of limits)
      for (const given of [[], options])
        expect(await run({ executable, launch: [launch], options: given, run: [fixture("hold")] })).toEqual({
          code: 0,
          stdout: "ready\n",
          stderr: "",
        });
  }, 60_000);

  const before =
    Bun.which("gcc") === null
      ? undefined
      : Bun.spawnSync([fixture("launch"), "mdwe", "--", Bun.which("true") ?? ""]);
  const noMdwe = before?.success ? undefined : `PR_SET_MDWE: ${before?.stderr.toString().trim()}`;
  const ways: [string, string | undefined, readonly string[]][] = [
    ["no page may become executable (PR_SET_MDWE)", noMdwe, ["mdwe"]],
    ["seccomp forbids mprotect(PROT_EXEC)", undefined, DENY_EXECUTABLE],
  ];
  for (const [name, why, launch] of ways)
    testUnless(why, `starts where ${name}, a child made by a list of calls included`, async () => {
      const options = policy("version: 1\nservices: { app: { command: [sh, -c, umask], umask: '0027' } }\n");
      expect(await run({ executable, launch, options, run: [] })).toEqual({
        code: 0,
        stdout: "0027\n",
        stderr: "",
      });
    });

  test("says which engine it has", async () => {
    const { stdout } = await run({ direct: true, run: [executable, "version"] });
    expect(stdout).toMatch(/^fdinit \S+ \(QuickJS\)\n$/);
    expect(statSync(executable).mode & 0o777).toBe(0o755);
  });
});

const arm = STATIC_TARGETS.find(({ machine }) => machine === "aarch64") as StaticTarget;
const noArm =
  ours === arm
    ? "this machine runs it as it is"
    : (whyNotLinked(arm) ?? missing("qemu-aarch64-static", "unshare", "root", "busybox"));

describeUnless(noArm, "the static executable for arm64 under qemu", () => {
  let directory: string;
  let emulated: string[];
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "fdinit-arm-"));
    emulated = [Bun.which("qemu-aarch64-static") ?? "", await fresh(arm)];
  }, 300_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test("is PID 1, and gives the program's code, 128 + n, 127, and its own 64 and 78", async () => {
    const code = async (...words: string[]) =>
      (await run({ direct: true, run: [...emulated, ...words] })).code;
    expect(await run({ direct: true, run: [...emulated, "--", "sh", "-c", "echo $PPID; exit 42"] })).toEqual({
      code: 42,
      stdout: "1\n",
      stderr: "",
    });
    expect(await code("--", "sh", "-c", "kill -9 $$")).toBe(137);
    expect(await code("--", "nonexistent")).toBe(127);
    expect(await code("--nonsense", "--", "true")).toBe(64);
    expect(await code("--policy", "/nonexistent", "--", "true")).toBe(78);
    expect(await code("--policy", "nginx", "--", "sh", "-c", "exit 3")).toBe(3);
  }, 60_000);

  test("makes a child by a list of calls, and forwards a signal", async () => {
    const options = policy("version: 1\nservices: { app: { command: [sh, -c, umask], umask: '0027' } }\n");
    expect(await run({ direct: true, run: [...emulated, ...options] })).toMatchObject({
      code: 0,
      stdout: "0027\n",
    });
    const script = "sleep 1000 & trap 'kill $!; exit 9' TERM; echo ready; wait";
    const running = await start({ direct: true, run: [...emulated, "--", "sh", "-c", script] }).ready();
    const pid = await running.pid();
    await untilWaiting(pid);
    process.kill(pid, "SIGTERM");
    expect((await running.ended()).code).toBe(9);
  }, 60_000);
});
