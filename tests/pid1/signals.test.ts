import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { status, untilWaiting, waiting } from "../harness/processes.ts";
import { policy, type Running, run, type Start, start } from "../harness/run.ts";

leaveNothingBehind();

// All but KILL and STOP, which no process can take, CHLD, which is fdinit's own, and libc's 32 and 33.
const FORWARDED = [...Array(64).keys()]
  .map((index) => index + 1)
  .filter((signal) => ![9, 17, 19, 32, 33].includes(signal));
// The signals that Bun and its JavaScript engine handle themselves: ILL TRAP ABRT BUS FPE SEGV PWR SYS
const ENGINES_OWN = [4, 5, 6, 7, 8, 11, 30, 31];
const SIGPWR = 30;
const SI_USER = 0;
const SI_QUEUE = -1;

/** Sends as kill(2), or with more words as sigqueue(3). */
function send(pid: number, ...words: number[]): void {
  const sent = Bun.spawnSync([fixture("send"), String(pid), ...words.map(String)], { timeout: 10_000 });
  if (!sent.success) throw new Error(`send ${pid} ${words.join(" ")}: ${sent.stderr}`);
}

const recorder = (how: Partial<Start> = {}) => start({ run: [fixture("recorder")], ...how }).ready();

/** The program's lines after those already read. */
async function rest(running: Running): Promise<string[]> {
  const { code, stdout, stderr } = await running.finished();
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.trimEnd().split("\n");
}

describeWith(["gcc", "unshare"], "a signal sent to fdinit", () => {
  for (const as of ["pid1", "child"] as const) {
    test(`arrives in the program exactly once, whichever it is (${as})`, async () => {
      const running = await recorder({ as });
      const pid = await running.pid();
      for (const signal of FORWARDED) {
        send(pid, signal);
        expect(await running.line()).toBe(`${signal} ${SI_USER} 0`);
      }
      expect(await rest(running)).toEqual(["end"]);
    });
  }
  test("arrives from inside the container too", async () => {
    // The shell is what fdinit started, so it is what gets the signal, and dies of it: before the exec or after it.
    const script = `${fixture("send")} 1 1; exec sleep 1000`;
    const ended = await run({ run: ["sh", "-c", script] });
    expect(ended.code).toBe(129);
    const running = await recorder();
    const inside = ["nsenter", "--target", String(await running.pid()), "--pid", fixture("send"), "1", "15"];
    expect(Bun.spawnSync(inside, { timeout: 10_000 }).success).toBe(true);
    expect(await running.line()).toBe(`15 ${SI_USER} 0`);
    expect(await rest(running)).toEqual(["end"]);
  });
  test("of those that the JavaScript engine uses arrives 50 times out of 50", async () => {
    const running = await recorder();
    const pid = await running.pid();
    for (let round = 0; round < 50; round++) {
      for (const signal of ENGINES_OWN) {
        send(pid, signal);
        expect(await running.line()).toBe(`${signal} ${SI_USER} 0`);
      }
    }
    expect(await rest(running)).toEqual(["end"]);
  }, 60_000);
  test("brings the value that sigqueue gave it", async () => {
    const running = await recorder();
    const pid = await running.pid();
    for (const signal of FORWARDED) {
      send(pid, signal, 1_000_000_007 * signal);
      expect(await running.line()).toBe(`${signal} ${SI_QUEUE} ${1_000_000_007 * signal}`);
    }
    expect(await rest(running)).toEqual(["end"]);
  });
  test("in a burst arrives as often as it was sent, and in order, when it is a real-time signal", async () => {
    const running = await recorder();
    const pid = await running.pid();
    send(pid, 40, 1, 500);
    send(pid, 64, 1, 500);
    const expected = (signal: number) => [...Array(500).keys()].map((i) => `${signal} ${SI_QUEUE} ${i + 1}`);
    const seen: string[] = [];
    while (seen.length < 1000) seen.push(await running.line());
    expect(seen.filter((line) => line.startsWith("40 "))).toEqual(expected(40));
    expect(seen.filter((line) => line.startsWith("64 "))).toEqual(expected(64));
    expect(await rest(running)).toEqual(["end"]);
  });
  test("does not end fdinit when the program ignores it", async () => {
    const running = await start({
      run: ["sh", "-c", "trap '' TERM INT HUP; echo ready; read line; exit 12"],
    }).ready();
    for (const signal of [15, 2, 1]) send(await running.pid(), signal);
    expect((await running.finished()).code).toBe(12);
  });
  test("ends the program that does not handle it, and gives its code", async () => {
    for (const signal of [15, 2, 1, 10, 34, 64]) {
      const running = await start({ run: [fixture("hold")] }).ready();
      send(await running.pid(), signal);
      expect((await running.ended()).code).toBe(128 + signal);
    }
  });
  test("STOP and CONT act on fdinit itself, and nothing sent meanwhile is lost", async () => {
    const running = await recorder();
    const pid = await running.pid();
    await untilWaiting(pid);
    send(pid, 19);
    send(pid, 15);
    send(pid, 18);
    const lines = [await running.line(), await running.line()].sort();
    expect(lines).toEqual([`15 ${SI_USER} 0`, `18 ${SI_USER} 0`]);
    expect(await rest(running)).toEqual(["end"]);
  });
});

