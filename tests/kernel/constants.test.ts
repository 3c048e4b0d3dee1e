// Constants, system call numbers and struct layouts against C headers: this machine's, and arm64's by a
// cross compiler. A compiler's answer is read from its object file, so nothing of arm64 has to run.

import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as aarch64 from "../../init/sys/libc/abi/aarch64.ts";
import * as x86_64 from "../../init/sys/libc/abi/x86_64.ts";
import * as constants from "../../init/sys/libc/constants.ts";
import * as errno from "../../init/sys/libc/errno.ts";
import { contents, section } from "../../scripts/elf.ts";
import { muslHeaders } from "../../scripts/portable/musl.ts";
import { describeUnless, missing } from "../harness/needs.ts";

const HEADERS = [
  "errno.h",
  "fcntl.h",
  "netinet/in.h",
  "poll.h",
  "sys/mman.h",
  "time.h",
  "signal.h",
  "spawn.h",
  "sched.h",
  "stddef.h",
  "stdio.h",
  "sys/prctl.h",
  "sys/ptrace.h",
  "sys/uio.h",
  "sys/resource.h",
  "sys/ioctl.h",
  "sys/signalfd.h",
  "sys/socket.h",
  "sys/stat.h",
  "sys/syscall.h",
  "sys/wait.h",
  "unistd.h",
  "linux/capability.h",
  "linux/close_range.h",
  "linux/magic.h",
  "linux/openat2.h",
  "sys/statfs.h",
  "sys/statvfs.h",
  "ucontext.h",
];

/** A C compiler's value of each expression, each a long. */
function ask(compiler: readonly string[], expressions: readonly string[]): Record<string, number> {
  const includes = HEADERS.map((header) => `#include <${header}>`).join("\n");
  const values = expressions.map((expression) => `(long)(${expression}),`).join("\n");
  const answers = `__attribute__((section(".answers"))) const long answers[] = {\n${values}\n};`;
  const object = compiled(compiler, `#define _GNU_SOURCE\n${includes}\n${answers}\n`);
  const said = contents(object, section(object, ".answers"));
  return Object.fromEntries(expressions.map((name, at) => [name, Number(said.readBigInt64LE(8 * at))]));
}

