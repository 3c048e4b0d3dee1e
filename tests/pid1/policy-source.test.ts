// Where a policy's text comes from when it is not a file: pipes, FIFOs and standard input, which may be slow.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { FDINIT } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";

leaveNothingBehind();

/** Runs bash with fdinit's path in $FDINIT and a FIFO's in $FIFO. */
function bash(script: string): { code: number; stdout: string; stderr: string } {
  const FIFO = join(temporaryDirectory(), "fifo");
  const { exitCode, stdout, stderr } = Bun.spawnSync(["bash", "-c", script], {
    stdin: "ignore",
    timeout: 20_000,
    env: { ...process.env, FDINIT, FIFO },
  });
  return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** A writer that is slow to begin and slow to go on. Its pauses are what is tried, not what the test waits by. */
const SLOWLY = "{ sleep 0.3; echo 'version: 1'; sleep 0.3; echo 'intent: security'; }";

describeWith(["bash"], "a policy that is still being written", () => {
  test("is waited for on standard input, which is named -", () => {
    expect(bash(`${SLOWLY} | "$FDINIT" check -`)).toEqual({
      code: 0,
      stdout: "ok: standard input\n",
      stderr: "",
    });
    expect(bash(`${SLOWLY} | "$FDINIT" --policy - -- echo started`).stdout).toBe("started\n");
  });

  test("is waited for at /dev/stdin and in a substituted process", () => {
    expect(bash(`${SLOWLY} | "$FDINIT" check /dev/stdin`).stdout).toBe("ok: /dev/stdin\n");
    expect(bash(`"$FDINIT" check <(${SLOWLY})`).stdout).toMatch(/^ok: \/dev\/fd\/\d+\n$/);
  });

  test("is waited for in a FIFO that its writer opens late", () => {
    const { code, stdout, stderr } = bash(
      `mkfifo "$FIFO"; (sleep 0.2; ${SLOWLY} >"$FIFO") & "$FDINIT" check "$FIFO"`,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toStartWith("ok: ");
  });

  test("is complained about by line and column like a file", () => {
    const { code, stderr } = bash(`{ echo 'version: 1'; sleep 0.3; echo 'intnt: x'; } | "$FDINIT" check -`);
    expect(code).toBe(78);
    expect(stderr).toStartWith("fdinit: standard input:2:1: ");
  });

  test("is empty where nobody writes", () => {
    expect(bash(`"$FDINIT" check - </dev/null`)).toMatchObject({ code: 78, stdout: "" });
  });
});
