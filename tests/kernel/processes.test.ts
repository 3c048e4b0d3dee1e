// Facts about other processes, and actions on them: /proc only where it is this PID namespace's, a signal only
// to the process that was seen, ends by wait4 and by waitid alike.

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { ESRCH } from "../../init/sys/libc/errno.ts";
import { processes, procIsOurs, signalProcess } from "../../init/sys/processes/process-list.ts";
import { maySignal } from "../../init/sys/self/capabilities.ts";
import { describeWith } from "../harness/needs.ts";
import { hasEnded, until } from "../harness/processes.ts";

const SIGKILL = 9;

describe("the processes of /proc", () => {
  test("are known by number, parent, name and the moment they began", () => {
    const child = Bun.spawn(["sleep", "1000"]);
    const facts = processes()?.found.find(({ pid }) => pid === child.pid);
    expect(facts).toMatchObject({ parent: process.pid, hasEnded: false });
    expect(facts?.startedAt).toBeGreaterThan(0);
    child.kill("SIGKILL");
  });
  test("are looked at up to a bound, and the rest is counted", () => {
    const some = processes(1);
    expect(some?.found.length).toBeLessThanOrEqual(1);
    expect(some?.more).toBeGreaterThan(0);
    expect(procIsOurs()).toBe(true);
  });
});

describe("a signal to a process that was seen", () => {
  test("reaches it", async () => {
    const child = Bun.spawn(["sleep", "1000"]);
    const seen = await until("it is listed", () => processes()?.found.find(({ pid }) => pid === child.pid));
    expect(signalProcess(seen, SIGKILL)).toBe(0);
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
  });
  test("does not reach another that has the number now", async () => {
    const child = Bun.spawn(["sleep", "1000"]);
    const seen = await until("it is listed", () => processes()?.found.find(({ pid }) => pid === child.pid));
    // As if the one that was seen had begun earlier.
    expect(signalProcess({ ...seen, startedAt: seen.startedAt - 1 }, SIGKILL)).toBe(-ESRCH);
    expect(hasEnded(child.pid)).toBe(false);
    child.kill("SIGKILL");
  });
});

test("fdinit may signal its own user's processes", () => {
  expect(maySignal(process.getuid?.() ?? 0)).toBe(true);
});

describeWith(["unshare", "root"], "a /proc of another PID namespace", () => {
  test("is treated as none", () => {
    const list = JSON.stringify(join(import.meta.dir, "../../init/sys/processes/process-list.ts"));
    const program = `const { procIsOurs, processes, pipeHolders } = require(${list});
      console.log(procIsOurs(), processes(), pipeHolders("pipe:[1]"));`;
    const inside = (...more: string[]) =>
      Bun.spawnSync([
        "unshare",
        "--pid",
        "--fork",
        ...more,
        process.execPath,
        "-e",
        program,
      ]).stdout.toString();
    expect(inside()).toBe("false undefined undefined\n");
    expect(inside("--mount-proc")).toStartWith("true {");
  });
});