describeWith(["gcc", "unshare"], "with odd things inherited", () => {
  test("SIGCHLD ignored by the launcher costs no exit code", async () => {
    for (const as of ["pid1", "child"] as const)
      expect((await run({ as, launch: ["ignore=17"], run: ["sh", "-c", "exit 21"] })).code).toBe(21);
  });
  test("SIGCHLD and every other signal blocked by the launcher costs neither code nor signal", async () => {
    const launch = [...Array(64).keys()].map((index) => `block=${index + 1}`);
    expect((await run({ launch, run: ["sh", "-c", "exit 22"] })).code).toBe(22);
    const running = await recorder({ launch });
    send(await running.pid(), 15);
    expect(await running.line()).toBe(`15 ${SI_USER} 0`);
    expect(await rest(running)).toEqual(["end"]);
  });
  test("every signal ignored by the launcher still goes to the program", async () => {
    const ignored = FORWARDED.filter((signal) => signal !== SIGPWR);
    const running = await recorder({ launch: ignored.map((signal) => `ignore=${signal}`) });
    for (const signal of ignored) {
      send(await running.pid(), signal);
      expect(await running.line()).toBe(`${signal} ${SI_USER} 0`);
    }
    expect(await rest(running)).toEqual(["end"]);
  });
  test("SIGPWR ignored by the launcher makes nobody but fdinit speak on standard error", async () => {
    expect(await run({ launch: [`ignore=${SIGPWR}`], run: ["true"] })).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
  });
  test("what the launcher ignored the program ignores, but for SIGCHLD", async () => {
    const all = [...FORWARDED, 17];
    const launch = all.map((signal) => `ignore=${signal}`);
    const running = await start({ launch, run: [fixture("hold")] }).ready();
    const payload = await running.payload();
    const ignored = BigInt(`0x${status(payload, "SigIgn")}`);
    const lost = all.filter((signal) => ((ignored >> BigInt(signal - 1)) & 1n) === 0n);
    expect(lost.sort((a, b) => a - b)).toEqual([17]);
    expect((await running.finished()).code).toBe(0);
  });
  test("a broken pipe as standard error costs the message, not the code", async () => {
    const launch = ["fd=2:brokenpipe"];
    expect((await run({ launch, run: ["/nonexistent"] })).code).toBe(127);
    expect((await run({ launch, run: ["sh", "-c", "exit 23"] })).code).toBe(23);
    expect((await run({ launch, options: ["--policy", "/nonexistent.yaml"], run: ["true"] })).code).toBe(78);
  });
  test("a full pipe that nobody reads as standard error holds nothing up", async () => {
    const fifo = join(temporaryDirectory(), "fifo");
    Bun.spawnSync(["mkfifo", fifo]);
    const launch = [`fd=2:fullpipe:${fifo}`];
    expect((await run({ launch, run: ["/nonexistent"] })).code).toBe(127);
    const refuse = policy("version: 1\nfds: { inherited: { default: refuse } }\n");
    expect((await run({ launch: [...launch, "fd=9:dir:/etc"], options: refuse, run: ["true"] })).code).toBe(
      77,
    );
  });
  test("a broken pipe as standard error: SIGPIPE sent by another still arrives", async () => {
    const running = await recorder({ launch: ["fd=2:brokenpipe"] });
    send(await running.pid(), 13);
    expect(await running.line()).toBe(`13 ${SI_USER} 0`);
    expect(await rest(running)).toEqual(["end"]);
  });
});

describeWith(["gcc", "unshare"], "while the program runs, every thread of fdinit", () => {
  test("but the engine's own faults blocks every signal that the wait loop reads", async () => {
    const running = await start({ run: [fixture("hold")] }).ready();
    const pid = await running.pid();
    await untilWaiting(pid);
    // Those that sigtimedwait waits for are not blocked while it waits: they are its thread's to take.
    const [main, ...others] = readdirSync(`/proc/${pid}/task`);
    expect([main, waiting(pid)]).toEqual([String(pid), "forever"]);
    const open = others.flatMap((task) => {
      const mask = BigInt(`0x${status(Number(task), "SigBlk")}`);
      return FORWARDED.filter((signal) => ((mask >> BigInt(signal - 1)) & 1n) === 0n);
    });
    expect(open.filter((signal) => !ENGINES_OWN.includes(signal))).toEqual([]);
    expect((await running.finished()).code).toBe(0);
  });
});
