// fdinit under the name of tini beside Debian's tini: the same command lines, in one run. Tini's mistakes
// are tried with fdinit alone.

import { expect, test } from "bun:test";
import { copyFileSync, linkSync } from "node:fs";
import { join } from "node:path";
import {
  fdinitAs,
  forwarded,
  isStopped,
  leavesTerminal,
  onTerminalBehind,
  recorder,
  same,
  sameEnd,
  sameInGroup,
  send,
  stopAndGoOn,
  withoutPids,
} from "../harness/drop-in.ts";
import { FDINIT, fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { children, descriptors, extra, status, until, untilWaiting } from "../harness/processes.ts";

leaveNothingBehind();

describeWith(["tini", "gcc", "unshare"], "fdinit as tini", () => {
  const ends: [name: string, args: string[], env?: Record<string, string>][] = [
    ["the program's code", ["-s", "--", "sh", "-c", "exit 7"]],
    ["128 + n", ["-s", "--", "sh", "-c", "kill -TERM $$"]],
    ["a code made 0", ["-s", "-e", "7", "--", "sh", "-c", "exit 7"]],
    ["another code left alone", ["-s", "-e", "7", "-e8", "--", "sh", "-c", "exit 9"]],
    ["a signal's code made 0", ["-s", "-e", "143", "--", "sh", "-c", "kill -TERM $$"]],
    ["an empty -e, which is 0", ["-s", "-e", "", "--", "sh", "-c", "exit 7"]],
    ["-e out of range", ["-e", "256", "true"]],
    ["-e of a negative number", ["-e", "-1", "true"]],
    ["-e that is no number", ["-e", "7x", "true"]],
    ["-p of an unknown signal", ["-p", "SIGFOO", "true"]],
    ["-p of a number", ["-p", "9", "true"]],
    ["-p without SIG", ["-p", "TERM", "true"]],
    ["-p of a real-time signal", ["-p", "SIGRTMIN", "true"]],
    ["-p of a signal tini does not know", ["-p", "SIGPWR", "true"]],
    ["-p of a known one", ["-s", "-p", "SIGKILL", "true"]],
    ["a program that is not there", ["-s", "nonexistent"]],
    ["a path that is not there", ["-s", "/nonexistent"]],
    ["an empty name", ["-s", ""]],
    ["a directory", ["-s", "/etc"]],
    ["a file that is not executable", ["-s", "/etc/passwd"]],
    ["a path through a file", ["-s", "/etc/passwd/x"]],
    ["no subreaper, with a warning", ["--", "sh", "-c", "exit 3"]],
    ["no warning at verbosity 0", ["--", "sh", "-c", "exit 3"], { TINI_VERBOSITY: "0" }],
    ["a verbosity that is no number", ["--", "sh", "-c", "exit 3"], { TINI_VERBOSITY: "x" }],
    ["a subreaper by variable", ["--", "sh", "-c", "exit 3"], { TINI_SUBREAPER: "" }],
    ["options between the program's words", ["-s", "echo", "a", "-g", "b"]],
    ["an option behind the program", ["echo", "-s", "a"]],
    ["words behind --", ["-s", "echo", "--", "a", "-g"]],
    ["a cluster with a value", ["-sge7", "sh", "-c", "exit 7"], { POSIXLY_CORRECT: "1" }],
    ["POSIXLY_CORRECT", ["-s", "echo", "a", "-g", "b"], { POSIXLY_CORRECT: "" }],
    ["a script without an interpreter line", ["-s", "--", fixture("launch"), "clearenv", "--", "/bin/true"]],
    [
      "a program with bytes that are no UTF-8",
      ["-s", "--", "sh", "-c", "printf '\\377' | od -c"],
      { POSIXLY_CORRECT: "" },
    ],
  ];
  test.each(ends)("does the same with %s", async (_name, args, env = {}) => {
    await sameEnd("tini", args, { env });
  });

  test.each([
    ["nothing", []],
    ["an unknown option", ["-z", "true"]],
    ["a long option", ["--help"]],
    ["--version with more", ["--version", "x"]],
    ["-p without a value", ["-p"]],
    ["-h", ["-h", "-z"]],
    ["-l", ["ls", "-ld"]],
    ["--version", ["--version"]],
  ] as [string, string[]][])("answers %s on the same stream, with the same code", async (_name, args) => {
    await same("tini", async (begin) => {
      const { code, stdout, stderr } = await begin(args).finished();
      const first = (text: string) => text.split("\n").filter((line) => /^tini: |^Usage: /.test(line));
      return { code, out: stdout !== "", err: stderr !== "", lines: [first(stdout), first(stderr)] };
    });
  });

  test("says what docker info asks for, and whose licence it is under", async () => {
    const { stdout } = await fdinitAs("docker-init")(["--version"]).finished();
    expect(stdout).toMatch(/^tini version 0\.19\.0 /);
    const { stdout: licence } = await fdinitAs("tini")(["-l"]).finished();
    expect(licence).toContain("fdinit");
    expect(licence).toContain("MIT");
  });

  test("counts by a hard link, a copy, and another argv[0] too", async () => {
    const directory = temporaryDirectory();
    const paths = [join(directory, "tini"), join(directory, "docker-init")] as const;
    try {
      linkSync(FDINIT, paths[0]);
    } catch {
      copyFileSync(FDINIT, paths[0]); // another file system
    }
    copyFileSync(FDINIT, paths[1]);
    const renamed = ["bash", "-c", 'exec -a /any/tini "$0" --version', FDINIT];
    for (const command of [[paths[0], "--version"], [paths[1], "--version"], renamed])
      expect(Bun.spawnSync(command).stdout.toString()).toMatch(/^tini version /);
    expect(Bun.spawnSync([FDINIT, "--version"]).stdout.toString()).toMatch(/^fdinit /);
  });

  test("says the same with -vvv, but for the look every second", async () => {
    const lines = (text: string) =>
      withoutPids(text)
        .split("\n")
        .filter((line) => !line.includes("No child to"))
        .sort();
    await same("tini", async (begin) => {
      // tini's own lines come when it ends: its standard output is no terminal.
      const running = begin(["-s", "-vvv", "--", fixture("recorder")]);
      const begun = await running.printed("ready\n");
      send(await running.pid(), 10);
      const sent = await running.printed("10 0 0\n");
      // Before it waits again, it would find the program's end without SIGCHLD, and not speak of it.
      await untilWaiting(await running.pid());
      const { code, stdout, stderr } = await running.finished();
      return { code, stderr, lines: lines(begun + sent + stdout) };
    });
  });

  test("warns with -w of each orphan that is reaped", async () => {
    await same("tini", async (begin) => {
      const running = begin(["-s", "-w", "--", fixture("orphans"), "3"]);
      await running.printed("ready\n");
      const pid = await running.pid();
      await until("the orphans are reaped", () => children(pid).length === 1);
      const { code, stderr } = await running.finished();
      return [code, withoutPids(stderr)];
    });
  });

  test("gives the program a group of its own in the same session", async () => {
    await same("tini", async (begin) => {
      const running = await begin(["-s", "--", fixture("hold")]).ready();
      const pid = await running.pid();
      const payload = await running.payload();
      const place = [
        status(payload, "NSpgid") === String(payload),
        status(payload, "NSsid") === status(pid, "NSsid"),
      ];
      await running.finished();
      return place;
    });
  });

  test.each([["pid1"], ["child"]] as const)("forwards the same signals as %s", async (as) => {
    await same("tini", async (begin) => {
      const running = await recorder(begin, as === "pid1" ? ["--"] : ["-s", "--"], { as });
      // Those that end tini when it is not PID 1 are not tried then.
      return forwarded(running, 64, as === "child" ? [4, 5, 6, 7, 8, 11, 31] : []);
    });
  });

  test.each([
    ["the program alone", ["-s"], {}],
    ["its group with -g", ["-s", "-g"], {}],
    ["its group by variable", ["-s"], { TINI_KILL_PROCESS_GROUP: "" }],
  ] as [string, string[], Record<string, string>][])("sends a signal to %s", async (_name, options, env) => {
    // One recorder may see the other end.
    await sameInGroup("tini", [...options, "--"], [17], { env });
  });

  test("passes every inherited descriptor on, and there is no process beside the program", async () => {
    await same("tini", async (begin) => {
      const launch = ["fd=3:devnull", "fd=5:file:/etc/passwd", "fd=7:dir:/etc", "fd=1500:devnull"];
      const running = await begin(["-s", "--", fixture("hold")], { launch }).ready();
      const open = descriptors(await running.payload());
      const count = children(await running.pid()).length;
      await running.finished();
      return [extra(open).map((fd) => [fd, open[fd]]), count];
    });
  });

  test("exits at once when the program ends, whatever it leaves", async () => {
    const script = `exec 3<&0; ${fixture("recorder")} <&3 >/dev/null & exit 4`;
    await same("tini", async (begin) => {
      const running = begin(["--", "sh", "-c", script], { as: "pid1" });
      return (await running.ended()).code;
    });
  });

  test("-p: gets a signal when the parent dies, and passes it on", async () => {
    await same("tini", async (begin) => {
      const inner = `tini -s -p SIGUSR1 -- ${fixture("recorder")} <&3 & wait`;
      const outer = `exec 3<&0; sh -c '${inner}'; cat`;
      const running = begin(["-s", "--", "sh", "-c", outer]);
      await running.printed("ready\n");
      process.kill(children(await running.payload())[0] ?? 0, "SIGKILL");
      await running.printed("10 0 0\n");
      return (await running.finished()).code;
    });
  });
});

describeWith(["gcc", "unshare", "bash"], "what tini gets wrong, fdinit as tini does not:", () => {
  const tini = fdinitAs("tini");

  test("SIGCHLD ignored at the start costs no exit code", async () => {
    const ended = await tini(["-s", "--", "sh", "-c", "exit 21"], { launch: ["ignore=17"] }).finished();
    expect(ended.code).toBe(21);
  });

  test("a broken standard error sends the program no SIGPIPE", async () => {
    for (const options of [[], ["-w"], ["-vvv"]]) {
      const running = await recorder(tini, [...options, "--"], { launch: ["fd=2:brokenpipe"] });
      send(await running.pid(), 10);
      await running.printed("10 0 0\n");
      expect((await running.finished()).stdout).not.toContain("13 ");
    }
  });

  test("a closed standard input ends nothing", async () => {
    const ended = await tini(["-s", "--", "sh", "-c", "exit 22"], { launch: ["close=0"] }).finished();
    expect(ended).toEqual({ code: 22, stdout: "", stderr: "" });
  });

  test("with -g a signal reaches the program from the first moment on", async () => {
    for (let round = 0; round < 10; round++) {
      const running = tini(["-g", "--", "sleep", "1000"], { as: "pid1" });
      const pid = await running.pid();
      await untilWaiting(pid);
      send(pid, 15);
      expect((await running.ended()).code).toBe(143);
    }
  });

  test("a program that somebody stops and continues by SIGSTOP and SIGCONT leaves it running", async () => {
    const running = await recorder(tini, ["-s", "--"]);
    const [pid, payload] = [await running.pid(), await running.payload()];
    process.kill(payload, "SIGSTOP");
    await isStopped(payload, true);
    process.kill(payload, "SIGCONT");
    await running.printed("18 0 0\n");
    process.kill(pid, "SIGUSR1");
    await running.printed("10 0 0\n");
    expect((await running.finished()).code).toBe(0);
  });

  test("^Z under a shell stops the job, fg goes on with it", () => stopAndGoOn("tini", ["-s"]));

  test("a job in the background does not take the terminal", () => leavesTerminal("tini", ["-s"]));

  test("a shell behind it as PID 1 has job control", async () => {
    const running = onTerminalBehind("tini");
    expect(await running.printed("PROMPT>")).not.toContain("job control");
    running.type("sh -c 'echo sta''rted; read line; echo got $line; exec sleep 1000'\n");
    await running.printed("started");
    running.type("\x1a");
    expect(await running.printed("PROMPT>")).toContain("Stopped");
    running.type("fg\n");
    await running.printed("sleep 1000");
    running.type("hello\n");
    await running.printed("got hello");
    running.type("\x03");
    await running.printed("PROMPT>");
    running.type("exit 3\n");
    expect((await running.ended()).code).toBe(3);
  });

  test("nothing wakes it up while nothing happens", async () => {
    const running = await recorder(tini, ["-s", "--"]);
    const pid = await running.pid();
    await untilWaiting(pid);
    const switches = () => status(pid, "voluntary_ctxt_switches");
    const before = switches();
    await Bun.sleep(2_500); // tini looks every second
    expect(switches()).toBe(before);
    await running.finished();
  });

  test("a value that sigqueue gave goes on to the program", async () => {
    const running = await recorder(tini, ["-s", "--"]);
    const pid = await running.pid();
    expect(Bun.spawnSync([fixture("send"), String(pid), "40", "77"]).stderr.toString()).toBe("");
    await running.printed("40 -1 77\n");
    await running.finished();
  });

  test("ps shows it by its own name", async () => {
    const running = await recorder(tini, ["-s", "--"]);
    expect(status(await running.pid(), "Name")).toBe("tini");
    await running.finished();
  });
});
