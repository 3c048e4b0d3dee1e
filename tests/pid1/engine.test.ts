// The engine's demands on a launcher: bounded address space, and one line where it cannot have it.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { FDINIT } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeWith, NOT_OF_BUN, testUnless } from "../harness/needs.ts";
import { until } from "../harness/processes.ts";

leaveNothingBehind();

/** fdinit before /bin/true, below a shell that has set limits. */
function limited(limits: string): { code: number; stderr: string } {
  const script = `${limits}; exec "$0" -- /bin/true`;
  const { exitCode, stderr } = Bun.spawnSync(["bash", "-c", script, FDINIT], { timeout: 20_000 });
  return { code: exitCode, stderr: stderr.toString() };
}

describeWith(["bash"], "the engine", () => {
  for (const limits of [
    "ulimit -v 524288",
    "ulimit -d 65536",
    "ulimit -s 128",
    "ulimit -v 1048576 -d 102400",
  ]) {
    test(`starts with ${limits}`, () => {
      expect(limited(limits)).toEqual({ code: 0, stderr: "" });
    });
  }

  for (const limits of ["ulimit -v 200000", "ulimit -d 16384"]) {
    testUnless(NOT_OF_BUN, `says one line and exits with 70 with ${limits}`, () => {
      const { code, stderr } = limited(limits);
      expect(code).toBe(70);
      expect(stderr).toMatch(/^fdinit: the engine cannot start: [^\n]+\n$/);
    });
  }

  test("commits at most 64 MiB of private writable memory, which vm.overcommit_memory=2 counts", async () => {
    const child = Bun.spawn([FDINIT, "--", "sh", "-c", "echo ready; exec sleep infinity"], {
      stdout: "pipe",
    });
    const { value } = await child.stdout.getReader().read();
    expect(new TextDecoder().decode(value)).toBe("ready\n");
    await until("PID 1 waits", () => readFileSync(`/proc/${child.pid}/stat`, "latin1").includes(") S "));
    let kilobytes = 0;
    let counted = false;
    for (const line of readFileSync(`/proc/${child.pid}/smaps`, "latin1").split("\n")) {
      if (/^[\da-f]+-[\da-f]+ /.test(line)) counted = /^\S+ .w.p/.test(line);
      else if (counted && line.startsWith("Size:")) kilobytes += Number(/\d+/.exec(line)?.[0]);
    }
    child.kill("SIGTERM");
    await child.exited;
    expect(kilobytes).toBeGreaterThan(0);
    expect(kilobytes).toBeLessThan(64 * 1024);
  });
});
