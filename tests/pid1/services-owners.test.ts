// To which service a process belongs that has left its parent and its session and has cleared its environment: known by
// the service's cgroup, where cgroup v2 is writable, and by its keep-alive token. With the executable as PID 1.

import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { Cgroup, whyNoCgroup } from "../harness/cgroups.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeUnless, describeWith, missing } from "../harness/needs.ts";
import { descendants, hasEnded, until } from "../harness/processes.ts";
import { mainOf, sh, up } from "../harness/services.ts";

leaveNothingBehind();

/** Starts a daemon without parent, session or variables of the service; it is known by the seconds that it sleeps. */
function withDaemon(name: string, daemon: string): string[] {
  return sh(`setsid env -i /bin/sh -c '${daemon} &' >/dev/null; echo ${name}; exec sleep 10000`);
}

/** The living processes that sleep so long. */
function sleeping(fdinit: number, seconds: number): number[] {
  return descendants(fdinit).filter((pid) => {
    try {
      return !hasEnded(pid) && readFileSync(`/proc/${pid}/cmdline`, "latin1") === `sleep\0${seconds}\0`;
    } catch {
      return false;
    }
  });
}

const SECONDS = { one: 10_011, two: 10_012 };
const sleeper = (seconds: number) => `setsid sleep ${seconds}`;

describeUnless(
  missing("gcc", "unshare", "root") ?? whyNoCgroup(),
  "a service with a cgroup of its own",
  () => {
    test("takes a daemon that has shed all else with it, and no other service's; no cgroup is left", async () => {
      const cgroup = new Cgroup();
      // It ignores SIGTERM and makes processes all the time.
      const stubborn = `trap "" TERM; setsid sh -c "sleep ${SECONDS.one} & while :; do sleep 0.01; done"`;
      const fdinit = up(
        {
          one: { command: withDaemon("one", `(${stubborn})`), essential: false },
          two: { command: withDaemon("two", sleeper(SECONDS.two)) },
        },
        { reaping: { wait: "100ms" } },
        { before: cgroup.enter },
      );
      for (let n = 0; n < 2; n++) await fdinit.line();
      const pid = await fdinit.pid();
      const [first] = await until("its daemon runs", () => {
        const found = sleeping(pid, SECONDS.one);
        return found.length === 1 && found;
      });
      const two = await until("the other's runs", () => {
        const found = sleeping(pid, SECONDS.two);
        return found.length === 1 && found;
      });
      expect(readFileSync(`/proc/${first}/cgroup`, "latin1")).toMatch(/^0::.*\/fdinit\/one$/m);
      expect(cgroup.inside().sort()).toEqual(["fdinit", "one", "two"]);
      process.kill(await mainOf(pid, "one"), "SIGTERM");
      await until("the first daemon has ended", () => sleeping(pid, SECONDS.one).length === 0);
      await until("what it made has ended", () => membersOf(cgroup, "one").length === 0);
      expect(sleeping(pid, SECONDS.two)).toEqual(two);
      process.kill(pid, "SIGTERM");
      expect((await fdinit.ended()).code).toBe(143);
      expect(cgroup.inside()).toEqual([]);
      await cgroup.removed();
    });

    test("is known in the log, and two fdinits in one cgroup do not meet", async () => {
      const cgroup = new Cgroup();
      const services = {
        app: { command: sh("echo app; exec sleep 10000") },
        other: { command: sh("echo other; exec sleep 10000") },
      };
      const both = [0, 1].map(() => up(services, { log: { level: "info" } }, { before: cgroup.enter }));
      for (const fdinit of both) for (let n = 0; n < 2; n++) await fdinit.line();
      expect(
        readdirSync(cgroup.folder)
          .filter((name) => name.startsWith("fdinit"))
          .sort(),
      ).toEqual(["fdinit", "fdinit-2"]);
      for (const fdinit of both) {
        process.kill(await fdinit.pid(), "SIGTERM");
        const { code, stderr } = await fdinit.ended();
        expect({
          code,
          isSaid: /known by a cgroup of its own in .*\/fdinit(-2)?, and by/.test(stderr),
        }).toEqual({
          code: 143,
          isSaid: true,
        });
      }
      expect(cgroup.inside()).toEqual([]);
      await cgroup.removed();
    });

    test("leaves a daemon running in fdinit's own cgroup when the policy leaves orphans and fdinit is not PID 1", async () => {
      const cgroup = new Cgroup();
      const fdinit = up(
        {
          one: {
            command: sh(`setsid sleep ${SECONDS.one} >/dev/null 2>&1 & echo one; exit 0`),
            type: "oneshot",
          },
          two: { command: sh("echo two; exit 0"), type: "oneshot" },
        },
        { reaping: { orphans: "leave" } },
        { before: cgroup.enter, as: "child" },
      );
      expect((await fdinit.ended()).code).toBe(0);
      expect(cgroup.inside()).toEqual([]);
      const left = membersOf(cgroup);
      expect(left.length).toBe(1);
      process.kill(left[0] as number, "SIGKILL");
      await cgroup.removed();
    });
  },
);

function membersOf({ folder }: Cgroup, service?: string): number[] {
  const file = service === undefined ? `${folder}/cgroup.procs` : `${folder}/fdinit/${service}/cgroup.procs`;
  return existsSync(file) ? readFileSync(file, "latin1").split("\n").filter(Boolean).map(Number) : [];
}

describeWith(["gcc", "unshare"], "a service with a keep-alive token", () => {
  test("takes a daemon that holds it along, and no other service's, without a cgroup", async () => {
    const fdinit = up(
      {
        one: {
          command: withDaemon("one", sleeper(SECONDS.one)),
          essential: false,
          fds: { pass: { first: 9 } },
        },
        two: { command: withDaemon("two", sleeper(SECONDS.two)), fds: { pass: { second: 9 } } },
      },
      { fds: { open: { first: { token: true }, second: { token: true } } } },
      { before: "mount -t tmpfs none /sys/fs/cgroup 2>/dev/null || true" },
    );
    for (let n = 0; n < 2; n++) await fdinit.line();
    const pid = await fdinit.pid();
    await until("both daemons run", () => sleeping(pid, SECONDS.one).length === 1);
    const two = await until("the other's runs", () => {
      const found = sleeping(pid, SECONDS.two);
      return found.length === 1 && found;
    });
    process.kill(await mainOf(pid, "one"), "SIGTERM");
    await until("the first daemon has ended", () => sleeping(pid, SECONDS.one).length === 0);
    expect(sleeping(pid, SECONDS.two)).toEqual(two);
    process.kill(pid, "SIGTERM");
    expect((await fdinit.ended()).code).toBe(143);
  });
});
