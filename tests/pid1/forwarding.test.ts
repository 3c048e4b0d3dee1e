// `signals`: which are forwarded, to whom, as what and when, with the executable as PID 1 and below it.

import { expect, test } from "bun:test";
import { fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { children, until, untilWaiting } from "../harness/processes.ts";
import { policy, run, start } from "../harness/run.ts";

leaveNothingBehind();

const signals = (keys: Record<string, unknown>, service: Record<string, unknown> = {}) =>
  policy(JSON.stringify({ version: 1, signals: keys, services: { app: service } }));

/** The recorder, started so. */
const recorder = (options: readonly string[], how = {}) =>
  start({ run: [fixture("recorder")], options, ...how }).ready();

function send(pid: number, ...words: number[]): void {
  const sent = Bun.spawnSync([fixture("send"), String(pid), ...words.map(String)], { timeout: 10_000 });
  if (!sent.success) throw new Error(`send ${pid} ${words.join(" ")}: ${sent.stderr}`);
}

describeWith(["gcc", "unshare"], "signals", () => {
  test("rewrite sends another one, by name, number or RTMIN+n, and ignore none", async () => {
    const rewrite = { SIGTERM: "QUIT", "10": 12, "RTMIN+1": "SIGRTMAX-1", SIGHUP: "ignore" };
    const running = await recorder(signals({ rewrite }));
    const pid = await running.pid();
    for (const [sent, arrives] of [
      [15, 3],
      [10, 12],
      [35, 63],
    ] as const) {
      send(pid, sent);
      expect(await running.line()).toBe(`${arrives} 0 0`);
    }
    send(pid, 1);
    send(pid, 2);
    expect(await running.line()).toBe("2 0 0");
    expect((await running.finished()).stdout).toBe("end\n");
  });

  test("rewrite keeps the value that sigqueue gave", async () => {
    const running = await recorder(signals({ rewrite: { RTMIN: "RTMIN+5" } }));
    send(await running.pid(), 34, 77);
    expect(await running.line()).toBe("39 -1 77");
    await running.finished();
  });

  test("forward lists what is passed on; SIGTERM still begins the shutdown", async () => {
    const running = await recorder(signals({ forward: ["SIGUSR1"] }));
    const pid = await running.pid();
    for (const signal of [2, 1, 12]) send(pid, signal);
    send(pid, 10);
    expect(await running.line()).toBe("10 0 0");
    send(pid, 15);
    expect(await running.line()).toBe("15 0 0");
    await running.finished();
  });

  test("of a service take the place of the global ones, key by key", async () => {
    const options = signals(
      { rewrite: { SIGTERM: "QUIT" }, forward: ["TERM"] },
      { signals: { forward: "all" } },
    );
    const running = await recorder(options);
    const pid = await running.pid();
    send(pid, 15);
    expect(await running.line()).toBe("3 0 0");
    send(pid, 12);
    expect(await running.line()).toBe("12 0 0");
    await running.finished();
  });

  test("to group reach the service's children too, from the very first moment", async () => {
    const script = `exec 3<&0; ${fixture("recorder")} <&3 & exec ${fixture("recorder")}`;
    const running = await start({ run: ["sh", "-c", script], options: signals({ to: "group" }) }).ready();
    await running.ready();
    const pid = await running.pid();
    send(pid, 12);
    expect([await running.line(), await running.line()]).toEqual(["12 0 0", "12 0 0"]);
    await running.finished();
  });

  test("to group: the group is there before the program, so an early signal is not lost", async () => {
    for (let attempt = 0; attempt < 30; attempt++) {
      const running = start({ run: ["sleep", "1000"], options: signals({ to: "group" }) });
      const pid = await running.pid();
      await untilWaiting(pid);
      process.kill(pid, "SIGTERM");
      expect((await running.ended()).code).toBe(143);
    }
  });

  test("to all reach every process, of other sessions too, as PID 1 and below it", async () => {
    const script = `exec 3<&0; setsid ${fixture("recorder")} <&3 & exec ${fixture("recorder")}`;
    for (const as of ["pid1", "child"] as const) {
      const options = signals({ to: "all" });
      const running = await start({ run: ["sh", "-c", script], options, as }).ready();
      await running.ready();
      send(await running.pid(), 12);
      expect([await running.line(), await running.line()]).toEqual(["12 0 0", "12 0 0"]);
      await running.finished();
    }
  });

  test("delay holds one back, once, and lets every other through meanwhile", async () => {
    const running = await recorder(signals({ delay: { SIGTERM: "300ms" } }));
    const pid = await running.pid();
    const begun = performance.now();
    send(pid, 15);
    send(pid, 15);
    send(pid, 12);
    expect(await running.line()).toBe("12 0 0");
    expect(await running.line()).toBe("15 0 0");
    expect(performance.now() - begun).toBeGreaterThanOrEqual(300);
    send(pid, 10);
    expect(await running.line()).toBe("10 0 0");
    expect((await running.finished()).stdout).toBe("end\n");
  });

  test("a burst of 10,000 loses none of those that the kernel queues", async () => {
    const running = await recorder([]);
    const pid = await running.pid();
    expect(Bun.spawnSync([fixture("send"), String(pid), "40", "0", "10000"]).stderr.toString()).toBe("");
    for (let value = 0; value < 10_000; value++) expect(await running.line()).toBe(`40 -1 ${value}`);
    expect((await running.finished()).stdout).toBe("end\n");
  });

  test("a session of its own is the service's when the policy asks for it", async () => {
    const say = "set -- $(cat /proc/self/stat); [ $$ = $5 ] && [ $$ = $6 ] && echo its own";
    const options = signals({}, { setsid: true });
    expect((await run({ run: ["sh", "-c", say], options })).stdout).toBe("its own\n");
    expect((await run({ run: ["sh", "-c", say] })).stdout).toBe("");
  });

  test("one for a program that has just ended does no harm", async () => {
    // The program waits until fdinit's pid is known: it would have ended before.
    const running = await start({ run: ["sh", "-c", "echo ready; read line; exit 3"] }).ready();
    const pid = await running.pid();
    running.type("\n");
    await until("it is over", () => {
      try {
        process.kill(pid, "SIGTERM");
        return children(pid).length === 0;
      } catch {
        return true;
      }
    });
    expect([3, 143]).toContain((await running.ended()).code);
  });
});
