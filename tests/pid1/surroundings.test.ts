import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ENGINE_OWN, FDINIT, fixture, IS_MUSL, IS_QUICKJS } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith, UNSHARE } from "../harness/needs.ts";
import { children, descriptors, extra, until, untilWaiting } from "../harness/processes.ts";
import { policy, run, type Start, start } from "../harness/run.ts";

leaveNothingBehind();

const hex = (bytes: Uint8Array | string) => Buffer.from(bytes as string).toString("hex");
const EARLY_THREAD = { BUN_JSC_warmUpMarkedBlockStartAfterBlocks: "30" };
const KEEP = () => policy("version: 1\nfds: { inherited: { default: keep } }\n");

const EPERM = 1;
const ENOSYS = 38;
const SYSCALL =
  process.arch === "x64"
    ? { close_range: 436, statx: 332, mprotect: 10, unshare: 272, getdents64: 217 }
    : { close_range: 436, statx: 291, mprotect: 226, unshare: 97, getdents64: 61 };

async function heldByProgram(what: Omit<Start, "run">): Promise<number[]> {
  const running = await start({ ...what, run: [fixture("hold")] }).ready();
  await untilWaiting(await running.pid());
  const seen = extra(descriptors(await running.payload()));
  expect((await running.finished()).code).toBe(0);
  return seen;
}

describeWith(["gcc", "unshare"], "where seccomp forbids", () => {
  for (const [name, error] of Object.entries({ ENOSYS, EPERM })) {
    const launch = [
      "fd=3:dir:/etc",
      "fd=5:listen",
      "fd=1500:dir:/usr",
      `deny=${SYSCALL.close_range}:${error}`,
    ];
    test(`close_range (${name}) nothing inherited reaches the program or stays in PID 1`, async () => {
      const running = await start({ launch, run: [fixture("hold")] }).ready();
      const pid = await running.pid();
      await untilWaiting(pid);
      expect(extra(descriptors(await running.payload()))).toEqual([]);
      const init = descriptors(pid);
      expect(extra(init).filter((fd) => !init[fd]?.startsWith("anon_inode:"))).toEqual([]);
      expect((await running.finished()).code).toBe(0);
    });
    test(`close_range (${name}) cloexec and keep still do what they say`, async () => {
      expect(await heldByProgram({ launch, options: ["--intent", "performance"] })).toEqual([]);
      expect(await heldByProgram({ launch, options: KEEP() })).toEqual([3, 5, 1500]);
    });
    test(`statx (${name}) the program gets what is kept, and nothing of Bun's`, async () => {
      const denied = ["fd=3:dir:/etc", `deny=${SYSCALL.statx}:${error}`];
      expect(await heldByProgram({ launch: denied })).toEqual([]);
      expect(await heldByProgram({ launch: denied, options: KEEP() })).toEqual([3]);
    });
  }
});

describeWith(["gcc", "unshare"], "what the launcher left", () => {
  test("as an ended child is reaped and not taken for the program", async () => {
    const running = await start({ launch: ["child=5", "child=6"], run: [fixture("hold")] }).ready();
    const pid = await running.pid();
    await until("only the program is left", () => children(pid).length === 1);
    expect((await running.finished()).code).toBe(0);
  });
  test("as a pending signal, blocked, is forwarded", async () => {
    const launch = ["block=15", "raise=15", "block=40", "raise=40"];
    const running = await start({ launch, run: [fixture("recorder")] }).ready();
    const lines = [await running.line(), await running.line()].map((line) => line.split(" ")[0]);
    expect(lines.sort()).toEqual(["15", "40"]);
    expect((await running.finished()).code).toBe(0);
  });
  test("as a value in fdinit's own variable does not keep it from starting", async () => {
    for (const value of ["x", "", "0", "zzzzzzzzzzzzzzzz", "0000000000000000"])
      for (const env of [EARLY_THREAD, {}]) {
        const ended = await run({
          env: { ...env, FDINIT_ORIGINAL_SIGNAL_MASK: value },
          run: ["sh", "-c", "exit 4"],
        });
        expect({ value, code: ended.code }).toEqual({ value, code: 4 });
      }
  });
});

describeWith(["gcc", "unshare"], "bytes that are not UTF-8", () => {
  const odd = Buffer.from([0x70, 0xff, 0xc3, 0x28]);
  /** A directory of such a name, with an executable of such a name in it. */
  function oddDirectory(): Buffer {
    const path = Buffer.concat([Buffer.from(`${temporaryDirectory()}/`), odd]);
    mkdirSync(path);
    writeFileSync(Buffer.concat([path, Buffer.from("/"), odd]), "#!/bin/sh\necho found\n", { mode: 0o755 });
    return path;
  }
  const found = { code: 0, stdout: "found\n", stderr: "" };
  test("may be in the program's path", async () => {
    const path = Buffer.concat([oddDirectory(), Buffer.from("/"), odd]);
    expect(await run({ launch: [`arg=${hex(path)}`], run: [] })).toEqual(found);
  });
  test("may be in PATH and in the program's name", async () => {
    const path = Buffer.concat([Buffer.from("PATH="), oddDirectory(), Buffer.from(":/bin")]);
    expect(await run({ launch: ["clearenv", `env=${hex(path)}`, `arg=${hex(odd)}`], run: [] })).toEqual(
      found,
    );
  });
  test("may be in the working directory", async () => {
    const launch = [`arg=${hex(Buffer.concat([Buffer.from("./"), odd]))}`];
    const directory = oddDirectory();
    // A shell changes there, for no string of JavaScript can name it.
    const before = `cd "$(printf '%b' '${[...directory].map((byte) => `\\0${byte.toString(8)}`).join("")}')"`;
    expect(await run({ before, launch, run: [] })).toEqual(found);
  });
});

