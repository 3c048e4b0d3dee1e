import { expect, test } from "bun:test";
import { QUESTIONS } from "../../scripts/harden/questions.ts";
import { COMMAND_NAME, FDINIT, fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind, register } from "../harness/leftovers.ts";
import { describeWith, LONG } from "../harness/needs.ts";
import { hasEnded, statusText, until, waiting } from "../harness/processes.ts";
import { run, start } from "../harness/run.ts";

leaveNothingBehind();

const SIGTERM = 15;
const STARTS = LONG ? 1000 : 300;
const BUSY_STARTS = LONG ? 200 : 60;
const EARLY = LONG ? 500 : 100;

async function manyStarts(count: number): Promise<void> {
  for (let round = 0; round < count; round++) {
    const as = round % 2 === 0 ? "pid1" : "child";
    const { code, stderr } = await run({ as, run: ["true"] });
    expect({ round, as, code, stderr }).toEqual({ round, as, code: 0, stderr: "" });
  }
}

function busy(processes: number): void {
  for (let i = 0; i < processes; i++)
    register(Bun.spawn(["sh", "-c", "while :; do :; done"], { stdio: ["ignore", "ignore", "ignore"] }));
}

describeWith(["unshare"], "fdinit -- true", () => {
  test(`ends ${STARTS} times in a row`, () => manyStarts(STARTS), 300_000);
  test(`ends ${BUSY_STARTS} times in a row beside four busy processes`, async () => {
    busy(4);
    await manyStarts(BUSY_STARTS);
  }, 300_000);
});

describeWith(["strace"], "a start", () => {
  test("asks the machine nothing that PID 1 has no use for", () => {
    const calls = "--trace=open,openat,access,faccessat,readlink,readlinkat";
    const { success, stderr } = Bun.spawnSync(["strace", "-qq", calls, FDINIT, "--", "true"]);
    const opened = stderr.toString();
    expect({ success, isTraced: opened.includes("/proc/self/fd") }).toEqual({
      success: true,
      isTraced: true,
    });
    for (const path of QUESTIONS) expect(opened).not.toContain(path.replace("%u", ""));
  });
});

/** Everything but KILL and STOP, which cannot be blocked, and libc's 32 and 33. */
const FDINITS_MASK = "fffffffe7ffbfeff";

/**
 * Whether fdinit has blocked its signals. Not just SIGTERM: unshare(1) before it, and libc for a moment
 * inside pthread_create(3), have that blocked as well, and unblock it again.
 */
function blocksSignals(pid: number): boolean {
  const text = statusText(pid);
  if (!text.startsWith(`Name:\t${COMMAND_NAME}\n`)) return false;
  // While it waits for them, the kernel does not count them as blocked.
  return text.includes(`\nSigBlk:\t${FDINITS_MASK}\n`) || waiting(pid) === "forever";
}

/**
 * SIGTERM after a delay. Once the mask is in place the signal must end the program, whatever fdinit is
 * doing; before that the kernel drops it (PID 1 has no handler), and it is sent again. Answers whether it counted.
 */
async function termAfter(delayMs: number): Promise<boolean> {
  const running = start({ run: [fixture("hold")] });
  const pid = await running.pid();
  const end = performance.now() + delayMs;
  // Asleep but for the last moments, which a timer would not hit: a machine with few processors has fdinit to run.
  if (delayMs > 2) await Bun.sleep(delayMs - 2);
  while (performance.now() < end) {}
  const counts = blocksSignals(pid);
  process.kill(pid, SIGTERM);
  if (!counts) {
    // The mask may have come between the look and the signal: then it counted after all, and fdinit ends.
    await until("fdinit has blocked its signals, or has ended", () => blocksSignals(pid) || hasEnded(pid));
    try {
      process.kill(pid, SIGTERM);
    } catch {
      expect(hasEnded(pid)).toBe(true);
    }
  }
  const { code, stderr } = await running.ended();
  expect({ delayMs, counts, code, stderr }).toEqual({ delayMs, counts, code: 128 + SIGTERM, stderr: "" });
  return counts;
}

/** How long a start takes on this machine, as busy as it is now, until the signals are blocked. */
async function msToBlock(): Promise<number> {
  const running = start({ run: [fixture("hold")] });
  const pid = await running.pid();
  const began = performance.now();
  await until("fdinit has blocked its signals", () => blocksSignals(pid));
  const took = performance.now() - began;
  process.kill(pid, SIGTERM);
  await running.ended();
  return took;
}

describeWith(["gcc", "unshare"], "SIGTERM at a random moment of a start", () => {
  test(`is never lost once fdinit has blocked its signals (${EARLY} times)`, async () => {
    let counted = 0;
    let span = 0;
    for (let round = 0; round < EARLY; round++) {
      // Half of them come after the signals are blocked, on a machine that becomes busy too.
      if (round % 10 === 0) span = Math.max(50, 2 * (await msToBlock()));
      if (await termAfter(Math.random() * span)) counted++;
    }
    expect(counted).toBeGreaterThan(EARLY / 4);
  }, 300_000);
  test(`is never lost in the few milliseconds around the moment the program starts (${EARLY} times)`, async () => {
    for (let round = 0; round < EARLY; round++) await termAfter(Math.random() * 12);
  }, 300_000);
});
