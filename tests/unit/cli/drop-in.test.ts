// The command lines of other inits, read: getopt's rules, and what each program's words come to as data.

import { describe, expect, test } from "bun:test";
import { readCatatonit } from "../../../init/cli/drop-in/catatonit.ts";
import { readDumbInit } from "../../../init/cli/drop-in/dumb-init.ts";
import { getopt } from "../../../init/cli/drop-in/getopt.ts";
import { originalOf } from "../../../init/cli/drop-in/names.ts";
import type { OriginalInput, Reading, Start } from "../../../init/cli/drop-in/original.ts";
import { readTini } from "../../../init/cli/drop-in/tini.ts";
import { errorInWords, signalInWords } from "../../../init/cli/drop-in/words.ts";

const given = (line: string, variables: Record<string, string> = {}): OriginalInput => ({
  argv: line.split(" "),
  environment: (name) => variables[name],
  pid: 77,
});

function started(reading: Reading): Start {
  if (reading.do !== "start") throw new Error(`not a start: ${JSON.stringify(reading)}`);
  return reading;
}

test.each([
  ["tini", "tini"],
  ["/sbin/docker-init", "tini"],
  ["./dumb-init", "dumb-init"],
  ["/run/podman-init", "catatonit"],
  ["catatonit", "catatonit"],
  ["/usr/bin/fdinit", undefined],
  ["tini/", undefined],
  ["", undefined],
  ["/tini/fdinit", undefined],
] as const)("argv[0] %j means %p", (argv0, original) => {
  expect(originalOf(argv0)).toBe(original as never);
});

describe("getopt", () => {
  const letters = "p:vx";
  const long = [
    { name: "verbose", letter: "v" },
    { name: "version", letter: "x" },
    { name: "path", letter: "p" },
  ];
  const read = (line: string, stopsAtOperand = false) =>
    getopt(`program ${line}`.split(" "), { letters, long, stopsAtOperand });

  test.each([
    [
      "-v a -x b",
      [
        { letter: "v", value: "" },
        { letter: "x", value: "" },
      ],
      [2, 4],
    ],
    [
      "-vxp1 a",
      [
        { letter: "v", value: "" },
        { letter: "x", value: "" },
        { letter: "p", value: "1" },
      ],
      [2],
    ],
    ["-p -- a", [{ letter: "p", value: "--" }], [3]],
    ["a -- -v", [], [1, 3]],
    ["- a", [], [1, 2]],
    [
      "--path=1=2 --verb",
      [
        { letter: "p", value: "1=2" },
        { letter: "v", value: "" },
      ],
      [],
    ],
    ["--path a b", [{ letter: "p", value: "a" }], [3]],
    ["-vq", [{ letter: "v", value: "" }, { complaint: "invalid option -- 'q'" }], []],
    ["-:", [{ complaint: "invalid option -- ':'" }], []],
    ["-p", [{ complaint: "option requires an argument -- 'p'" }], []],
    ["--path", [{ complaint: "option '--path' requires an argument" }], []],
    ["--nope=1", [{ complaint: "unrecognized option '--nope=1'" }], []],
    ["--verbose=1", [{ complaint: "option '--verbose' doesn't allow an argument" }], []],
    ["--ver", [{ complaint: "option '--ver' is ambiguous; possibilities: '--verbose' '--version'" }], []],
  ] as const)("reads %j", (line, found, operands) => {
    expect(read(line)).toEqual({ found: [...found], operands: [...operands] } as never);
  });

  test("stops at the first operand when it shall", () => {
    expect(read("-v a -x", true)).toEqual({ found: [{ letter: "v", value: "" }], operands: [2, 3] });
  });
});