describeWith(["gcc", "unshare"], "with a great many arguments and variables", () => {
  test("each one arrives", async () => {
    const words = Array.from({ length: 20_000 }, (_, index) => `word${index}`);
    const ended = await run({ run: ["sh", "-c", 'echo $# "$1" "${20000}"', "sh", ...words] });
    expect(ended).toEqual({ code: 0, stdout: "20000 word0 word19999\n", stderr: "" });
    const env = Object.fromEntries(words.slice(0, 3000).map((word) => [word, word]));
    const many = await run({ env, run: ["sh", "-c", 'echo "$word0 $word2999"'] });
    expect(many).toEqual({ code: 0, stdout: "word0 word2999\n", stderr: "" });
  });
  test("one of 120,000 bytes arrives whole", async () => {
    const ended = await run({ run: ["sh", "-c", 'echo "${#1}"', "sh", "x".repeat(120_000)] });
    expect(ended).toEqual({ code: 0, stdout: "120000\n", stderr: "" });
  });
});

describeWith(["gcc", "unshare", "root"], "in a poor place", () => {
  test("a working directory that was deleted does not keep it from starting", async () => {
    const gone = join(temporaryDirectory(), "gone");
    const ended = await run({
      before: `mkdir ${gone}; cd ${gone}; rmdir ${gone}`,
      run: ["/bin/echo", "ran"],
    });
    expect(ended).toEqual({ code: 0, stdout: "ran\n", stderr: "" });
  });
  test("a working directory that may not be read does not keep it from starting", async () => {
    const directory = temporaryDirectory();
    const launch = [`cwd=${directory}`, "user=1000"];
    expect(await run({ launch, run: ["/bin/echo", "ran"] })).toEqual({
      code: 0,
      stdout: "ran\n",
      stderr: "",
    });
  });
  test("/dev without /dev/null: starts, and keeps what is kept, with a second start too", async () => {
    const before = "mount -t tmpfs none /dev";
    for (const env of [{}, EARLY_THREAD]) {
      expect((await run({ before, env, run: ["sh", "-c", "exit 3"] })).code).toBe(3);
      const launch = ["fd=3:dir:/etc"];
      expect(await heldByProgram({ before, env, launch })).toEqual([]);
      expect(await heldByProgram({ before, env, launch, options: KEEP() })).toEqual([3]);
    }
  });
  test("few open files: works with 16, and says so with too few", async () => {
    expect((await run({ launch: ["rlimit=7:16:16"], run: ["sh", "-c", "exit 3"] })).code).toBe(3);
    const few = 3 + ENGINE_OWN;
    const { code, stderr } = await run({ launch: [`rlimit=7:${few}:${few}`], run: ["true"] });
    expect(code).toBe(70);
    expect(stderr).toStartWith("fdinit: ");
  });
  test("no thread may be made where the engine wants one: ends at once rather than run for ever", async () => {
    const rules = Array.from({ length: 300 }, (_, i) => `{ match: { fd: ${i + 3} }, action: &a${i} keep }`);
    const [option = "", file = ""] = policy(
      `version: 1\nfds: { inherited: { rules: [${rules.join(", ")}] } }\n`,
    );
    chmodSync(dirname(file), 0o755);
    const { code } = await run({
      launch: ["user=54321", "rlimit=6:1:1"],
      options: [option, file],
      run: ["true"],
    });
    // musl's abort(3) ends in a fault once it finds SIGABRT blocked. QuickJS wants no thread, and the program finds no process.
    expect(code).toBe(IS_QUICKJS ? 126 : IS_MUSL ? 139 : 70);
  });
  test("by a symbolic link, a relative path and from PATH, with a second start too", async () => {
    const directory = temporaryDirectory();
    const link = join(directory, "init");
    const before = `ln -sf ${FDINIT} ${link}; cd ${directory}; PATH=${directory}:$PATH`;
    for (const env of [{}, EARLY_THREAD])
      for (const executable of [link, "./init"]) {
        const ended = await run({ before, env, executable, run: ["sh", "-c", "exit 3"] });
        expect({ executable, code: ended.code }).toEqual({ executable, code: 3 });
      }
    expect(
      (await run({ before, env: EARLY_THREAD, executable: "init", run: ["sh", "-c", "exit 3"] })).code,
    ).toBe(3);
  });
});

describeWith(["gcc", "unshare"], "on a terminal", () => {
  const [INTERRUPT, QUIT, END] = ["\x03", "\x1c", "\x04"];
  /** Types the keys, one for each line that the recorder behind fdinit shows. */
  async function typed(keys: string, ...before: string[]) {
    const command = [...before, FDINIT, "--", fixture("recorder")];
    const ended = await run({ as: "child", direct: true, run: [fixture("terminal"), keys, ...command] });
    return { ...ended, stdout: ended.stdout.replaceAll("\r", "").replace(/\^[C\\]/g, "") };
  }
  test("^C and ^\\ arrive in the program once", async () => {
    const shown = "ready\n2 128 0\n3 128 0\nend\n";
    expect(await typed(`${INTERRUPT}${QUIT}${END}`)).toEqual({ code: 0, stdout: shown, stderr: "" });
  });
  test("^C arrives in the program once when fdinit is PID 1", async () => {
    const [unshare = "", ...words] = UNSHARE;
    // unshare itself is in the foreground too, and of the two blocks SIGINT only
    const ended = await typed(`${INTERRUPT}${END}`, Bun.which(unshare) ?? "", ...words);
    expect(ended).toEqual({ code: 0, stdout: "ready\n2 128 0\nend\n", stderr: "" });
  });
});
