// Several services with the executable as PID 1: what one's end means, restarts, the stop of one and of all, and the
// processes that a service leaves behind.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { children, descendants, hasEnded, status, until, untilWaiting } from "../harness/processes.ts";
import { Gate, lines, mainOf, running, servicesOf, sh, up, variable } from "../harness/services.ts";

leaveNothingBehind();

const QUICK = { policy: "onFailure", backoff: "1ms..4ms", limit: "3/1m" };

describeWith(["gcc", "unshare"], "the end of one of several services", () => {
  test("an essential one ends the container with its code, a signal's included", async () => {
    const web = { command: running("web") };
    expect((await up({ web, app: { command: sh("exit 5") } }).ended()).code).toBe(5);
    const fdinit = up({ web, app: { command: running("app") } });
    const pid = await fdinit.pid();
    process.kill(await mainOf(pid, "app"), "SIGKILL");
    expect((await fdinit.ended()).code).toBe(137);
  });

  test("one that cannot be started ends the container, also when others were to be started at the same moment", async () => {
    const broken = { command: ["no-such-program"], dependsOn: { before: "completed" } };
    const web = { command: running("web"), dependsOn: { before: "completed" } };
    expect(
      (await up({ broken: { command: ["no-such-program"] }, web: { command: running("web") } }).ended()).code,
    ).toBe(127);
    // Here no process is left whose end would tell of anything.
    expect((await up({ before: { command: ["true"], type: "oneshot" }, broken, web }).ended()).code).toBe(
      127,
    );
  });

  test("the first essential end is the truth, whatever the others' codes", async () => {
    const fdinit = up({
      first: { command: sh("exit 3") },
      second: { command: sh("trap 'exit 9' TERM; echo second; while :; do sleep 0.01; done") },
    });
    expect((await fdinit.ended()).code).toBe(3);
  });

  test("a main process that is killed and leaves workers ends the container at once, with its own code", async () => {
    // The workers ignore SIGTERM, and a service that depends on it fails meanwhile with another code.
    const gate = new Gate();
    const pool = "(trap '' TERM; echo worker; while :; do sleep 0.01; done) & echo pool; wait";
    const fdinit = up(
      {
        pool: { command: sh(pool) },
        web: {
          command: sh(`${gate.wait}; exit 4`),
          dependsOn: { pool: "started" },
          restart: { policy: "never" },
        },
      },
      { reaping: { wait: "500ms" } },
    );
    await fdinit.printed("worker\n");
    const pid = await fdinit.pid();
    const main = await mainOf(pid, "pool");
    process.kill(main, "SIGKILL");
    // Killed is not yet ended: the other one must not overtake it.
    await until("it has ended", () => hasEnded(main));
    gate.open();
    const { code, stderr } = await fdinit.ended();
    expect(code).toBe(137);
    expect(stderr).toContain("pool was killed by SIGKILL, which ends the container");
  });

  test("a main process that is killed and leaves workers is started again when they are gone", async () => {
    const fdinit = up({
      pool: { command: sh("sleep 10000 & echo pool; wait"), restart: QUICK },
      other: { command: running("other") },
    });
    const pid = await fdinit.pid();
    await fdinit.printed("pool\n");
    const first = await mainOf(pid, "pool");
    const [worker] = await until("the worker runs", () => children(first).length > 0 && children(first));
    process.kill(first, "SIGKILL");
    await fdinit.printed("pool\n");
    expect(hasEnded(worker as number)).toBe(true);
    process.kill(pid, "SIGTERM");
    expect((await fdinit.ended()).code).toBe(143);
  });

  test("one that is not essential leaves the container running, and its failure is the code when no other decides", async () => {
    const gate = new Gate();
    const fdinit = up({
      helper: { command: sh("echo helper; exit 6"), essential: false },
      app: { command: sh(`${gate.wait}; exit 0`) },
    });
    await fdinit.printed("helper\n");
    const pid = await fdinit.pid();
    await until("helper has ended", () => !servicesOf(pid).has("helper"));
    gate.open();
    expect((await fdinit.ended()).code).toBe(0);
    const all = {
      one: { command: sh("exit 6"), essential: false },
      two: { command: sh("exit 0"), essential: false },
    };
    expect((await up(all).ended()).code).toBe(6);
  });

  test("is started again with a pause that doubles, until the limit, and then has its code", async () => {
    const file = join(temporaryDirectory(), "starts");
    const fdinit = up({
      app: { command: sh(`echo s >> ${file}; exit 8`), restart: QUICK },
      other: { command: running("other") },
    });
    const { code, stderr } = await fdinit.ended();
    expect({ code, starts: lines(file).length }).toEqual({ code: 8, starts: 4 });
    for (const pause of ["1 ms", "2 ms", "4 ms"])
      expect(stderr).toContain(`app exited with code 8 and is started again in ${pause}`);
    expect(stderr).toContain("3 restarts within 1 min are the limit");
  });

  test("onLimit stop leaves it ended and the others running", async () => {
    const file = join(temporaryDirectory(), "starts");
    const fdinit = up({
      app: { command: sh(`echo s >> ${file}; exit 8`), restart: { ...QUICK, onLimit: "stop" } },
      other: { command: running("other") },
    });
    const pid = await fdinit.pid();
    await fdinit.printed("other\n");
    await until("all starts are over", () => lines(file).length === 4 && !servicesOf(pid).has("app"));
    await untilWaiting(pid);
    expect([...servicesOf(pid).keys()]).toEqual(["other"]);
    process.kill(pid, "SIGTERM");
    await fdinit.ended();
  });

  test("a service that waits for its next start does not hold up a shutdown", async () => {
    const fdinit = up({
      app: { command: sh("echo app; exit 8"), restart: { policy: "always", backoff: "1h..1h" } },
      other: { command: running("other") },
    });
    const pid = await fdinit.pid();
    await fdinit.printed("other\n");
    await until("app has ended", () => !servicesOf(pid).has("app") && servicesOf(pid).has("other"));
    process.kill(pid, "SIGTERM");
    await fdinit.ended();
  });
});

