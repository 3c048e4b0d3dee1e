// Supervision's messages: which processes still have a pipe open, which children were reaped, and the report's line.

import { describe, expect, test } from "bun:test";
import { codeInWords, durationInWords } from "../../../init/supervise/words.ts";
import type { PipeHolder } from "../../../init/sys/kernel.ts";
import { SIGKILL, SIGSEGV, SIGTERM } from "../../../init/sys/libc/constants.ts";
import { EACCES, ENOENT } from "../../../init/sys/libc/errno.ts";
import { bytesOf } from "../../../init/sys/text/bytes.ts";
import { run, type Setting } from "./loop-world.ts";

const END = { ended: [{ status: 0 }] };

describe("pipes that are still open when the service has ended", () => {
  const PROCESSES = [
    { pid: 20, parent: 1, command: "tail -f" },
    { pid: 21, parent: 20, command: "cat" },
  ];
  const tail: PipeHolder = { pid: 20, command: "tail -f", fds: [1, 6] };
  const told = (links: Record<number, string>, holders: Record<string, PipeHolder[]>, more: Setting = {}) =>
    run({
      first: END,
      processes: PROCESSES,
      reaping: { orphans: "wait" },
      script: [{}],
      ...more,
      kernel: {
        descriptorLink: (fd) => links[fd],
        pipeHolders: (pipe) => ({ holders: holders[pipe] ?? [], unseen: 0 }),
        ...more.kernel,
      },
    }).said.filter((line) => !line.startsWith("info: "));

  test("are named with who has them, and as which numbers", () => {
    expect(told({ 1: "pipe:[11]" }, { "pipe:[11]": [tail] })).toEqual([
      "warn: main has ended, and its standard output (pipe:[11]) is still open in process 20 (tail -f) as 1, 6",
    ]);
  });
  test("are the standard ones, those it was given, and the tokens'", () => {
    const all = {
      "pipe:[10]": [tail],
      "pipe:[12]": [tail],
      "pipe:[13]": [tail],
      "pipe:[14]": [tail],
      "pipe:[15]": [tail],
    };
    const words = told({ 0: "pipe:[10]", 1: "/dev/null", 2: "pipe:[12]", 9: "pipe:[15]" }, all, {
      pipes: [
        { to: 4, link: "pipe:[13]" },
        { to: 5, name: "log", link: "pipe:[14]" },
      ],
      tokens: [{ name: "lease", fd: 9 }],
    });
    expect(words.map((line) => /and (.*) \(pipe/.exec(line)?.[1])).toEqual([
      'token "lease"',
      "its standard input",
      "its standard error",
      "its descriptor 4",
      'descriptor "log"',
    ]);
  });
  test("are named once, though they are there under two numbers", () => {
    expect(told({ 1: "pipe:[11]", 2: "pipe:[11]" }, { "pipe:[11]": [tail] })).toHaveLength(1);
  });
  test("are nobody's business where no process below fdinit has them", () => {
    const launcher: PipeHolder = { pid: 3, command: "containerd-shim", fds: [9] };
    expect(told({ 1: "pipe:[11]" }, { "pipe:[11]": [launcher] })).toEqual([]);
    expect(told({ 1: "pipe:[11]" }, { "pipe:[11]": [launcher, tail] })[0]).not.toContain("shim");
  });
  test("can be in flight over a socket", () => {
    expect(told({ 1: "pipe:[11]" }, { "pipe:[11]": [{ ...tail, fds: [] }] })[0]).toMatch(
      /process 20 \(tail -f\) in flight .*SCM_RIGHTS/,
    );
  });
  test("may be open elsewhere too, where nobody could look", () => {
    const kernel = { pipeHolders: () => ({ holders: [tail], unseen: 3 }) };
    expect(told({ 1: "pipe:[11]" }, {}, { kernel })[0]).toEndWith("; 3 more could not be looked at");
  });
  test("are not looked for when no process is left", () => {
    let looked = 0;
    const kernel = { pipeHolders: () => ({ holders: [], unseen: looked++ }) };
    told({ 1: "pipe:[11]" }, {}, { processes: [], kernel });
    expect(looked).toBe(0);
  });
  test("are told of before a restart too", () => {
    const said = told(
      { 1: "pipe:[11]" },
      { "pipe:[11]": [tail] },
      {
        restart: { policy: "always" },
        startAgain: () => ({ pid: 30 }),
        script: [{}, { signals: [{ signal: SIGTERM }], ended: [{ pid: 30 }] }, {}],
      },
    );
    expect(said.filter((line) => line.includes("pipe:[11]"))).toHaveLength(2);
  });
});

describe("reaping.log", () => {
  const lines = (log: "none" | "unexpected" | "all") =>
    run({
      reaping: { log },
      seen: [
        { pid: 20, command: "sh -c false", ranMs: 65_000 },
        { pid: 7, command: "server" },
      ],
      first: {
        ended: [
          { pid: 20, status: 1 << 8, cpuMs: 1500, maxRssKiB: 20_480 },
          { pid: 21, status: 0 },
          { pid: 22, status: SIGSEGV | 0x80, maxRssKiB: 512 },
        ],
      },
      script: [{ ended: [{ pid: 7, status: 3 << 8 }] }],
    }).said;

  test("none says nothing", () => expect(lines("none")).toEqual([]));
  test("unexpected names orphans that failed, with what they ran and used", () => {
    expect(lines("unexpected")).toEqual([
      "warn: reaped orphan 20 (sh -c false): exited with code 1 after 1 min 5 s, 1.5 s of CPU time and 20 MiB used",
      "warn: reaped orphan 22 (unknown): was killed by SIGSEGV (core dumped), 20 ms of CPU time and 512 KiB used",
    ]);
  });
  test("all names every process, the service too", () => {
    expect(lines("all").map((line) => /reaped (\w+ \d+ \(.*?\)): /.exec(line)?.[1])).toEqual([
      "orphan 20 (sh -c false)",
      "orphan 21 (unknown)",
      "orphan 22 (unknown)",
      "process 7 (server)",
    ]);
  });
  test("asks /proc nothing when nobody wants to know", () => {
    let asked = 0;
    const kernel = {
      nextChanged: () => (asked++ === 0 ? { pid: 7, command: "server" } : ("none" as const)),
    };
    run({ first: END, kernel });
    expect(asked).toBe(0);
    run({ first: END, kernel, reaping: { log: "all" } });
    expect(asked).toBeGreaterThan(0);
  });
});

describe("report", () => {
  /** The line that was written; `counters` are what memory.events has at the start and at the end. */
  const reported = (setting: Setting, counters: readonly [number, number] | undefined = [0, 0]) => {
    let line = "";
    let reads = 0;
    const { said } = run({
      report: "/dev/termination-log",
      ...setting,
      kernel: {
        readFile(path) {
          if (path !== "/sys/fs/cgroup/memory.events" || !counters) return -ENOENT;
          return bytesOf(
            `low 0\noom ${counters[1]}\noom_kill ${counters[Math.min(1, reads++)]}\noom_group_kill 0\n`,
          );
        },
        writeFile(_path, text) {
          line += text;
          return 0;
        },
        ...setting.kernel,
      },
    });
    return { line, said };
  };
  const killed = { pid: 20, status: SIGKILL };

  test("says what ended, after how long, and the exit code, in one line", () => {
    const end = { after: 12_340, ended: [{ status: 3 << 8 }] };
    expect(reported({ script: [end] }).line).toBe("main exited with code 3 after 12.3 s; exit code 3\n");
  });
  test("tells the service's own code from the one that exit.map makes of it", () => {
    expect(reported({ first: { ended: [{ status: SIGTERM }] }, exitMap: [[143, 0]] }).line).toBe(
      "main was killed by SIGTERM after 0 ms; exit code 0\n",
    );
  });
  test("counts what the kernel's OOM killer ended meanwhile, and blames it for nobody's end", () => {
    const setting = {
      seen: [{ pid: 20, command: "java -jar" }],
      script: [{ ended: [killed] }, { ended: [{ status: SIGKILL }] }],
    };
    expect(reported(setting, [4, 5]).line).toBe(
      "main was killed by SIGKILL after 0 ms; the kernel's OOM killer killed 1 process of this container; ended by a SIGKILL not of fdinit's: 20 (java -jar), 7 (unknown); exit code 137\n",
    );
    expect(reported(setting, [4, 4]).line).not.toContain("OOM");
  });
  test("has the OOM killer's work in the log as well", () => {
    const setting = { script: [{ ended: [{ status: SIGKILL }] }] };
    const verdict = "warn: the kernel's OOM killer killed 1 process of this container";
    expect(reported(setting, [4, 5]).said).toEqual([verdict]);
    expect(reported(setting, [4, 4]).said).toEqual([]);
  });
  test("is not needed for that: without one the log goes by what the cgroup counts", () => {
    const readFile = (path: string | Uint8Array) =>
      path === "/sys/fs/cgroup/memory.events" ? bytesOf("oom_kill 2\n") : -ENOENT;
    const said = (status: number) => run({ first: { ended: [{ status }] }, kernel: { readFile } }).said;
    expect(said(SIGKILL)).toEqual([
      "warn: the kernel's OOM killer killed 2 processes of this container, as its cgroup counts",
    ]);
    expect(said(SIGTERM)).toEqual([]);
  });
  test("says nothing of memory where no counter can be read", () => {
    expect(reported({ first: { ended: [killed, { status: 0 }] } }, undefined).line).not.toContain("OOM");
  });
  test("reads cgroup version 1's counter too", () => {
    let reads = 0;
    const readFile = (path: string | Uint8Array) =>
      path === "/sys/fs/cgroup/memory/memory.oom_control"
        ? bytesOf(`oom_kill_disable 0\nunder_oom 0\noom_kill ${2 * Math.min(1, reads++)}\n`)
        : -ENOENT;
    expect(reported({ first: END, kernel: { readFile } }).line).toContain("killed 2 processes");
  });
  test("names what had to be killed, and does not take it for the OOM killer's", () => {
    const { line } = reported(
      {
        shutdown: { budgetMs: 1000 },
        processes: [{ pid: 7, command: "server" }],
        seen: [{ pid: 7, command: "server" }],
        first: { signals: [{ signal: SIGTERM }] },
        script: [{}, { ended: [{ status: SIGKILL }] }],
      },
      [0, 1],
    );
    expect(line).toBe(
      "main was killed by SIGKILL after 800 ms; the kernel's OOM killer killed 1 process of this container; had to be killed: 7 (server); exit code 137\n",
    );
  });
  test("counts the time of the start that ended, not of the first", () => {
    const { line } = reported({
      restart: { policy: "onFailure" },
      first: { after: 9000, ended: [{ status: 1 << 8 }] },
      startAgain: () => ({ pid: 30 }),
      script: [{}, { after: 2000, ended: [{ pid: 30 }] }],
    });
    expect(line).toBe("main exited with code 0 after 2 s; exit code 0\n");
  });
  test("says why the last start did not come about, when that was the end", () => {
    const { line } = reported({
      restart: { policy: "always", limit: { count: 1, withinMs: 60_000 } },
      first: { ended: [{ status: 1 << 8 }] },
      startAgain: () => ({ code: 127, message: "cannot execute it" }),
      script: [{}],
    });
    expect(line).toContain("cannot execute it");
  });
  test("does not say that a service was not running which not even SIGKILL has ended", () => {
    const { line } = reported({
      shutdown: { budgetMs: 1000 },
      processes: [{ pid: 7, command: "server" }],
      first: { signals: [{ signal: SIGTERM }] },
      script: [{}, {}, {}],
    });
    expect(line).toContain("had to be killed: 7 (server)");
    expect(line).not.toContain("did not run");
  });
  test("says so when it cannot be written, and the exit code stays", () => {
    const setting = { first: { ended: [{ status: 2 << 8 }] }, kernel: { writeFile: () => -EACCES } };
    expect(reported(setting).said).toEqual([
      'warn: cannot write the report "/dev/termination-log": EACCES: permission denied',
    ]);
    expect(run({ report: "/x", ...setting }).code).toBe(2);
  });
  test("is written nowhere unless the policy says where", () => {
    expect(run({ first: END }).calls).toEqual([]);
  });
});

test.each([
  [0, "0 ms"],
  [250.4, "250 ms"],
  [999, "999 ms"],
  [1000, "1 s"],
  [12_340, "12.3 s"],
  [60_000, "1 min"],
  [250_000, "4 min 10 s"],
  [3_600_000, "1 h"],
  [10_920_000, "3 h 2 min"],
])("%d ms are %s", (ms, words) => expect(durationInWords(ms)).toBe(words));

test.each([
  [999.6, "1 s"],
  [59_960, "1 min"],
  [119_600, "2 min"],
])("%d ms are rounded up to the next unit: %s", (ms, words) => expect(durationInWords(ms)).toBe(words));

test("an end is told with its code, its signal and its core", () => {
  expect([0, 7 << 8, SIGKILL, SIGSEGV | 0x80, 40].map(codeInWords)).toEqual([
    "exited with code 0",
    "exited with code 7",
    "was killed by SIGKILL",
    "was killed by SIGSEGV (core dumped)",
    "was killed by SIGRTMIN+6",
  ]);
});
