import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FDINIT, fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith, missing } from "../harness/needs.ts";
import { run, type Start } from "../harness/run.ts";

leaveNothingBehind();

const ROOT_RIGHTS = missing("root") === undefined;

const hex = (bytes: string | Uint8Array) => Buffer.from(bytes as string).toString("hex");
const NOT_UTF8 = Buffer.from([0x66, 0xff, 0xfe, 0x80, 0xc3, 0x28]);

// RLIMIT_* numbers of <asm-generic/resource.h>
const LIMITS = {
  cpu: 0,
  fileSize: 1,
  data: 2,
  stack: 3,
  core: 4,
  processes: 6,
  nofile: 7,
  memlock: 8,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
};

/** A process set up in as many odd ways as there are. */
function oddities(directory: string): string[] {
  const at = (name: string) => join(directory, name);
  writeFileSync(at("in"), "0123456789");
  writeFileSync(at("out"), "already here");
  Bun.spawnSync(["mkfifo", at("err")]);
  mkdirSync(at("somewhere"), { recursive: true });
  return [
    `fd=0:file:${at("in")}`,
    "seek=0:7",
    `fd=1:append:${at("out")}`,
    `fd=2:rdwr:${at("err")}`,
    "nonblock=2",
    "clearenv",
    `env=${hex(`PROBE_OUT=${at("report")}`)}`,
    `env=${hex("PATH=/usr/bin:/bin")}`,
    `env=${hex(Buffer.concat([Buffer.from("BYTES="), NOT_UTF8]))}`,
    `env=${hex(Buffer.concat([NOT_UTF8, Buffer.from("=in a name")]))}`,
    `env=${hex("EMPTY=")}`,
    `env=${hex("TWICE=first")}`,
    `env=${hex("TWICE=second")}`,
    `env=${hex("no equals sign")}`,
    `env=${hex("=starts with one")}`,
    `env=${hex("LINES=one\ntwo\n")}`,
    `env=${hex("FDINIT_INTENT=security")}`,
    `env=${hex("BUN_BE_BUN=1")}`,
    `env=${hex("BUN_OPTIONS=--preload /nonexistent.ts")}`,
    `env=${hex("NODE_CHANNEL_FD=9")}`,
    `env=${hex("MALLOC_ARENA_MAX=1")}`,
    `arg=${hex(NOT_UTF8)}`,
    "arg=",
    `arg=${hex("with\nline ends\n")}`,
    `arg=${hex("--policy")}`,
    `arg=${hex("--")}`,
    "arg=",
    `arg=${hex("ünïcödé 🙂")}`,
    // 10 USR1, 15 TERM, 17 CHLD, 22 TTOU, 40 a real-time signal
    ...[10, 15, 17, 22, 40].map((signal) => `block=${signal}`),
    // 1 HUP, 3 QUIT, 28 WINCH, 35 and 64 real-time signals
    ...[1, 3, 28, 35, 64].map((signal) => `ignore=${signal}`),
    `rlimit=${LIMITS.cpu}:1000:2000`,
    `rlimit=${LIMITS.fileSize}:1000000000:2000000000`,
    `rlimit=${LIMITS.stack}:4194304:16777216`,
    `rlimit=${LIMITS.core}:0:4096`,
    `rlimit=${LIMITS.processes}:3000:4000`,
    `rlimit=${LIMITS.memlock}:65536:131072`,
    `rlimit=${LIMITS.sigpending}:2000:3000`,
    `rlimit=${LIMITS.msgqueue}:4096:8192`,
    `rlimit=${LIMITS.nofile}:777:5000`,
    "nice=5",
    "umask=027",
    "oom=321",
    ...(ROOT_RIGHTS ? ["groups=7,42,100000"] : []),
    `cwd=${at("somewhere")}`,
    "nonewprivs",
  ];
}

type Report = Record<string, string>;

async function report(how: Omit<Start, "run" | "launch">, directory: string): Promise<Report> {
  const { code, stderr } = await run({ ...how, run: [fixture("probe")], launch: oddities(directory) });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const lines = readFileSync(join(directory, "report"), "latin1").trimEnd().split("\n");
  return Object.fromEntries(
    lines.map((line) => {
      const [name = "", value = ""] = line.split(/ (?=[0-9a-f]*$)/);
      return [name, visible(name, Buffer.from(value, "hex").toString("latin1"))];
    }),
  );
}

