import { expect, test } from "bun:test";
import { fixture, IS_QUICKJS } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { descriptors, extra, untilWaiting } from "../harness/processes.ts";
import { policy, type Running, run, type Start, start } from "../harness/run.ts";

leaveNothingBehind();

/** The descriptors of fdinit itself beyond 0 to 2 when nothing was inherited: Bun's pair, where there is Bun, and the signalfd. */
const OWN = IS_QUICKJS
  ? ["anon_inode:[signalfd]"]
  : ["anon_inode:[eventfd]", "anon_inode:[eventpoll]", "anon_inode:[signalfd]"];

interface Held {
  readonly payload: Record<number, string>;
  readonly init: Record<number, string>;
}

/** Starts it, and tells what the program and fdinit hold beyond 0 to 2 while the program runs. */
async function held(what: Omit<Start, "run">): Promise<Held> {
  const running = await start({ ...what, run: [fixture("hold")] }).ready();
  const seen = await look(running);
  expect((await running.finished()).code).toBe(0);
  return seen;
}

async function look(running: Running): Promise<Held> {
  const pid = await running.pid();
  await untilWaiting(pid);
  return { payload: beyond(descriptors(await running.payload())), init: beyond(descriptors(pid)) };
}

function beyond(found: Record<number, string>): Record<number, string> {
  return Object.fromEntries(extra(found).map((fd) => [fd, found[fd] ?? ""]));
}

const links = (found: Record<number, string>) => Object.values(found).sort();

/** Without what may be Bun's and fdinit's own, which the tests of inherited epolls look at more closely. */
const foreign = (found: Record<number, string>) =>
  Object.fromEntries(
    Object.entries(found).filter(([, link]) => !/\[(event(fd|poll)|signalfd)\]$/.test(link)),
  );

const inherited = (action: string, rules = "") =>
  policy(`version: 1\nfds:\n  inherited:\n    default: ${action}\n${rules ? `    rules: [${rules}]\n` : ""}`);

const LEFT_OPEN = [
  "fd=3:listen",
  "fd=4:dir:/etc",
  "fd=5:file:/etc/passwd",
  "fd=7:pipe:8",
  "fd=9:eventfd",
  "fd=11:epoll",
  "fd=12:memfd",
  "fd=1500:dir:/usr",
];

describeWith(["gcc", "unshare"], "inherited descriptors with no policy", () => {
  for (const as of ["pid1", "child"] as const) {
    test(`are closed in the program and in fdinit (${as})`, async () => {
      const { payload, init } = await held({ as, launch: LEFT_OPEN });
      expect(payload).toEqual({});
      expect(foreign(init)).toEqual({});
      expect(links(init).filter((link) => link === "anon_inode:[signalfd]")).toHaveLength(1);
    });
  }
  test("of which there are none leave fdinit with what is its own", async () => {
    const { payload, init } = await held({ launch: [] });
    expect(payload).toEqual({});
    expect(links(init)).toEqual(OWN);
  });
  const layouts: Record<string, string[]> = {
    "3 and 4 only": ["fd=3:listen", "fd=4:dir:/etc"],
    "3 only": ["fd=3:dir:/etc"],
    "4 only, 3 is a hole": ["fd=4:dir:/etc"],
    "3 and 5, 4 is a hole": ["fd=3:dir:/etc", "fd=5:dir:/usr"],
    "every second number": [3, 5, 7, 9, 11].map((fd) => `fd=${fd}:file:/etc/passwd`),
    "200 in a row": ["fds=3-202:file:/etc/passwd"],
    "1,000 in a row": ["rlimit=7:2000:20000", "fds=3-1002:file:/etc/passwd"],
    "200 eventfds in a row": ["fds=3-202:eventfd"],
    "200 epolls in a row": ["fds=3-202:epoll"],
    "an epoll that watches an eventfd, at 3 and 4": ["fd=3:pair"],
    "two such pairs": ["fd=3:pair", "fd=5:pair"],
    "number 1500": ["fd=1500:dir:/etc"],
    "a number above the soft limit": ["fd=1500:dir:/etc", "rlimit=7:1024:4096"],
    "a number above the hard limit": ["fd=1500:dir:/etc", "rlimit=7:512:512"],
  };
  for (const [name, launch] of Object.entries(layouts)) {
    test(`are closed whatever their numbers: ${name}`, async () => {
      const { payload, init } = await held({ launch });
      expect(payload).toEqual({});
      const own = links(init).filter((link) => link !== "/dev/null");
      // Bun's pair may be gone where it could not be told from what was inherited; nothing comes twice.
      expect(OWN).toEqual(expect.arrayContaining(own));
      expect(new Set(own).size).toBe(own.length);
      expect(own).toContain("anon_inode:[signalfd]");
    });
  }
});

