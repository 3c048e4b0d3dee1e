// `restart` with the executable as PID 1: when a service is started again and when not, what it is given
// each time, and that a held listener refuses nobody.

import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ENGINE_OWN } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { children, descriptors, until, untilWaiting, waiting } from "../harness/processes.ts";
import { freePort, requests } from "../harness/requests.ts";
import { policy, run, start } from "../harness/run.ts";

leaveNothingBehind();

function restarting(
  restart: Record<string, unknown>,
  more: Record<string, unknown> = {},
  fds = {},
): string[] {
  return policy(JSON.stringify({ version: 1, fds, services: { app: { restart, ...more } } }));
}

const QUICK = { backoff: "1ms..4ms", limit: "3/1m" };

/** A program that leaves a line in `file` for each of its starts, then ends as `end` says. */
function counting(file: string, end: string): string[] {
  return ["sh", "-c", `echo start >> ${file}; n=$(wc -l < ${file}); ${end}`];
}

describeWith(["gcc", "unshare"], "restart", () => {
  test("onFailure starts a failed service again until it succeeds", async () => {
    const file = join(temporaryDirectory(), "starts");
    const options = restarting({ policy: "onFailure", ...QUICK });
    const { code, stderr } = await run({ run: counting(file, "[ $n -ge 3 ]"), options });
    expect(code).toBe(0);
    expect(readFileSync(file, "utf8").split("\n")).toHaveLength(4);
    expect(stderr).toBe(
      "fdinit: app exited with code 1 and is started again in 1 ms\nfdinit: app exited with code 1 and is started again in 2 ms\n",
    );
  });

  test("onFailure leaves one alone that exits with 0, always does not; never is the default", async () => {
    for (const [restart, starts] of [
      [{ policy: "onFailure", ...QUICK }, 1],
      [{}, 1],
      [{ policy: "always", ...QUICK }, 4],
    ] as const) {
      const file = join(temporaryDirectory(), "starts");
      expect((await run({ run: counting(file, "exit 0"), options: restarting(restart) })).code).toBe(0);
      expect(readFileSync(file, "utf8").trim().split("\n")).toHaveLength(starts);
    }
  });

  test("ends at the limit with the service's own code, a signal's included", async () => {
    const options = restarting({ policy: "onFailure", ...QUICK });
    const { code, stderr } = await run({ run: ["sh", "-c", "kill -9 $$"], options });
    expect(code).toBe(137);
    expect(stderr.trimEnd().split("\n").at(-1)).toBe(
      "fdinit: app was killed by SIGKILL and is not started again: 3 restarts within 1 min are the limit",
    );
  });

  test("a service that stays stopped at the limit keeps the container until a shutdown signal", async () => {
    const options = restarting({ policy: "always", ...QUICK, onLimit: "stop" });
    const running = start({ run: ["sh", "-c", "exit 7"], options });
    const pid = await running.pid();
    await until("it is stopped for good", () => children(pid).length === 0 && waiting(pid) === "forever");
    process.kill(pid, "SIGTERM");
    const { code, stderr } = await running.ended();
    expect(code).toBe(7);
    expect(stderr).toContain("it stays stopped");
  });

  test("SIGTERM between two starts ends with the last code, and starts nothing any more", async () => {
    const options = restarting({ policy: "always", backoff: "1h..1h", limit: "3/1m" });
    const running = start({ run: ["sh", "-c", "exit 9"], options });
    const pid = await running.pid();
    await until("the first start is over", () => children(pid).length === 0 && waiting(pid));
    process.kill(pid, "SIGTERM");
    expect((await running.ended()).code).toBe(9);
  });

  test("a start that fails counts as a failure", async () => {
    const file = join(temporaryDirectory(), "program");
    writeFileSync(file, `#!/bin/sh\nrm ${file}; exit 3\n`, { mode: 0o755 });
    const options = restarting({ policy: "onFailure", ...QUICK });
    const { code, stderr } = await run({ run: [file], options });
    expect(code).toBe(127);
    expect(stderr).toContain("cannot execute");
  });

  test("opens what is not held anew for each start, and passes what is held on as it is", async () => {
    const file = join(temporaryDirectory(), "links");
    const end = `readlink /proc/self/fd/3 /proc/self/fd/4 >> ${file}.fds; [ $n -ge 3 ]`;
    const open = { held: { listen: "127.0.0.1:0", hold: true }, fresh: { listen: "127.0.0.1:0" } };
    const options = restarting(
      { policy: "onFailure", ...QUICK },
      { fds: { pass: { held: 3, fresh: 4 } } },
      { open },
    );
    expect((await run({ run: counting(file, end), options })).code).toBe(0);
    const links = readFileSync(`${file}.fds`, "utf8").trim().split("\n");
    const [held, fresh] = [links.filter((_, i) => i % 2 === 0), links.filter((_, i) => i % 2 === 1)];
    expect(new Set(held).size).toBe(1);
    expect(new Set(fresh).size).toBe(3);
  });

  test("passes an inherited descriptor to every start, and PID 1 keeps it for that", async () => {
    const file = join(temporaryDirectory(), "starts");
    const rules = [{ match: { fd: 7 }, action: "keep" }];
    const end = "readlink /proc/self/fd/7 || exit 5; [ $n -ge 3 ]";
    const options = restarting({ policy: "onFailure", ...QUICK }, {}, { inherited: { rules } });
    const { code, stdout } = await run({
      run: counting(file, end),
      options,
      launch: ["fd=7:file:/etc/passwd"],
    });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "/etc/passwd\n".repeat(3) });
  });

  test("nothing piles up in PID 1 over a hundred starts", async () => {
    const file = join(temporaryDirectory(), "starts");
    const open = { lease: { token: true }, pair: { pipe: "read" }, text: { memfd: "x" } };
    const pass = { lease: 3, pair: 4, pairPeer: 5, text: 6 };
    const restart = { policy: "onFailure", backoff: "1ms..1ms", limit: "1000/1m" };
    const options = restarting(restart, { fds: { pass } }, { open });
    const end = "[ $n -lt 100 ] && exit 1; echo ready; exec sleep 1000";
    const running = start({ run: counting(file, end), options });
    await running.ready();
    const pid = await running.pid();
    await untilWaiting(pid);
    // The engine's, the signalfd, the token's read end
    expect(Object.keys(descriptors(pid)).length - 3).toBe(ENGINE_OWN + 2);
    process.kill(pid, "SIGTERM");
    expect((await running.finished()).code).toBe(143);
  });
});