describeWith(["gcc", "unshare"], "the stop of several services", () => {
  /** Writes its name to a file when it is asked to end, and ends as it is let. */
  const telling = (name: string, file: string, then = "exit 0") =>
    sh(`trap 'echo ${name} >> ${file}; ${then}' TERM; echo ${name}; while :; do sleep 0.01; done`);

  test("is in the reverse order of dependency, each when those that need it have ended", async () => {
    const file = join(temporaryDirectory(), "ends");
    const fdinit = up({
      db: { command: telling("db", file) },
      app: { command: telling("app", file, "sleep 0.1; exit 0"), dependsOn: { db: "started" } },
      web: { command: telling("web", file, "sleep 0.1; exit 0"), dependsOn: { app: "started" } },
    });
    for (let n = 0; n < 3; n++) await fdinit.line();
    process.kill(await fdinit.pid(), "SIGTERM");
    const { code, stderr } = await fdinit.ended();
    expect({ ends: lines(file), code, stderr }).toEqual({ ends: ["web", "app", "db"], code: 0, stderr: "" });
  });

  test("a database outlives a program that needs it by way of a migration that has completed", async () => {
    const file = join(temporaryDirectory(), "ends");
    const fdinit = up({
      db: { command: telling("db", file) },
      migrate: { command: sh("exit 0"), type: "oneshot", dependsOn: { db: "started" } },
      web: {
        command: telling("web", file, `sleep 0.1; echo over >> ${file}; exit 0`),
        dependsOn: { migrate: "completed" },
      },
    });
    for (let n = 0; n < 2; n++) await fdinit.line();
    process.kill(await fdinit.pid(), "SIGTERM");
    await fdinit.ended();
    expect(lines(file)).toEqual(["web", "over", "db"]);
  });

  test("asks all of one tier at once", async () => {
    // Each ends only when all three were asked.
    const file = join(temporaryDirectory(), "ends");
    const all = `until [ $(wc -l < ${file}) = 3 ]; do sleep 0.01; done; exit 0`;
    const fdinit = up({
      one: { command: telling("one", file, all) },
      two: { command: telling("two", file, all) },
      three: { command: telling("three", file, all) },
    });
    for (let n = 0; n < 3; n++) await fdinit.line();
    process.kill(await fdinit.pid(), "SIGTERM");
    expect((await fdinit.ended()).code).toBe(0);
  });

  test("has a stop of its own before shutdown.steps, and these before signals.rewrite", async () => {
    const say = (name: string) =>
      sh(
        `for s in TERM QUIT INT HUP; do trap "echo ${name} $s; exit 0" $s; done; echo ${name}; while :; do sleep 0.01; done`,
      );
    const rewrite = { SIGTERM: "SIGHUP" };
    const stop = { signal: "SIGQUIT", wait: "5s" };
    const started = async (fdinit: ReturnType<typeof up>) => {
      for (let n = 0; n < 2; n++) await fdinit.line();
      process.kill(await fdinit.pid(), "SIGTERM");
      return (await fdinit.ended()).stdout.trim().split("\n").sort();
    };
    const services = { own: { command: say("own"), stop }, plain: { command: say("plain") } };
    expect(await started(up(services, { signals: { rewrite } }))).toEqual(["own QUIT", "plain HUP"]);
    const shutdown = { steps: [{ signal: "SIGINT", wait: "5s" }] };
    expect(await started(up(services, { signals: { rewrite }, shutdown }))).toEqual([
      "own QUIT",
      "plain INT",
    ]);
  });

  test("ends a stubborn service by SIGKILL, each tier within its share of the budget", async () => {
    const stubborn = (name: string) => sh(`trap '' TERM; echo ${name}; while :; do sleep 0.01; done`);
    const fdinit = up(
      {
        db: { command: stubborn("db") },
        web: { command: stubborn("web"), dependsOn: { db: "started" } },
      },
      { shutdown: { budget: "2s" } },
    );
    for (let n = 0; n < 2; n++) await fdinit.line();
    const began = performance.now();
    process.kill(await fdinit.pid(), "SIGTERM");
    const { code, stderr } = await fdinit.ended();
    const took = performance.now() - began;
    expect(code).toBe(137);
    expect(took).toBeLessThan(2_600);
    const step = "[0-9.]+ m?s after SIGTERM \\(stop step 1 of 1\\); waited for \\d+ \\(sh\\)";
    expect(stderr).toMatch(new RegExp(`web has not ended in time: SIGKILL ${step}`));
    // The last tier's share ends with the budget, which names who is waited for before SIGKILL goes to everything.
    const used = "fdinit: the shutdown budget is used up\n";
    expect(stderr).toMatch(
      new RegExp(`${used}fdinit: db has not ended ${step}.*\nfdinit: SIGKILL to what is left: `),
    );
  });

  test("wait none has its own time within the budget, and the stop's SIGKILL goes to all of a service", async () => {
    const fdinit = up({
      app: {
        command: sh(
          "trap '' TERM; (trap '' TERM; while :; do sleep 0.01; done) & echo app; while :; do sleep 0.01; done",
        ),
        stop: { signal: "SIGTERM", wait: "50ms" },
      },
      other: { command: running("other") },
    });
    for (let n = 0; n < 2; n++) await fdinit.line();
    const pid = await fdinit.pid();
    const all = descendants(pid);
    process.kill(pid, "SIGTERM");
    await fdinit.ended();
    expect(all.filter((one) => !hasEnded(one))).toEqual([]);
  });
});

