// fdinit under the name of catatonit beside Debian's catatonit: the same command lines, in one run.
// Catatonit's mistakes are tried with fdinit alone.

import { expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
import {
  fdinitAs,
  forwarded,
  leavesTerminal,
  recorder,
  same,
  sameEnd,
  sameInGroup,
  sameShape,
  send,
  stopAndGoOn,
} from "../harness/drop-in.ts";
import { fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { children, descriptors, extra, status, until, untilWaiting } from "../harness/processes.ts";

leaveNothingBehind();

describeWith(["catatonit", "gcc", "unshare"], "fdinit as catatonit", () => {
  const ends: [name: string, args: string[], env?: Record<string, string>][] = [
    ["the program's code", ["--", "sh", "-c", "exit 7"]],
    ["128 + n", ["-g", "--", "sh", "-c", "kill -TERM $$"]],
    ["no program", []],
    ["no program behind -g", ["-g", "--"]],
    ["an unknown option", ["-z", "true"]],
    ["an unknown long option", ["--help"]],
    ["a long option with a value it does not take", ["--version=3"]],
    ["a program that is not there", ["nonexistent"]],
    ["a path that is not there", ["/nonexistent"]],
    ["an empty name", [""]],
    ["a directory", ["/etc"]],
    ["a path through a file", ["/etc/passwd/x"]],
    ["CATATONIT_LOG", ["true"], { CATATONIT_LOG: "" }],
    ["options between the program's words", ["echo", "a", "-g", "b"]],
    ["POSIXLY_CORRECT", ["echo", "a", "-g", "b"], { POSIXLY_CORRECT: "" }],
    ["words behind --", ["echo", "--", "a", "-h"]],
  ];
  test.each(ends)("does the same with %s", async (_name, args, env = {}) => {
    await sameEnd("catatonit", args, { env });
  });

  test.each([
    ["-h", ["-h", "-z"]],
    ["-L", ["ls", "-L"]],
    ["-V", ["-V"]],
    ["--version", ["--version"]],
    ["an abbreviation", ["--ver"]],
  ] as [string, string[]][])("answers %s on the same stream, with the same code", async (_name, args) => {
    await sameShape("catatonit", args, /^usage: /);
  });

  test("says what docker info asks for", async () => {
    for (const name of ["catatonit", "podman-init"]) {
      const { stdout } = await fdinitAs(name)(["--version"]).finished();
      expect(stdout).toMatch(/^tini version 0\.1\.7_catatonit /);
    }
  });

  test("tells with CATATONIT_DEBUG of the program and of each orphan", async () => {
    const script = "(sh -c 'exit 3' &) ; sleep 0.2; exit 5";
    const args = ["--", "sh", "-c", script];
    const env = { CATATONIT_DEBUG: "1" };
    // Its own process and the program's write the line about the start at once, letter by letter.
    await sameShape("catatonit", args, /child process/, { env });
    const { stderr } = await fdinitAs("catatonit")(args, { env }).finished();
    expect(stderr).toMatch(/^DEBUG \(catatonit:\d+\): pid1 \(\d+\) spawned: sh$/m);
  });

  test("gives the program a group of its own, and is a subreaper", async () => {
    const script = "exec 3<&0; (sh -c 'echo ready; read line <&3' &) ; exec cat";
    await same("catatonit", async (begin) => {
      const running = await begin(["--", "sh", "-c", script]).ready();
      const pid = await running.pid();
      await until("the orphan is adopted", () => children(pid).length === 2);
      const payload = await running.payload();
      const place = [
        status(payload, "NSpgid") === String(payload),
        status(payload, "NSsid") === status(pid, "NSsid"),
      ];
      running.type("\n\n");
      return [place, (await running.finished()).code];
    });
  });

  test.each([["pid1"], ["child"]] as const)("forwards the same signals as %s", async (as) => {
    await same("catatonit", async (begin) => {
      const running = await recorder(begin, [], { as });
      return forwarded(running, 64, as === "child" ? [4, 5, 6, 7, 8, 11, 31] : []);
    });
  });

  test.each([
    ["the program alone", []],
    ["its group with -g", ["-g"]],
  ] as [string, string[]][])("sends a signal to %s", async (_name, options) => {
    await sameInGroup("catatonit", [...options, "--"], [17]);
  });

  test("keeps nothing open, and the program has every descriptor", async () => {
    await same("catatonit", async (begin) => {
      const launch = ["fd=3:devnull", "fd=5:file:/etc/passwd", "fd=7:dir:/etc", "fd=1500:devnull"];
      const running = await begin(["--", fixture("hold")], { launch }).ready();
      const pid = await running.pid();
      const open = descriptors(await running.payload());
      const isKept = (what: string) => what.startsWith("/") && what !== "/dev/null";
      await until("it has closed them", () => !Object.values(descriptors(pid)).some(isKept));
      await running.finished();
      return extra(open).map((fd) => [fd, open[fd]]);
    });
  });

  test("makes LISTEN_PID the program's own, and leaves another's alone", async () => {
    const script = "[ $LISTEN_PID = $$ ] && echo own; echo $LISTEN_FDS $LISTEN_FDNAMES";
    const launch = ["fd=3:devnull", "fd=4:devnull", "fd=9:devnull"];
    for (const LISTEN_PID of ["1", "2"]) {
      const env = { LISTEN_PID, LISTEN_FDS: "2" };
      const ended = await sameEnd("catatonit", ["--", "sh", "-c", script], { as: "pid1", launch, env });
      expect(ended.stdout).toBe("own\n2\n");
      if (LISTEN_PID === "1") env.LISTEN_FDS = "1";
    }
  });

  test.each([
    ["TERM", 15],
    ["INT", 2],
  ] as const)("-P pauses until SIG%s, and ends with 0", async (_name, signal) => {
    await same("catatonit", async (begin) => {
      // As Podman starts it.
      const launch = ["ignore=1", "ignore=2", "ignore=13", "fd=5:dir:/etc"];
      const running = begin(["-P", "ignored"], { launch });
      const pid = await running.pid();
      await until("it waits", () => status(pid, "SigBlk").startsWith("f"));
      for (const other of [1, 3, 10, 13, 34]) send(pid, other);
      await settledInCall(pid);
      expect(children(pid)).toEqual([]);
      expect(Object.values(descriptors(pid))).not.toContain("/etc");
      send(pid, signal);
      return running.ended();
    });
  });
});

/** In a system call that waits: nothing is left to be done. */
async function settledInCall(pid: number): Promise<void> {
  await until("nothing is left to do", () => status(pid, "State").startsWith("S"));
}

describeWith(["gcc", "unshare", "bash"], "what catatonit gets wrong, fdinit as catatonit does not:", () => {
  const catatonit = fdinitAs("catatonit");

  test("SIGCHLD ignored at the start costs no exit code", async () => {
    const ended = await catatonit(["--", "sh", "-c", "exit 21"], { launch: ["ignore=17"] }).finished();
    expect(ended.code).toBe(21);
  });

  test("a broken standard error sends the program no SIGPIPE", async () => {
    const env = { CATATONIT_DEBUG: "1" };
    const running = await recorder(catatonit, ["--"], { launch: ["fd=2:brokenpipe"], env });
    send(await running.pid(), 20);
    send(await running.pid(), 10);
    await running.printed("10 0 0\n");
    expect((await running.finished()).stdout).toBe("end\n");
  });

  test("the program runs with nothing blocked that the launcher did not block", async () => {
    const running = await catatonit(["--", fixture("hold")], { launch: ["block=10"] }).ready();
    expect(status(await running.payload(), "SigBlk")).toBe("0000000000000200");
    await running.finished();
  });

  test("keeps no directory busy, nor does its pause", async () => {
    const cwd = (pid: number) => readlinkSync(`/proc/${pid}/cwd`);
    const running = await catatonit(["--", fixture("hold")], { cwd: "/usr" }).ready();
    const pid = await running.pid();
    await until("it has left", () => cwd(pid) === "/");
    expect(cwd(await running.payload())).toBe("/usr");
    await running.finished();
    const pause = catatonit(["-P"], { cwd: "/usr" });
    const paused = await pause.pid();
    await until("it has left", () => cwd(paused) === "/");
    send(paused, 15);
    expect((await pause.ended()).code).toBe(0);
  });

  test("-P reaps what ends up with it", async () => {
    const running = catatonit(["-P"], { launch: ["child=3"] });
    const pid = await running.pid();
    await untilWaiting(pid);
    expect(children(pid)).toEqual([]);
    send(pid, 15);
    expect((await running.ended()).code).toBe(0);
  });

  test("with -g a signal reaches the program from the first moment on", async () => {
    for (let round = 0; round < 10; round++) {
      const running = catatonit(["-g", "--", "sleep", "1000"], { as: "pid1" });
      const pid = await running.pid();
      await untilWaiting(pid);
      send(pid, 15);
      expect((await running.ended()).code).toBe(143);
    }
  });

  test("^Z under a shell stops the job, fg goes on with it", () => stopAndGoOn("catatonit", []));

  test("a job in the background does not take the terminal", () => leavesTerminal("catatonit", []));
});
