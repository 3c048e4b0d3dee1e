// fdinit under the name of dumb-init beside Debian's dumb-init: the same command lines, in one run.
// Dumb-init's mistakes are tried with fdinit alone.

import { expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
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
} from "../harness/drop-in.ts";
import { fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { children, descriptors, extra, status, until, untilWaiting } from "../harness/processes.ts";

leaveNothingBehind();

const STOPPING = [20, 21, 22];

describeWith(["dumb-init", "gcc", "unshare"], "fdinit as dumb-init", () => {
  const ends: [name: string, args: string[], env?: Record<string, string>][] = [
    ["the program's code", ["sh", "-c", "exit 7"]],
    ["128 + n", ["-c", "sh", "-c", "kill -TERM $$"]],
    ["no program", []],
    ["-h", ["-h", "true"]],
    ["--help", ["--help"]],
    ["-V", ["-V"]],
    ["--version", ["--version", "x"]],
    ["an unknown option", ["-z", "true"]],
    ["an unknown long option", ["--yolo=1", "true"]],
    ["an ambiguous abbreviation", ["--ver", "true"]],
    ["a clear abbreviation", ["--sing", "sh", "-c", "exit 3"]],
    ["a long option with a value it does not take", ["--version=3"]],
    ["-r without a value", ["-r"]],
    ["--rewrite without a value", ["--rewrite"]],
    ["-r of words", ["-r", "herp:derp", "true"]],
    ["-r out of range", ["-r", "15:32", "true"]],
    ["-r of signal 0", ["-r", "0:1", "true"]],
    ["-r with two colons", ["-r", "15::12", "true"]],
    ["-r with more behind it", ["-r15: 12x", "sh", "-c", "exit 4"]],
    ["a program that is not there", ["nonexistent"]],
    ["a path that is not there", ["-c", "/nonexistent"]],
    ["a directory", ["/etc"]],
    ["an option behind the program", ["echo", "-c", "a"]],
    ["words behind --", ["--", "echo", "--", "a"]],
    ["-v in single-child mode", ["-v", "-c", "true"]],
    ["-v in single-child mode, of an end by a signal", ["-vc", "sh", "-c", "kill -9 $$"]],
    ["DUMB_INIT_DEBUG=1", ["-c", "true"], { DUMB_INIT_DEBUG: "1" }],
    ["DUMB_INIT_DEBUG=0", ["true"], { DUMB_INIT_DEBUG: "0" }],
    ["DUMB_INIT_SETSID=0", ["-v", "true"], { DUMB_INIT_SETSID: "0" }],
    ["a verbose failure", ["-r", "15:0", "-v", "-c", "true"]],
  ];
  test.each(ends)("does the same with %s", async (_name, args, env = {}) => {
    await sameEnd("dumb-init", args, { env });
  });

  test("says the same with -v in a session of its own, in whatever order", async () => {
    await same("dumb-init", async (begin) => {
      const { code, stdout, stderr } = await begin(["-v", "sh", "-c", "exit 3"]).finished();
      return [
        code,
        stdout,
        stderr
          .replace(/PID \d+/g, "PID N")
          .split("\n")
          .sort(),
      ];
    });
  });

  test.each([
    ["a session of its own", [], {}],
    ["its init's group with -c", ["-c"], {}],
    ["its init's group by variable", [], { DUMB_INIT_SETSID: "0" }],
    ["a session of its own for any other value", [], { DUMB_INIT_SETSID: "no" }],
  ] as [string, string[], Record<string, string>][])("gives the program %s", async (_name, options, env) => {
    await same("dumb-init", async (begin) => {
      const running = await begin([...options, fixture("hold")], { env }).ready();
      const [pid, payload] = [await running.pid(), await running.payload()];
      const own = (field: string) => status(payload, field) === String(payload);
      const shared = (field: string) => status(payload, field) === status(pid, field);
      const place = ["NSpgid", "NSsid"].map((field) => [own(field), shared(field)]);
      await running.finished();
      return place;
    });
  });

  test.each([["pid1"], ["child"]] as const)("forwards the same signals as %s", async (as) => {
    await same("dumb-init", async (begin) => {
      // dumb-init reads out of bounds for those above 31.
      return forwarded(await recorder(begin, [], { as }), 31, STOPPING);
    });
  });

  test("rewrites, ignores, and sends the rest on as it is", async () => {
    await same("dumb-init", async (begin) => {
      const options = ["-r", "15:3", "-r", "2:0", "--rewrite", "1:31", "--rewrite=31:1", "-r", "28:15"];
      const running = await recorder(begin, options);
      for (const signal of [15, 2, 1, 31, 28, 10]) {
        send(await running.pid(), signal);
        if (signal !== 2) await running.printed(" 0 0\n");
      }
      return (await running.finished()).stdout;
    });
  });

  test("says with -v what it rewrites and ignores", async () => {
    await same("dumb-init", async (begin) => {
      const running = await recorder(begin, ["-v", "-c", "-r", "15:3", "-r", "2:0"]);
      for (const signal of [15, 2, 10]) {
        send(await running.pid(), signal);
        if (signal !== 2) await running.printed(" 0 0\n");
      }
      const { code, stderr } = await running.finished();
      return [code, stderr.replace(/PID \d+/g, "PID N")];
    });
  });

  test.each([
    ["its group", []],
    ["the program alone with -c", ["-c"]],
  ] as [string, string[]][])("sends a signal to %s", async (_name, options) => {
    await sameInGroup("dumb-init", options, [15, 17, 18]);
  });

  test.each(STOPPING)("stops its group and itself because of signal %d, until SIGCONT", async (signal) => {
    await same("dumb-init", async (begin) => {
      const running = await recorder(begin, []);
      const [pid, payload] = [await running.pid(), await running.payload()];
      for (let round = 0; round < 2; round++) {
        send(pid, signal);
        await isStopped(pid, true);
        await isStopped(payload, true);
        send(pid, 18);
        await isStopped(pid, false);
        await isStopped(payload, false);
        await running.printed("18 0 0\n");
      }
      return (await running.finished()).stdout;
    });
  });

  test.each([
    ["with -c", ["-c"], "20 0 0\n"],
    ["rewritten", ["-r", "20:1"], "1 0 0\n"],
  ] as [string, string[], string][])(
    "stops itself behind a TSTP that the program handles, %s",
    async (_name, options, seen) => {
      await same("dumb-init", async (begin) => {
        const running = await recorder(begin, options);
        const pid = await running.pid();
        send(pid, 20);
        await running.printed(seen);
        await isStopped(pid, true);
        send(pid, 18);
        await isStopped(pid, false);
        await running.printed("18 0 0\n");
        return (await running.finished()).stdout;
      });
    },
  );

  test.each([
    ["SIGTERM", [], "15 0 0\n"],
    ["what SIGTERM is rewritten to", ["-r", "15:12"], "12 0 0\n"],
  ] as [string, string[], string][])(
    "sends %s to what the program leaves in its group",
    async (_name, options, seen) => {
      const script = `exec 3<&0; ${fixture("recorder")} <&3 & read line; exit 4`;
      await same("dumb-init", async (begin) => {
        const running = begin([...options, "sh", "-c", script.replace("read line", "sleep 0.3")]);
        await running.printed("ready\n");
        await running.printed(seen);
        return (await running.finished()).code;
      });
    },
  );

  test("keeps no directory busy, and the program has the one it was started in", async () => {
    await same("dumb-init", async (begin) => {
      const running = await begin([fixture("hold")], { cwd: "/usr" }).ready();
      const cwd = (pid: number) => readlinkSync(`/proc/${pid}/cwd`);
      const pid = await running.pid();
      // It leaves once the program has been started.
      await until("it has left", () => cwd(pid) === "/");
      const directory = cwd(await running.payload());
      await running.finished();
      return directory;
    });
  });

  test("passes every inherited descriptor on, and there is no process beside the program", async () => {
    await same("dumb-init", async (begin) => {
      const launch = ["fd=3:devnull", "fd=5:file:/etc/passwd", "fd=7:dir:/etc", "fd=1500:devnull"];
      const running = await begin([fixture("hold")], { launch }).ready();
      const open = descriptors(await running.payload());
      const count = children(await running.pid()).length;
      await running.finished();
      return [extra(open).map((fd) => [fd, open[fd]]), count];
    });
  });

  test("is no subreaper", async () => {
    const script = "exec 3<&0; (sh -c 'echo ready; read line <&3' &) ; exec cat";
    await same("dumb-init", async (begin) => {
      const running = await begin(["sh", "-c", script]).ready();
      const count = children(await running.pid()).length;
      running.type("\n\n");
      return [count, (await running.finished()).code];
    });
  });
});

describeWith(["gcc", "unshare", "bash"], "what dumb-init gets wrong, fdinit as dumb-init does not:", () => {
  const dumbInit = fdinitAs("dumb-init");

  test("a broken standard error does not make it spin with -v", async () => {
    const running = await recorder(dumbInit, ["-v"], { launch: ["fd=2:brokenpipe"] });
    const pid = await running.pid();
    send(pid, 10);
    await running.printed("10 0 0\n");
    await untilWaiting(pid);
    expect((await running.finished()).stdout).toBe("end\n");
  });

  test("a signal reaches the program from the first moment on", async () => {
    for (let round = 0; round < 10; round++) {
      const running = dumbInit(["sleep", "1000"], { as: "pid1" });
      const pid = await running.pid();
      await untilWaiting(pid);
      send(pid, 15);
      expect((await running.ended()).code).toBe(143);
    }
  });

  test("the first SIGHUP for a session leader reaches the program", async () => {
    const running = onTerminalBehind("dumb-init", [fixture("recorder")]);
    await running.printed("ready\n");
    const [unshare = 0] = children(running.launcher);
    const [pid = 0] = children(unshare);
    send(pid, 1);
    await running.printed("1 0 0\n");
    running.type("\x04");
    expect((await running.ended()).stdout).toBe("end\n");
  });

  test("the program has the mask and the ignored signals of the launcher", async () => {
    const launch = ["block=10", "ignore=12", "ignore=13", "ignore=11"];
    const running = await dumbInit([fixture("hold")], { launch }).ready();
    const payload = await running.payload();
    expect(status(payload, "SigBlk")).toBe("0000000000000200");
    expect(status(payload, "SigIgn")).toBe("0000000000001c00");
    await running.finished();
  });

  test("real-time signals go on, values included", async () => {
    const running = await recorder(dumbInit, []);
    const pid = await running.pid();
    for (const signal of [34, 50, 64]) {
      send(pid, signal);
      await running.printed(`${signal} 0 0\n`);
    }
    expect(Bun.spawnSync([fixture("send"), String(pid), "40", "77"]).stderr.toString()).toBe("");
    // A group cannot be sent a value (kill(2) has none): the signal arrives without it.
    await running.printed("40 0 0\n");
    await running.finished();
  });

  test.each([[[]], [["-c"]]] as [string[]][])("^Z and fg under a shell (%j)", (options) =>
    stopAndGoOn("dumb-init", options),
  );

  test.each([[[]], [["-c"]]] as [string[]][])("a background job leaves the terminal (%j)", (options) =>
    leavesTerminal("dumb-init", options),
  );

  test("^C reaches a program in single-child mode once", async () => {
    const running = onTerminalBehind("dumb-init");
    await running.printed("PROMPT>");
    running.type(`${fixture("recorder")}\n`);
    await running.printed("ready\n");
    running.type("\x03");
    await running.printed("2 128 0\n");
    running.type("\x04");
    expect(await running.printed("end\n")).toBe("end\n");
    await running.printed("PROMPT>");
    running.type("exit\n");
    await running.ended();
  });
});