describeWith(["gcc", "unshare"], "fds.inherited", () => {
  test("keep hands every descriptor on under its number, and PID 1 gives up its copy", async () => {
    const { payload, init } = await held({ launch: LEFT_OPEN, options: inherited("keep") });
    expect(payload).toEqual({
      3: expect.stringMatching(/^socket:\[\d+\]$/),
      4: "/etc",
      5: "/etc/passwd",
      7: expect.stringMatching(/^pipe:\[\d+\]$/),
      8: payload[7] ?? "",
      9: "anon_inode:[eventfd]",
      11: "anon_inode:[eventpoll]",
      12: "/memfd:inherited (deleted)",
      1500: "/usr",
    });
    expect(foreign(init)).toEqual({});
  });
  test("keep hands on what the program can use: a socket that still listens, a pipe with both ends", async () => {
    const script = "echo through >&8; read line <&7; echo $line; exec 7<&- 8>&-; ls /proc/self/fd | wc -l";
    const ended = await run({
      launch: ["fd=7:pipe:8"],
      options: inherited("keep"),
      run: ["sh", "-c", script],
    });
    // 0, 1, 2 and the one ls opens itself
    expect(ended).toEqual({ code: 0, stdout: "through\n4\n", stderr: "" });
  });
  test("keep hands on a number above the limits, lowered after it was opened", async () => {
    for (const limit of ["rlimit=7:1024:4096", "rlimit=7:512:512"]) {
      const launch = ["fd=1500:dir:/usr", limit];
      const { payload, init } = await held({ launch, options: inherited("keep") });
      expect(payload).toEqual({ 1500: "/usr" });
      expect(foreign(init)).toEqual({});
    }
  });
  test("cloexec leaves them open in PID 1 and out of the program", async () => {
    const { payload, init } = await held({ launch: LEFT_OPEN, options: inherited("cloexec") });
    expect(payload).toEqual({});
    expect(foreign(init)).toEqual({
      3: expect.stringMatching(/^socket:/),
      4: "/etc",
      5: "/etc/passwd",
      7: expect.stringMatching(/^pipe:/),
      8: expect.stringMatching(/^pipe:/),
      12: "/memfd:inherited (deleted)",
      1500: "/usr",
    });
  });
  test("devnull puts /dev/null in the place of each", async () => {
    const { payload, init } = await held({
      launch: ["fd=3:listen", "fd=6:dir:/etc"],
      options: inherited("devnull"),
    });
    expect(payload).toEqual({ 3: "/dev/null", 6: "/dev/null" });
    expect(foreign(init)).toEqual({});
  });
  test("refuse starts nothing, exits 77 and names number and kind", async () => {
    const { code, stdout, stderr } = await run({
      launch: ["fd=5:dir:/etc", "fd=9:listen"],
      options: inherited("refuse"),
      run: ["echo", "started"],
    });
    expect({ code, stdout }).toEqual({ code: 77, stdout: "" });
    expect(stderr).toMatch(/descriptor 5 .*\/etc/);
    expect(stderr).toMatch(/descriptor 9 .*socket/);
    expect(stderr.trimEnd().split("\n")).toHaveLength(2);
  });
  test("refuse starts the program when nothing was inherited", async () => {
    const ended = await run({ launch: [], options: inherited("refuse"), run: ["echo", "started"] });
    expect(ended).toEqual({ code: 0, stdout: "started\n", stderr: "" });
  });
  test("rules decide by number and range, the first that matches", async () => {
    const rules =
      "{ match: { fd: 5 }, action: keep }, { match: { fd: 4-6 }, action: close }, { match: { fd: [7, 8] }, action: keep }, { match: { fd: 1000- }, action: keep }, { match: { fd: 20 }, action: devnull }";
    const files = [3, 4, 5, 6, 7, 8, 9, 20, 1500].map((fd) => `fd=${fd}:file:/etc/passwd`);
    const { payload, init } = await held({ launch: files, options: inherited("cloexec", rules) });
    expect(payload).toEqual({
      5: "/etc/passwd",
      7: "/etc/passwd",
      8: "/etc/passwd",
      20: "/dev/null",
      1500: "/etc/passwd",
    });
    expect(foreign(init)).toEqual({ 3: "/etc/passwd", 9: "/etc/passwd" });
  });
  test("a refused number that was not inherited is nothing to refuse", async () => {
    const options = inherited("close", "{ match: { fd: 3-9 }, action: refuse }");
    expect((await run({ launch: ["fd=10:dir:/etc"], options, run: ["true"] })).code).toBe(0);
    expect((await run({ launch: ["fd=9:dir:/etc"], options, run: ["true"] })).code).toBe(77);
  });
  test("0, 1 and 2 are kept unless a rule names them", async () => {
    const ended = await run({ options: inherited("close"), run: ["sh", "-c", "echo out; echo err >&2"] });
    expect(ended).toEqual({ code: 0, stdout: "out\n", stderr: "err\n" });
    for (const action of ["close", "devnull", "cloexec"]) {
      const options = inherited("close", `{ match: { fd: 1 }, action: ${action} }`);
      const silenced = await run({ options, run: ["sh", "-c", "echo out 2>&-; echo err >&2"] });
      expect({ action, ...silenced }).toEqual({ action, code: 0, stdout: "", stderr: "err\n" });
    }
  });
});