describe("tini's command line", () => {
  test("becomes a policy that keeps every descriptor and leaves orphans", () => {
    const { policy, words, parentDeathSignal, teller } = started(
      readTini(given("tini -s -e 143 -p SIGTERM -- app -x")),
    );
    expect(policy.fds.inherited.default).toBe("keep");
    expect(policy.reaping).toMatchObject({ subreaper: "always", orphans: "leave" });
    expect(policy.tty).toBe("foreground");
    expect([...policy.exitMap]).toEqual([[143, 0]]);
    expect(policy.services[0].signals).toMatchObject({ to: "process" });
    expect([words, parentDeathSignal, teller]).toEqual([[7, 8], 15, undefined]);
  });

  test("forwards all but faults and the terminal's stop signals", () => {
    const { policy } = started(readTini(given("tini app")));
    const { forward } = policy.services[0].signals;
    expect([4, 5, 6, 7, 8, 11, 21, 22, 31].some((signal) => forward.includes(signal as never))).toBe(false);
    expect(forward).toHaveLength(64 - 9);
  });

  test("takes a variable by its presence, and a verbosity over -v", () => {
    const variables = { TINI_SUBREAPER: "", TINI_KILL_PROCESS_GROUP: "", TINI_VERBOSITY: "0" };
    const { policy, teller, withoutOrphans } = started(readTini(given("tini -vvv app", variables)));
    expect([policy.reaping.subreaper, policy.services[0].signals.to]).toEqual(["always", "group"]);
    expect([teller, withoutOrphans]).toEqual([undefined, ""]);
    const { teller: told } = started(readTini(given("tini app", { TINI_VERBOSITY: "-1" })));
    expect(told?.received?.(15)).toEqual({ stdout: "[DEBUG tini (77)] Passing signal: 'Terminated'\n" });
  });

  test.each([
    [{ stage: "find-program", errno: 2 }, 127, "exec app failed: No such file or directory"],
    [{ stage: "execute", errno: 13 }, 126, "exec app failed: Permission denied"],
    [{ stage: "execute", errno: 7 }, 1, "exec app failed: Argument list too long"],
    [{ stage: "user", errno: 1 }, 1, "why"],
    [{ stage: "plan" }, 1, "why"],
  ] as const)("words a failure %j with code %d", (failure, code, text) => {
    const { failed } = started(readTini(given("tini app")));
    expect(failed({ message: "why", ...failure })).toEqual({
      code,
      stderr: `[FATAL tini (77)] ${text}\n`,
    });
  });
});

describe("dumb-init's command line", () => {
  test("becomes a session of its own whose group gets the signals, and SIGTERM at the end", () => {
    const { policy, leavesDirectory } = started(readDumbInit(given("dumb-init app")));
    const [{ setsid, signals }] = policy.services;
    expect([setsid, signals.to, signals.farewell, leavesDirectory]).toEqual([true, "group", 15, true]);
    expect([...signals.rewrite]).toEqual([
      [20, 19],
      [21, 19],
      [22, 19],
    ]);
  });

  test("with -c has neither, and no signal at the end", () => {
    const { policy } = started(readDumbInit(given("dumb-init -c -r 15:0 app")));
    const [{ setsid, signals }] = policy.services;
    expect([setsid, signals.to, signals.farewell]).toEqual([false, "process", undefined]);
    expect([...signals.rewrite]).toEqual([[15, "ignore"]]);
  });

  test("ignores at the end what SIGTERM is rewritten to", () => {
    const farewell = (line: string) => started(readDumbInit(given(line))).policy.services[0].signals.farewell;
    expect(farewell("dumb-init -r 15:3 app")).toBe(3);
    expect(farewell("dumb-init -r 15:0 app")).toBeUndefined();
  });
});

describe("catatonit's command line", () => {
  test("pauses with -P, whatever else is there", () => {
    expect(readCatatonit(given("catatonit -P app"))).toEqual({ do: "pause", until: [15, 2] });
  });

  test("becomes a subreaper that forwards no stop signal", () => {
    const { policy, words } = started(readCatatonit(given("catatonit -g -- app")));
    expect(policy.reaping.subreaper).toBe("auto");
    expect(policy.services[0].signals.to).toBe("group");
    expect(policy.services[0].signals.forward).not.toContain(20);
    expect(words).toEqual([3]);
  });
});

test("errors and signals are worded as glibc words them", () => {
  expect([errorInWords(2), errorInWords(40)]).toEqual([
    "No such file or directory",
    "Too many levels of symbolic links",
  ]);
  expect([1, 15, 31, 34, 64].map(signalInWords)).toEqual([
    "Hangup",
    "Terminated",
    "Bad system call",
    "Real-time signal 0",
    "Real-time signal 30",
  ]);
});
