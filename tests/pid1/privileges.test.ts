// The identity and rights of a service: user and groups, umask, nice value, limits, capabilities; and those that PID 1
// gives up. Each as the program finds it in /proc, each failure before it starts by its name.

import { expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { dirname } from "node:path";
import { fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { status, untilWaiting } from "../harness/processes.ts";
import { policy, run, stages, start } from "../harness/run.ts";

leaveNothingBehind();

const service = (keys: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  policy(JSON.stringify({ version: 1, services: { app: keys }, ...more }));

/** The words of a field of the program's /proc/self/status. */
async function field(name: string, options: readonly string[], before?: string): Promise<string> {
  const script = `grep '^${name}:' /proc/self/status`;
  const start = { run: ["sh", "-c", script], options, ...(before === undefined ? {} : { before }) };
  const { stdout, stderr, code } = await run(start);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.trim().split(/\s+/).slice(1).join(" ");
}

/** Files of users and groups of the test's own, in a mount namespace of its own. */
const USERS =
  "mount --make-rprivate /; d=$(mktemp -d); mount -t tmpfs none $d; echo 'root:x:0:0::/:/bin/sh\napp:x:1234:2345::/:/bin/sh' > $d/passwd; echo 'appgroup:x:2345:\naudio:x:29:root,app\nvideo:x:44:app\nother:x:77:root' > $d/group; mount --bind $d/passwd /etc/passwd; mount --bind $d/group /etc/group; umount -l $d; rmdir $d";

describeWith(["gcc", "unshare", "root"], "a service's user", () => {
  test("by name has its own group and those that list it, as initgroups does", async () => {
    const options = service({ user: "app" });
    expect(await field("Uid", options, USERS)).toBe("1234 1234 1234 1234");
    expect(await field("Gid", options, USERS)).toBe("2345 2345 2345 2345");
    expect((await field("Groups", options, USERS)).split(" ").sort()).toEqual(["2345", "29", "44"]);
  });

  test("by number needs no entry, and has no capability", async () => {
    for (const user of ["4000:5000", "4000"]) {
      const options = service({ user });
      expect(await field("Uid", options)).toBe("4000 4000 4000 4000");
      expect(await field("Gid", options)).toBe(user === "4000" ? "0 0 0 0" : "5000 5000 5000 5000");
    }
    for (const set of ["CapPrm", "CapEff", "CapAmb"])
      expect(await field(set, service({ user: 4000 }))).toBe("0000000000000000");
  });

  test("with groups has exactly those, by name or number", async () => {
    const options = service({ user: "app:other", groups: ["video", 99] });
    expect(await field("Gid", options, USERS)).toBe("77 77 77 77");
    expect(await field("Groups", options, USERS)).toBe("44 99");
  });

  test.each([
    [{ user: "nosuch" }, "true", 126, "find-user"],
    [{ user: "root", cwd: "/nonexistent" }, "true", 126, "working-directory"],
    [{ user: "root" }, "/nonexistent", 127, "find-program"],
    [{ user: "root" }, "/etc/passwd", 126, "execute"],
  ])(
    "%j: a start of %s fails with %d at the stage that a JSON line names: %s",
    async (keys, program, code, stage) => {
      const options = service(keys, { log: { format: "json" } });
      const ended = await run({ run: [program], options });
      expect([ended.code, stages(ended.stderr)]).toEqual([code, [stage]]);
    },
  );

  test("that does not exist is said before anything starts", async () => {
    for (const [keys, said] of [
      [
        { user: "nosuch" },
        'cannot start app: no user "nosuch" in /etc/passwd (services.app.user) [cannot-start]\n',
      ],
      [
        { user: "root:nosuch" },
        'cannot start app: no group "nosuch" in /etc/group (services.app.user) [cannot-start]\n',
      ],
      [
        { user: "root", groups: ["nosuch"] },
        'cannot start app: no group "nosuch" in /etc/group (services.app.groups) [cannot-start]\n',
      ],
    ] as const) {
      const { code, stdout, stderr } = await run({ run: ["echo", "started"], options: service(keys) });
      expect({ code, stdout, stderr }).toEqual({
        code: 126,
        stdout: "",
        stderr: expect.stringContaining(said),
      });
    }
  });

  test("keeps the capabilities that are ambient, and the bounding set is cut", async () => {
    const capabilities = { ambient: ["CAP_NET_BIND_SERVICE"] };
    const options = service({ user: 4000, capabilities });
    for (const set of ["CapPrm", "CapEff", "CapBnd", "CapAmb"])
      expect(BigInt(`0x${await field(set, options)}`)).toBe(1n << 10n);
  });
});

describeWith(["gcc", "unshare"], "a service", () => {
  test("has the umask, nice value and OOM score adjustment of the policy", async () => {
    const keys = { umask: "0027", nice: 7, oomScoreAdj: 300 };
    const script = "umask; set -- $(cat /proc/self/stat); echo ${19}; cat /proc/self/oom_score_adj";
    expect((await run({ run: ["sh", "-c", script], options: service(keys) })).stdout).toBe("0027\n7\n300\n");
  });

  test("has limits of its own, and fdinit keeps the global ones", async () => {
    const limits = (soft: number) => ({ nofile: { soft, hard: 512 } });
    const options = service({ limits: limits(100) }, { limits: limits(200) });
    const script = "ulimit -Sn; ulimit -Hn; cat /proc/1/limits | grep 'open files'";
    const { stdout } = await run({ run: ["sh", "-c", script], options });
    expect(stdout).toMatch(/^100\n512\nMax open files\s+200\s+512\s+files/);
  });

  test("cannot gain privileges when the policy says so", async () => {
    expect(await field("NoNewPrivs", service({ noNewPrivileges: true }))).toBe("1");
    expect(await field("NoNewPrivs", service({}))).toBe("0");
  });

  test("gets its signal when fdinit is killed below another init", async () => {
    const options = service({ pdeathsig: "SIGUSR1" });
    const running = await start({ run: [fixture("recorder")], options, as: "child" }).ready();
    process.kill(await running.pid(), "SIGKILL");
    expect(await running.line()).toBe("10 0 0");
    expect((await running.finished()).code).toBe(137);
  });

  test("is not started when a step before it fails, and the step is named with its error", async () => {
    const unprivileged = ["user=4000"];
    const readable = (options: string[]) => {
      chmodSync(dirname(options[1] as string), 0o755);
      return options;
    };
    const options = readable(service({ oomScoreAdj: -1000 }));
    const { code, stderr } = await run({ run: ["true"], options, launch: unprivileged, as: "child" });
    expect(code).toBe(126);
    expect(stderr).toMatch(
      /policy\.yaml:1:47: cannot start app: cannot set the OOM score adjustment -1000 \(write\): EACCES: permission denied \(services\.app\.oomScoreAdj\) \[cannot-start\]\n(?:.*\n){2} {4}a lower value than fdinit's own needs CAP_SYS_RESOURCE, which fdinit does not have\n$/,
    );
    const user = await run({
      run: ["true"],
      options: readable(service({ user: 0 })),
      launch: unprivileged,
      as: "child",
    });
    expect(user.stderr).toMatch(
      /^fdinit: .*: cannot start app: cannot take the groups .* \(setgroups\): EPERM/,
    );
    expect(user.code).toBe(126);
  });
});

describeWith(["gcc", "unshare", "root"], "rights that are given up", () => {
  /** The program's groups, started by a launcher with groups 27 and 44 and, maybe, another user. */
  const groupsOf = async (keys: Record<string, unknown>, launch: readonly string[]) => {
    const options = service(keys);
    chmodSync(dirname(options[1] as string), 0o755);
    const ended = await run({ run: ["id", "-G"], options, launch: ["groups=27,44", ...launch] });
    return { ...ended, stdout: ended.stdout.trim().split(" ") };
  };

  test("groups without user are the program's, and none are none", async () => {
    expect(await groupsOf({ groups: [] }, [])).toEqual({ code: 0, stdout: ["0"], stderr: "" });
    expect(await groupsOf({ groups: [99] }, [])).toEqual({ code: 0, stdout: ["0", "99"], stderr: "" });
  });

  test("a start fails where named groups cannot be set, and where nothing changes it does not", async () => {
    const refused = await groupsOf({ user: 4000, groups: [] }, ["uid=4000"]);
    expect(refused.code).toBe(126);
    expect(refused.stderr).toMatch(
      /^fdinit: .*: cannot start app: cannot take the groups none \(setgroups\): EPERM/,
    );
    const same = await groupsOf({ groups: [44, 27] }, ["uid=4000"]);
    expect({ code: same.code, stderr: same.stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("groups that the policy does not name stay with a line where they cannot be set", async () => {
    const { code, stdout, stderr } = await groupsOf({ user: "4000:0" }, ["uid=4000"]);
    expect(code).toBe(0);
    expect(stdout).toContain("27");
    expect(stderr).toMatch(/^fdinit: app keeps the groups 27, 44 that fdinit was started with.*EPERM.*\n$/);
  });

  test("capabilities are kept for another user that is given none of them as ambient", async () => {
    const options = service({ user: 4000, capabilities: { keep: ["CAP_NET_BIND_SERVICE"] } });
    expect(BigInt(`0x${await field("CapBnd", options)}`)).toBe(1n << 10n);
    expect(BigInt(`0x${await field("CapEff", options)}`)).toBe(0n);
  });
});

describeWith(["gcc", "unshare", "root"], "dropPrivileges", () => {
  test("leaves PID 1 nothing but the right to send signals", async () => {
    const options = service({ user: 4000 }, { dropPrivileges: true });
    const running = await start({ run: [fixture("recorder")], options }).ready();
    const pid = await running.pid();
    await untilWaiting(pid);
    for (const set of ["CapPrm", "CapEff"]) expect(BigInt(`0x${status(pid, set)}`)).toBe(1n << 5n);
    process.kill(pid, "SIGUSR1");
    expect(await running.line()).toBe("10 0 0");
    await running.finished();
  });

  test("keeps what another start of the service needs", async () => {
    const restart = { policy: "onFailure", backoff: "1ms..1ms", limit: "2/1m" };
    const options = service({ user: 4000, restart }, { dropPrivileges: true });
    const script = "grep '^Uid:' /proc/self/status; exit 1";
    const { stdout, code } = await run({ run: ["sh", "-c", script], options });
    expect(code).toBe(1);
    expect(stdout).toBe("Uid:\t4000\t4000\t4000\t4000\n".repeat(3));
  });
});