/** The object file of a C text. */
function compiled(compiler: readonly string[], text: string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "fdinit-probe-"));
  try {
    const object = join(folder, "probe.o");
    const command = [...compiler, "-x", "c", "-c", "-o", object, "-"];
    const built = Bun.spawnSync(command, { stdin: Buffer.from(text) });
    if (!built.success) throw new Error(built.stderr.toString());
    return readFileSync(object);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Kernel-internal values under the same names: glibc's O_LARGEFILE games and GNU-only names do not concern these. */
const NUMBERS = Object.entries({ ...constants, ...errno }).filter(
  ([, value]) => typeof value === "number",
) as [string, number][];

/** Where glibc's header says something else than the kernel, or nothing; the last is newer than Debian's headers. */
const NOT_IN_LIBC = new Set(["NSIG", "STATX_BASIC_STATS", "F_DUPFD_QUERY"]);

const gcc = Bun.which("gcc");

/** Each architecture, and the compiler that knows its headers. */
const ARCHITECTURES = [
  {
    name: "x86-64",
    abi: x86_64,
    compiler: "gcc",
    need: "gcc",
    uc_sigmask: 296,
    here: process.arch === "x64",
  },
  {
    name: "arm64",
    abi: aarch64,
    compiler: process.arch === "arm64" ? "gcc" : "aarch64-linux-gnu-gcc",
    need: process.arch === "arm64" ? "gcc" : "aarch64-linux-gnu-gcc",
    uc_sigmask: 40,
    here: true,
  },
] as const;

for (const { name, abi, compiler, need, uc_sigmask, here } of ARCHITECTURES) {
  const reason = missing(need) ?? (here ? undefined : "there is no compiler for it");
  describeUnless(reason, `with ${name}'s headers`, () => {
    test("every constant is the C library's", () => {
      const names = NUMBERS.map(([name]) => name).filter((name) => !NOT_IN_LIBC.has(name));
      const said = ask([compiler], names);
      expect(names.length).toBeGreaterThan(60);
      for (const [name, value] of NUMBERS)
        if (!NOT_IN_LIBC.has(name)) expect([name, said[name]]).toEqual([name, value]);
    });

    test("system call numbers are the header's", () => {
      const said = ask(
        [compiler],
        [...Object.keys(abi.SYS).map((name) => `SYS_${name}`), "O_DIRECTORY", "O_NOFOLLOW"],
      );
      for (const [name, value] of Object.entries(abi.SYS))
        expect([name, said[`SYS_${name}`]]).toEqual([name, value]);
      expect(said["O_DIRECTORY"]).toBe(abi.O_DIRECTORY);
      expect(said["O_NOFOLLOW"]).toBe(abi.O_NOFOLLOW);
    });

    test("struct stat is laid out as the code reads it", () => {
      const said = ask(
        [compiler],
        [
          "offsetof(struct stat, st_ino)",
          "offsetof(struct stat, st_mode)",
          "offsetof(struct stat, st_nlink)",
          "offsetof(struct stat, st_uid)",
          "offsetof(struct stat, st_gid)",
        ],
      );
      expect(Object.values(said)).toEqual([8, abi.STAT.mode, abi.STAT.links, abi.STAT.uid, abi.STAT.uid + 4]);
    });

    test("structs are laid out as the code reads them", () => {
      const said = ask(
        [compiler],
        [
          "sizeof(struct signalfd_siginfo)",
          "offsetof(struct signalfd_siginfo, ssi_code)",
          "offsetof(struct signalfd_siginfo, ssi_pid)",
          "offsetof(struct signalfd_siginfo, ssi_ptr)",
          "sizeof(struct statx)",
          "offsetof(struct statx, stx_mode)",
          "offsetof(struct statx, stx_uid)",
          "offsetof(struct statx, stx_gid)",
          "sizeof(struct open_how)",
          "offsetof(struct open_how, resolve)",
          "offsetof(struct statfs, f_flags)",
          "sizeof(siginfo_t)",
          "offsetof(siginfo_t, si_pid)",
          "offsetof(siginfo_t, si_value)",
          "sizeof(struct pollfd)",
          "offsetof(ucontext_t, uc_sigmask)",
        ],
      );
      expect(Object.values(said)).toEqual([
        128,
        8,
        12,
        48,
        256,
        28,
        20,
        24,
        24,
        16,
        80,
        128,
        16,
        24,
        8,
        uc_sigmask,
      ]);
    });
  });
}

/** Constants of libc, not of the kernel: glibc and musl agree, on both architectures. */
const LIBC_LAYOUTS = `#define _GNU_SOURCE
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
_Static_assert(offsetof(struct sigaction, sa_mask) == 8, "mask");
_Static_assert(offsetof(struct sigaction, sa_flags) == 136, "flags");
_Static_assert(sizeof(struct sigaction) == 152, "size");
_Static_assert(sizeof(sigset_t) == 128, "sigset_t");
_Static_assert(sizeof(posix_spawnattr_t) == 336, "attributes");
_Static_assert(sizeof(posix_spawn_file_actions_t) <= 512, "actions");
_Static_assert(POSIX_SPAWN_SETSIGMASK == 8 && POSIX_SPAWN_SETSIGDEF == 4, "flags");
`;

const cross = "aarch64-linux-gnu-gcc";
const LIBCS: readonly (readonly [name: string, reason: string | undefined, compiler: () => string[]])[] = [
  ["glibc", missing("gcc"), () => ["gcc"]],
  ["musl", missing("musl-gcc"), () => ["musl-gcc"]],
  ["arm64's glibc", missing(cross), () => [cross]],
  [
    "arm64's musl",
    missing(cross, "arm64 musl"),
    () => [cross, "-nostdinc", "-isystem", muslHeaders("aarch64")],
  ],
];

for (const [libc, reason, compiler] of LIBCS) {
  describeUnless(reason, `${libc}: what is set aside`, () => {
    test("fits sigaction and posix_spawn's objects", () => {
      expect(() => compiled(compiler(), LIBC_LAYOUTS)).not.toThrow();
    });
  });
}

test.skipIf(!gcc)("arm64's system call numbers are those of the generic table", () => {
  const source = Buffer.from(
    "#define __ARCH_WANT_NEW_STAT\n#define __ARCH_WANT_RENAMEAT\n#define __ARCH_WANT_SET_GET_RLIMIT\n#include <asm-generic/unistd.h>\n",
  );
  const macros = Bun.spawnSync(["gcc", "-E", "-dM", "-"], { stdin: source }).stdout.toString();
  for (const [name, value] of Object.entries(aarch64.SYS)) {
    const number = new RegExp(
      `^#define __NR(?:3264)?_${name === "newfstatat" ? "fstatat" : name} (\\d+)$`,
      "m",
    ).exec(macros)?.[1];
    expect([name, Number(number)]).toEqual([name, value]);
  }
});

test("both architectures name the same calls", () => {
  expect(Object.keys(aarch64.SYS).sort()).toEqual(Object.keys(x86_64.SYS).sort());
});
