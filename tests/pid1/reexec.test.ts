import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EPERM } from "../../init/sys/libc/errno.ts";
import { SYS } from "../../init/sys/libc/libc.ts";
import { compile } from "../../scripts/build.ts";
import { harden } from "../../scripts/harden.ts";
import { COMMAND_NAME, FDINIT, fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeUnless, LONG, missing, NOT_OF_BUN } from "../harness/needs.ts";
import { children, descriptors, extra, status, until, untilWaiting } from "../harness/processes.ts";
import { policy, run, type Start, start } from "../harness/run.ts";

leaveNothingBehind();

const VARIABLE = "FDINIT_ORIGINAL_SIGNAL_MASK";
const ROUNDS = LONG ? 100 : 40;

/** Makes this engine start a helper thread before fdinit's first statement. */
const EARLY_THREAD = { BUN_JSC_warmUpMarkedBlockStartAfterBlocks: "30" };

/** fdinit without bytecode: the engine compiles it, with threads of its own, before the first statement. */
let withoutBytecode = "";

beforeAll(() => {
  if (NOT_OF_BUN) return;
  const directory = mkdtempSync(join(tmpdir(), "fdinit-without-bytecode-"));
  const raw = join(directory, "raw");
  withoutBytecode = join(directory, "fdinit");
  const flags = ["--compile", "--minify", "--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"];
  compile("init/main.ts", raw, flags);
  writeFileSync(withoutBytecode, harden(readFileSync(raw)).bytes);
  chmodSync(withoutBytecode, 0o755);
  rmSync(raw);
}, 120_000);

afterAll(() => {
  if (withoutBytecode !== "") rmSync(join(withoutBytecode, ".."), { recursive: true, force: true });
});

const environmentOf = (pid: number) => readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");

function isSecondStart(pid: number): boolean {
  return environmentOf(pid).some((variable) => variable.startsWith(`${VARIABLE}=`));
}

type How = Pick<Start, "env" | "executable">;
const WAYS: Record<string, () => How> = {
  "forced by an option of the engine": () => ({ env: EARLY_THREAD }),
  "in a build without bytecode": () => ({ executable: withoutBytecode }),
  "in a build without bytecode, forced too": () => ({ env: EARLY_THREAD, executable: withoutBytecode }),
};

describeUnless(
  NOT_OF_BUN ?? missing("gcc", "unshare"),
  "a helper thread that exists before fdinit's first statement",
  () => {
    // As Docker's profile does: what tells then is /proc.
    const FORBIDDEN = [`deny=${SYS.unshare}:${EPERM}`];
    for (const [how, launch] of [
      ["", []],
      [" where unshare(2) is forbidden", FORBIDDEN],
    ] as const) {
      test(`makes fdinit start itself once more, under the same name and pid${how}`, async () => {
        const running = await start({ env: EARLY_THREAD, launch, run: [fixture("hold")] }).ready();
        const pid = await running.pid();
        await untilWaiting(pid);
        expect(isSecondStart(pid)).toBe(true);
        expect(status(pid, "Name")).toBe(COMMAND_NAME);
        expect(readFileSync(`/proc/${pid}/cmdline`, "latin1")).toStartWith(`${FDINIT}\0--\0`);
        expect((await running.finished()).code).toBe(0);
      });
      test(`is not there in the ordinary build: no second start${how}`, async () => {
        for (let round = 0; round < 10; round++) {
          const running = await start({ launch, run: [fixture("hold")] }).ready();
          const pid = await running.pid();
          await untilWaiting(pid);
          expect(environmentOf(pid).filter((variable) => variable.startsWith(VARIABLE))).toEqual([]);
          expect((await running.finished()).code).toBe(0);
        }
      });
    }
    test("does not change what the program ignores, the engine's own signals included", async () => {
      const ignored = [4, 5, 6, 7, 8, 10, 11, 30, 31];
      const launch = ignored.map((signal) => `ignore=${signal}`);
      const running = await start({ env: EARLY_THREAD, launch, run: [fixture("hold")] }).ready();
      const seen = BigInt(`0x${status(await running.payload(), "SigIgn")}`);
      expect(ignored.filter((signal) => ((seen >> BigInt(signal - 1)) & 1n) === 0n)).toEqual([]);
      expect((await running.finished()).code).toBe(0);
    });
  },
);

for (const [name, how] of Object.entries(WAYS)) {
  describeUnless(NOT_OF_BUN ?? missing("gcc", "unshare"), `with an early helper thread, ${name},`, () => {
    test("the program sees neither the variable nor another mask", async () => {
      const launch = ["block=10", "block=40"];
      const running = await start({ ...how(), launch, run: [fixture("hold")] }).ready();
      const payload = await running.payload();
      expect(status(payload, "SigBlk")).toBe("0000008000000200");
      expect(status(payload, "SigIgn")).toBe("0000000000000000");
      expect(environmentOf(payload).filter((variable) => variable.startsWith(VARIABLE))).toEqual([]);
      expect(environmentOf(payload).length).toBeGreaterThan(2);
      expect((await running.finished()).code).toBe(0);
    });
    test("inherited descriptors arrive under keep and are gone under close", async () => {
      const launch = ["fd=3:dir:/etc", "fd=4:listen", "fd=6:file:/etc/passwd", "fd=1500:dir:/usr"];
      for (const [action, numbers] of [
        ["keep", [3, 4, 6, 1500]],
        ["close", []],
      ] as const) {
        const options = policy(`version: 1\nfds: { inherited: { default: ${action} } }\n`);
        const running = await start({ ...how(), launch, options, run: [fixture("hold")] }).ready();
        const pid = await running.pid();
        await untilWaiting(pid);
        expect(extra(descriptors(await running.payload()))).toEqual([...numbers]);
        const links = Object.values(descriptors(pid)).sort();
        expect(links.filter((link) => link.startsWith("/etc") || link === "/usr")).toEqual([]);
        for (const kind of ["signalfd", "eventfd", "eventpoll"])
          expect(links.filter((link) => link.includes(kind)).length).toBeLessThanOrEqual(1);
        expect((await running.finished()).code).toBe(0);
      }
    });
    test(`no signal is lost (${ROUNDS} starts)`, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const running = start({ ...how(), run: [fixture("hold")] });
        const pid = await running.pid();
        // From the second start on every thread has the mask; so it has when the program runs already.
        await until("the second start", () => isSecondStart(pid) || children(pid).length > 0);
        const end = performance.now() + Math.random() * 8;
        while (performance.now() < end) {}
        process.kill(pid, 15);
        const { code, stderr } = await running.ended();
        expect({ round, code, stderr }).toEqual({ round, code: 143, stderr: "" });
      }
    }, 120_000);
    test(`no SIGCHLD is lost (${ROUNDS} starts, SIGCHLD ignored by the launcher)`, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const { code } = await run({ ...how(), launch: ["ignore=17"], run: ["sh", "-c", "exit 8"] });
        expect({ round, code }).toEqual({ round, code: 8 });
      }
    }, 120_000);
  });
}