/** Lines that differ between any two processes are left out: they say nothing about how the two were started. */
const ITS_OWN =
  /^(Pid|Tgid|PPid|Ngid|NSpid|NStgid|NSpgid|NSsid|Vm\w+|Rss\w+|Hugetlb\w+|\w*ctxt_switches|SigQ|Threads|FDSize|x86_\w+):/;

function visible(name: string, value: string): string {
  if (name === "status") return value.replace(/^.*\n/gm, (line) => (ITS_OWN.test(line) ? "" : line));
  return name.endsWith("/info") ? value.replace(/^mnt_id:.*\n/m, "") : value;
}

describeWith(["gcc", "unshare"], "a program behind fdinit", () => {
  for (const as of ["pid1", "child"] as const) {
    const where = as === "pid1" ? "PID 1" : "an ordinary process";
    test(`sees in /proc/self what it sees without it, when fdinit is ${where}`, async () => {
      const directory = temporaryDirectory();
      const direct = await report({ as, direct: true }, directory);
      const behind = await report({ as }, directory);
      // The settings have arrived: else two equal nothings would be compared.
      expect(direct["limits"]).toMatch(/Max open files\s+777\s+5000/);
      expect(direct["status"]).toMatch(/SigBlk:\t0000008000214200/);
      expect(direct["status"]).toMatch(/SigIgn:\t8000000408000005/);
      expect(direct["umask"]).toBe("027");
      expect(direct["nice"]).toBe("5");
      expect(direct["environ"]).toContain(NOT_UTF8.toString("latin1"));
      expect(direct["fd/2/info"]).toMatch(/flags:\t0104002/);
      expect(behind).toEqual(direct);
    });
  }
});

describeWith(["gcc", "unshare"], "standard input, output and error", () => {
  test("are the very same open files: what the program reads and writes moves their position", async () => {
    const directory = temporaryDirectory();
    const file = join(directory, "both");
    writeFileSync(file, "first\nsecond\nthird\n");
    // One open file for both: the launcher's shell reads a line, the program behind fdinit the next, the shell the last.
    const script = 'read a; "$@" sh -c "read b; echo \\$b"; read c; echo "$a $c"';
    const ended = await run({
      direct: true,
      launch: [`fd=0:file:${file}`],
      run: ["/bin/sh", "-c", script, "sh", FDINIT, "--"],
    });
    expect(ended).toEqual({ code: 0, stdout: "second\nfirst third\n", stderr: "" });
  });
  for (const closed of [[0], [1], [2], [0, 1], [1, 2], [0, 1, 2]]) {
    test(`may be closed at the start (${closed.join(", ")}): no other file takes the number`, async () => {
      const file = join(temporaryDirectory(), "report");
      const behind = await run({
        launch: [...closed.map((fd) => `close=${fd}`), `env=${hex(`PROBE_OUT=${file}`)}`],
        run: [fixture("probe")],
      });
      expect(behind.code).toBe(0);
      const links = readFileSync(file, "latin1").matchAll(/^fd\/(\d+)\/link ([0-9a-f]*)$/gm);
      const found = Object.fromEntries(
        [...links].map(([, fd, link]) => [fd, Buffer.from(link ?? "", "hex").toString()]),
      );
      for (const fd of closed) expect([undefined, "/dev/null"]).toContain(found[fd]);
      expect(
        Object.keys(found)
          .map(Number)
          .filter((fd) => fd > 2),
      ).toEqual([]);
    });
  }
});

describeWith(["gcc", "unshare"], "the environment", () => {
  test("that means something to Bun reaches the program and has no power over fdinit", async () => {
    const env = {
      BUN_BE_BUN: "1",
      BUN_OPTIONS: "--preload /nonexistent.ts",
      BUN_INSPECT: "1",
      NODE_CHANNEL_FD: "3",
    };
    const ended = await run({
      run: ["sh", "-c", "echo $BUN_BE_BUN $BUN_OPTIONS $BUN_INSPECT $NODE_CHANNEL_FD"],
      env,
    });
    expect(ended).toEqual({ code: 0, stdout: "1 --preload /nonexistent.ts 1 3\n", stderr: "" });
  });
  test("may be empty", async () => {
    const ended = await run({
      launch: ["clearenv"],
      run: ["/bin/sh", "-c", "cat /proc/$$/environ | wc -c"],
    });
    expect(ended).toEqual({ code: 0, stdout: "0\n", stderr: "" });
  });
});