describeWith(["gcc", "unshare", "python3"], "a held listener", () => {
  test("refuses none of 1,000 requests while the service is killed and started again", async () => {
    const port = freePort();
    const listen = `127.0.0.1:${port}`;
    const program = `import socket
s = socket.socket(fileno=3)
print("ready", flush=True)
while True:
  c, _ = s.accept(); c.recv(1); c.sendall(b"y"); c.close()`;
    const restart = { policy: "always", backoff: "1ms..1ms", limit: "100000/1m" };
    const open = { http: { listen, hold: true } };
    const options = restarting(restart, { fds: { pass: { http: 3 } } }, { open });
    const running = await start({ run: ["python3", "-c", program], options }).ready();
    const pid = await running.pid();
    let kills = 0;
    const outcomes = await requests(1000, port, "x", (number) => {
      if (number % 200 === 100)
        for (const child of children(pid)) kills += Number(process.kill(child, "SIGKILL"));
    });
    process.kill(pid, "SIGTERM");
    await running.ended();
    expect(kills).toBeGreaterThanOrEqual(5);
    expect(outcomes.refused).toBe(0);
    // A request that the killed process had accepted is cut off; the listener cannot help that.
    expect(outcomes.cut).toBeLessThanOrEqual(kills);
    expect(outcomes.answered + outcomes.cut).toBe(1000);
  }, 120_000);
});