describeWith(["gcc", "unshare"], "an inherited epoll and eventfd at 3 and 4, as Bun makes for itself", () => {
  const PAIR = ["fd=3:pair"];
  test("are kept, or, where they cannot be told from Bun's, replaced and not handed on", async () => {
    const { payload, init } = await held({ launch: PAIR, options: inherited("keep") });
    if (Object.keys(payload).length > 0) {
      expect(payload).toEqual({ 3: "anon_inode:[eventpoll]", 4: "anon_inode:[eventfd]" });
      expect(links(init)).toEqual(OWN);
    } else {
      expect(init[3]).toBe("/dev/null");
      expect(init[4]).toBe("/dev/null");
    }
  });
  test("never reach the program as Bun's own: none of 5 and 6", async () => {
    for (const action of ["keep", "close", "cloexec", "devnull"]) {
      const { payload } = await held({ launch: PAIR, options: inherited(action) });
      expect(payload[5]).toBeUndefined();
      expect(payload[6]).toBeUndefined();
    }
  });
  test("at higher numbers are told apart with certainty", async () => {
    const { payload, init } = await held({ launch: ["fd=20:pair"], options: inherited("keep") });
    expect(payload).toEqual({ 20: "anon_inode:[eventpoll]", 21: "anon_inode:[eventfd]" });
    expect(links(init)).toEqual(OWN);
  });
  test("a lone eventfd at 3 is kept, or replaced like the pair", async () => {
    const { payload, init } = await held({ launch: ["fd=3:eventfd"], options: inherited("keep") });
    expect([{}, { 3: "anon_inode:[eventfd]" }]).toContainEqual(payload);
    if (payload[3] === undefined) expect(init[3]).toBe("/dev/null");
  });
});

describeWith(["gcc", "unshare"], "an intent", () => {
  const launch = ["fd=5:dir:/etc"];
  const asKept = { payload: { 5: "/etc" }, init: {} };
  const asMarked = { payload: {}, init: { 5: "/etc" } };
  const asClosed = { payload: {}, init: {} };
  const ways: [string, Omit<Start, "run">, Held][] = [
    ["--intent security closes", { options: ["--intent", "security"] }, asClosed],
    ["--intent performance marks", { options: ["--intent", "performance"] }, asMarked],
    ["--intent simplicity keeps", { options: ["--intent=simplicity"] }, asKept],
    ["FDINIT_INTENT counts without the option", { env: { FDINIT_INTENT: "simplicity" } }, asKept],
    [
      "--intent wins over FDINIT_INTENT",
      { env: { FDINIT_INTENT: "simplicity" }, options: ["--intent", "performance"] },
      asMarked,
    ],
    ["an empty FDINIT_INTENT counts as unset", { env: { FDINIT_INTENT: "" } }, asClosed],
  ];
  for (const [name, what, expected] of ways) {
    test(name, async () => {
      const { payload, init } = await held({ ...what, launch });
      expect({ payload, init: foreign(init) }).toEqual(expected);
    });
  }
  test("in the policy gives way to --intent", async () => {
    const options = policy("version: 1\nintent: simplicity\n");
    expect((await held({ launch, options })).payload).toEqual({ 5: "/etc" });
    expect((await held({ launch, options: [...options, "--intent", "security"] })).payload).toEqual({});
  });
  test("that does not exist is a wrong command line", async () => {
    expect((await run({ options: ["--intent", "fast"], run: ["true"] })).code).toBe(64);
    expect((await run({ env: { FDINIT_INTENT: "fast" }, run: ["true"] })).code).toBe(64);
  });
});