describeWith(["gcc", "unshare"], "the processes of several services", () => {
  test("an end takes the service's own daemons with it, in whatever session they are, and no other service's", async () => {
    const daemons = (name: string) =>
      `setsid sh -c 'setsid sleep 10000 & exec sleep 10001' & (sleep 10002 &) ; echo ${name}; exec sleep 10003`;
    const fdinit = up(
      {
        one: { command: sh(daemons("one")), essential: false },
        two: { command: sh(daemons("two")) },
      },
      {},
    );
    for (let n = 0; n < 2; n++) await fdinit.line();
    const pid = await fdinit.pid();
    const named = (name: string) => descendants(pid).filter((one) => !hasEnded(one) && marked(one) === name);
    // A shell on its way to one of them is counted for a moment, in the place of one that is still to come.
    const all = (name: string) =>
      named(name).length === 4 && named(name).every((one) => status(one, "Name") === "sleep");
    await until("all daemons run", () => all("one") && all("two"));
    const two = named("two");
    process.kill(await mainOf(pid, "one"), "SIGTERM");
    await until("nothing of it is left", () => named("one").length === 0);
    expect(named("two")).toEqual(two);
    process.kill(pid, "SIGTERM");
    await fdinit.ended();
    expect(two.every(hasEnded)).toBe(true);
  });

  test("orphans leave keeps them, and the service ends with its main process", async () => {
    const fdinit = up(
      {
        one: { command: sh("sleep 10000 & echo one; exit 2"), restart: QUICK },
        two: { command: running("two") },
      },
      { reaping: { orphans: "leave" } },
    );
    expect((await fdinit.ended()).code).toBe(2);
  });
});

function marked(pid: number): string | undefined {
  return variable(pid, "FDINIT_SERVICE");
}
