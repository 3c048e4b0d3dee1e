// Constants, system call numbers and struct layouts against the C headers of this machine.

import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as aarch64 from "../../init/sys/abi/aarch64.ts";
import * as x86_64 from "../../init/sys/abi/x86_64.ts";
import * as constants from "../../init/sys/constants.ts";
import * as errno from "../../init/sys/errno.ts";

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
];

/** What a C program says of each expression, each a long. */
function ask(compiler: string, expressions: readonly string[]): Record<string, number> {
  const folder = mkdtempSync(join(tmpdir(), "fdinit-probe-"));
  try {
    const lines = expressions.map((e) => `printf("%s\\t%ld\\n", ${JSON.stringify(e)}, (long)(${e}));`);
    const includes = HEADERS.map((header) => `#include <${header}>`).join("\n");
    writeFileSync(
      join(folder, "probe.c"),
      `#define _GNU_SOURCE\n${includes}\nint main(void) {\n${lines.join("\n")}\nreturn 0; }\n`,
    );
    const built = Bun.spawnSync([compiler, "-o", join(folder, "probe"), join(folder, "probe.c")]);
    if (!built.success) throw new Error(built.stderr.toString());
    const said = Bun.spawnSync([join(folder, "probe")]).stdout.toString();
    return Object.fromEntries(
      said
        .trim()
        .split("\n")
        .map((line) => line.split("\t"))
        .map(([name, value]) => [name, Number(value)]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Kernel-internal values under the same names: glibc's O_LARGEFILE games and GNU-only names do not concern these. */
const NUMBERS = Object.entries({ ...constants, ...errno }).filter(
  ([, value]) => typeof value === "number",
) as [string, number][];

/** Where glibc's header says something else than the kernel, or nothing. */
const NOT_IN_LIBC = new Set(["NSIG", "STATX_BASIC_STATS"]);

const gcc = Bun.which("gcc");
const muslGcc = Bun.which("musl-gcc");

describe.skipIf(!gcc || process.arch !== "x64")("with gcc", () => {
  test("every constant is the C library's", () => {
    const names = NUMBERS.map(([name]) => name).filter((name) => !NOT_IN_LIBC.has(name));
    const said = ask("gcc", names);
    expect(names.length).toBeGreaterThan(60);
    for (const [name, value] of NUMBERS)
      if (!NOT_IN_LIBC.has(name)) expect([name, said[name]]).toEqual([name, value]);
  });

  test("x86-64's system call numbers are the header's", () => {
    const names = Object.keys(x86_64.SYS).map((name) => `SYS_${name}`);
    const said = ask("gcc", [...names, "O_DIRECTORY"]);
    for (const [name, value] of Object.entries(x86_64.SYS))
      expect([name, said[`SYS_${name}`]]).toEqual([name, value]);
    expect(said["O_DIRECTORY"]).toBe(x86_64.O_DIRECTORY);
  });

  test("struct stat is laid out as the code reads it", () => {
    const said = ask("gcc", [
      "offsetof(struct stat, st_ino)",
      "offsetof(struct stat, st_mode)",
      "offsetof(struct stat, st_nlink)",
    ]);
    expect(Object.values(said)).toEqual([8, x86_64.STAT.mode, x86_64.STAT.links]);
  });

  test("structs are laid out as the code reads them", () => {
    const said = ask("gcc", [
      "sizeof(struct signalfd_siginfo)",
      "offsetof(struct signalfd_siginfo, ssi_code)",
      "offsetof(struct signalfd_siginfo, ssi_pid)",
      "offsetof(struct signalfd_siginfo, ssi_ptr)",
      "sizeof(struct statx)",
      "offsetof(struct statx, stx_mode)",
      "sizeof(siginfo_t)",
      "offsetof(siginfo_t, si_pid)",
      "offsetof(siginfo_t, si_value)",
      "sizeof(struct pollfd)",
    ]);
    expect(Object.values(said)).toEqual([128, 8, 12, 48, 256, 28, 128, 16, 24, 8]);
  });
});

for (const [libc, compiler] of [
  ["glibc", gcc],
  ["musl", muslGcc],
] as const) {
  test.skipIf(!compiler)(
    `${libc}: sigaction and posix_spawn's objects fit what is set aside for them`,
    () => {
      const said = Bun.spawnSync([compiler ?? "", "-x", "c", "-o", "/dev/null", "-c", "-"], {
        stdin: Buffer.from(`#define _GNU_SOURCE
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
`),
      });
      expect(said.stderr.toString()).toBe("");
    },
  );
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
