// The child's list of system calls against the real kernel: each part of a spawn request as the program
// finds it in /proc/self, and each step that fails by its name.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as aarch64 from "../../init/sys/engine/bun/abi/aarch64.ts";
import * as x86_64 from "../../init/sys/engine/bun/abi/x86_64.ts";
import type { SpawnRequest } from "../../init/sys/kernel.ts";
import { EINVAL, ENOENT } from "../../init/sys/libc/errno.ts";
import { SYS, syscall } from "../../init/sys/libc/libc.ts";
import { spawn } from "../../init/sys/processes/spawn.ts";
import { bytesOf } from "../../init/sys/text/bytes.ts";
import { describeWith } from "../harness/needs.ts";

const folder = mkdtempSync(join(tmpdir(), "fdinit-child-"));
afterAll(() => rmSync(folder, { recursive: true }));

const PLAIN = { path: bytesOf("/bin/sh"), byShell: false, environment: {}, pass: [] };

/** The shell's output for `script` when it is started so. */
function said(script: string, request: Partial<SpawnRequest>): string {
  const output = join(folder, "said");
  const words = ["sh", "-c", `exec > ${output}; ${script}`];
  const pid = spawn({ ...PLAIN, arguments: { words }, ...request }, new Uint8Array(8));
  expect(pid).toBeNumber();
  expect(pid).toBeGreaterThan(0);
  expect(syscall(SYS.wait4, pid as number, 0, 0, 0)).toBe(pid as number);
  return readFileSync(output, "utf8").trim();
}

function failure(request: Partial<SpawnRequest>) {
  const words = ["true"];
  return spawn({ ...PLAIN, arguments: { words }, ...request }, new Uint8Array(8));
}

const GROUP = "set -- $(cat /proc/self/stat); echo $$ $5 $6"; // pid, process group, session

describe("a child", () => {
  test("begins a process group of its own before it runs", () => {
    const [pid, group, session] = said(GROUP, { group: "own" }).split(" ");
    expect(group).toBe(pid as string);
    expect(session).not.toBe(pid as string);
  });

  test("begins a session of its own", () => {
    const [pid, group, session] = said(GROUP, { group: "session" }).split(" ");
    expect([group, session]).toEqual([pid, pid]);
  });

  test("finds its own pid in the variable that is to hold it, and not the variables taken away", () => {
    const request = {
      environment: { LISTEN_FDS: "1" },
      pidVariable: "LISTEN_PID",
      withoutVariables: ["PATH"],
    };
    const [pid, listenPid, fds, path] = said(
      'echo "$$ $LISTEN_PID $LISTEN_FDS $(env | grep -c ^PATH=)"',
      request,
    ).split(" ");
    expect(listenPid).toBe(pid as string);
    expect([fds, path]).toEqual(["1", "0"]);
  });

  test("has the umask, the nice value and the OOM score adjustment asked for", () => {
    const script = "umask; set -- $(cat /proc/self/stat); echo ${19}; cat /proc/self/oom_score_adj";
    expect(said(script, { umask: 0o27, nice: 5, oomScoreAdj: 321 })).toBe("0027\n5\n321");
  });

  test("has the limits asked for", () => {
    const limits = [{ resource: 4, name: "core", limit: { soft: 0, hard: 4096 } }];
    expect(said("ulimit -Sc; ulimit -Hc", { limits })).toBe("0\n8");
  });

  test("is told of its parent's death, and cannot gain privileges", () => {
    const script = "grep NoNewPrivs /proc/self/status";
    expect(said(script, { noNewPrivileges: true, parentDeathSignal: 15 })).toBe("NoNewPrivs:\t1");
  });

  test("ignores nothing that an unhardened Bun ignores, and blocks what the mask says", () => {
    const script = "grep -E 'Sig(Blk|Ign)' /proc/self/status";
    expect(said(script, { umask: 0o22 })).toBe("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000");
  });

  test("that fails before execve says at which stage", () => {
    expect(failure({ cwd: "/nonexistent" })).toEqual({
      stage: "working-directory",
      call: "chdir",
      subject: '"/nonexistent"',
      errno: ENOENT,
    });
    const limits = [{ resource: 7, name: "nofile", limit: { soft: 10, hard: 5 } }];
    expect(failure({ limits })).toEqual({
      stage: "limit",
      call: "prlimit64",
      subject: "nofile to 10:5",
      errno: EINVAL,
    });
  });

  test("that cannot be executed answers execve's error alone", () => {
    expect(failure({ umask: 0o22, path: bytesOf("/nonexistent") })).toBe(-ENOENT);
  });

  test("that failed is no zombie", () => {
    const before = Bun.spawnSync(["ps", "--ppid", String(process.pid), "-o", "stat="]).stdout.toString();
    failure({ cwd: "/nonexistent" });
    const after = Bun.spawnSync(["ps", "--ppid", String(process.pid), "-o", "stat="]).stdout.toString();
    expect(after.match(/Z/g)?.length ?? 0).toBe(before.match(/Z/g)?.length ?? 0);
  });
});

describeWith(["root"], "as root, a child", () => {
  const NOBODY = { uid: 65534, gid: 65533, groups: [7, 8] };
  const IDS = "grep -E '^(Uid|Gid|Groups)' /proc/self/status | tr -d '\\n'";

  test("becomes another user with exactly the groups given", () => {
    const output = join(folder, "said");
    Bun.write(output, "");
    Bun.spawnSync(["chmod", "-R", "a+rwx", folder]);
    expect(said(IDS, { credentials: NOBODY }).split(/\s+/).join(" ")).toBe(
      "Uid: 65534 65534 65534 65534Gid: 65533 65533 65533 65533Groups: 7 8",
    );
  });

  test("has no capability as another user but the ambient ones", () => {
    const capabilities = { keep: [10], ambient: [10] };
    const script = "grep -E '^Cap(Prm|Eff|Bnd|Amb)' /proc/self/status";
    const lines = said(script, { credentials: NOBODY, capabilities }).split("\n");
    expect(lines.map((line) => BigInt(`0x${line.split("\t")[1]}`))).toEqual(Array(4).fill(1n << 10n));
  });

  test("stays root with the kept capabilities only", () => {
    const script = "grep -E '^Cap(Prm|Eff|Bnd)' /proc/self/status";
    const lines = said(script, { capabilities: { keep: [0, 1], ambient: [] } }).split("\n");
    expect(lines.map((line) => BigInt(`0x${line.split("\t")[1]}`))).toEqual(Array(3).fill(3n));
  });
});

describeWith(["gcc"], "the child's machine code", () => {
  test.each([
    ["child-x86_64.s", "as", "objcopy", x86_64.childCode],
    ["child-aarch64.s", "aarch64-linux-gnu-as", "aarch64-linux-gnu-objcopy", aarch64.childCode],
  ])("of %s is what the assembler makes of it", (source, assembler, objcopy, code) => {
    if (Bun.which(assembler) === null) return expect(code).toMatch(/^([0-9a-f]{8})+$/);
    const [object, binary] = [join(folder, "child.o"), join(folder, "child.bin")];
    const path = join(import.meta.dir, "../../init/sys/engine/bun/abi", source);
    expect(Bun.spawnSync([assembler, "-o", object, path]).success).toBe(true);
    expect(Bun.spawnSync([objcopy, "-O", "binary", "-j", ".text", object, binary]).success).toBe(true);
    expect(readFileSync(binary).toString("hex")).toBe(code);
  });
});
