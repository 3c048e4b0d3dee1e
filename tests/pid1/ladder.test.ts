// Every rung of the ladder by which descriptors are closed and marked, forced one by one: by seccomp
// filters, by what is mounted over /proc, by limits. The open descriptors are asked for from inside the program, of
// every number, and of PID 1 from outside.

import { expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { ENGINE_OWN, FDINIT, fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { descriptors, extra, untilWaiting } from "../harness/processes.ts";
import { policy, run, type Start, start } from "../harness/run.ts";

leaveNothingBehind();

const EPERM = 1;
const EINVAL = 22;
const ENOSYS = 38;
const SIGSYS = 31;
const CLOSE_RANGE = 436; // the same on x86-64 and arm64
const FLAGS = 2; // the place of `flags` among its arguments
const CLOEXEC = 4; // CLOSE_RANGE_CLOEXEC

/** seccomp filters, by what they do to close_range. */
const DENIED = {
  "close_range: ENOSYS": `deny=${CLOSE_RANGE}:${ENOSYS}`,
  "close_range: EPERM": `deny=${CLOSE_RANGE}:${EPERM}`,
  "close_range: EINVAL for CLOSE_RANGE_CLOEXEC alone": `deny=${CLOSE_RANGE}:${EINVAL}:${FLAGS}:${CLOEXEC}`,
  "close_range: SIGSYS (SECCOMP_RET_TRAP)": `deny=${CLOSE_RANGE}:trap`,
};
const [, EPERM_DENIED = ""] = Object.values(DENIED);

/** tmpfs over /proc, with nothing in it but what Bun's glibc executable does not start without. */
function overmounted(): string {
  const aside = temporaryDirectory();
  return [
    `mount --bind /proc ${aside}`,
    "mount -t tmpfs none /proc",
    "mkdir /proc/self",
    "touch /proc/self/maps",
    `mount --bind ${aside}/1/maps /proc/self/maps`,
  ].join("\n");
}
const HIDDEN = "mount -t tmpfs none /proc/1/fd";
const UNREADABLE = "mount -t tmpfs -o mode=000 none /proc/1/fd";

/** No look at it goes beyond this number; the harness never opens as many. */
const END = 16_384;

interface OpenNumbers {
  /** The open numbers beyond 2, asked from inside with F_GETFD. */
  readonly program: number[];
  /** The descriptors of PID 1 beyond 2 that are not its own (Bun's pair, the signalfd, /dev/null in their place). */
  readonly init: number[];
}

async function seen(what: Omit<Start, "run">): Promise<OpenNumbers> {
  const running = start({ ...what, run: [fixture("numbers"), String(END)] });
  const line = await running.line();
  const pid = await running.pid();
  await untilWaiting(pid);
  const held = descriptors(pid);
  const { code, stderr } = await running.finished();
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(line).not.toContain("!");
  const open = line.split(" ").map(Number);
  expect(open.slice(0, 3)).toEqual([0, 1, 2]);
  const isOwn = (fd: number) =>
    /^anon_inode:\[(event(fd|poll)|signalfd)\]$|^\/dev\/null$/.test(held[fd] ?? "");
  return { program: open.slice(3), init: extra(held).filter((fd) => !isOwn(fd)) };
}

const fds = (text: string, intent = "security") =>
  policy(`version: 1\nintent: ${intent}\nfds: { ${text} }\n`);
const keep = (...numbers: number[]) =>
  `inherited: { default: close, rules: [{ match: { fd: [${numbers}] }, action: keep }] }`;

/** O_PATH, a directory, a listener, a pipe, and numbers below and above the limit, which is lowered last. */
const LEFT_OPEN = [
  "fd=4:opath:/etc",
  "fd=5:dir:/usr",
  "fd=7:listen",
  "fd=8:pipe:9",
  "fd=1500:opath:/etc/passwd",
  "fd=15000:file:/etc/passwd",
  "rlimit=7:512:512",
];
const NUMBERS = [4, 5, 7, 8, 9, 1500, 15000];
const CLOSED: OpenNumbers = { program: [], init: [] };
const MARKED: OpenNumbers = { program: [], init: NUMBERS };

const PLACES: Readonly<Record<string, () => Pick<Start, "before">>> = {
  plain: () => ({}),
  "tmpfs over /proc": () => ({ before: overmounted() }),
  "/proc/self/fd hidden": () => ({ before: HIDDEN }),
};

describeWith(["gcc", "unshare", "root"], "with every combination of what may be missing", () => {
  for (const [where, place] of Object.entries(PLACES))
    for (const [how, deny] of Object.entries({ "close_range works": "umask=022", ...DENIED })) {
      test(`nothing is left out, O_PATH and numbers above the limit included: ${where}, ${how}`, async () => {
        const launch = [...LEFT_OPEN, deny];
        const closes = fds("inherited: { default: close, rules: [{ match: { fd: 3- }, action: close }] }");
        expect(await seen({ ...place(), launch, options: closes })).toEqual(CLOSED);
        expect(await seen({ ...place(), launch, options: ["--intent", "performance"] })).toEqual(MARKED);
        const some = await seen({ ...place(), launch, options: fds(keep(4, 15000), "simplicity") });
        // PID 1 gives up what it has passed on.
        expect(some).toEqual({ program: [4, 15000], init: [] });
      });
    }
});

/** As systemd tests its close_all_fds(): many, of which any may be kept. */
describeWith(["gcc", "unshare", "root"], "of 5,000 descriptors a random half is kept", () => {
  const seed = Number(process.env["FDINIT_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  const random = generator(seed);
  const all = Array.from({ length: 5000 }, (_, index) => index + 3);
  const kept = all.filter(() => random() < 0.5);
  const rest = new Set(all.filter((fd) => !kept.includes(fd)));
  const launch = ["rlimit=7:20000:20000", "fds=3-5002:file:/etc/passwd"];
  const rules = `rules: [{ match: { fd: [${kept}] }, action: keep }]`;
  const ways: Readonly<Record<string, readonly ("proc" | "call")[]>> = {
    plain: [],
    "tmpfs over /proc": ["proc"],
    "close_range denied": ["call"],
    both: ["proc", "call"],
  };
  for (const [name, missing] of Object.entries(ways))
    test(`and exactly that half, checked number by number: ${name} (FDINIT_TEST_SEED=${seed})`, async () => {
      const what = {
        launch: missing.includes("call") ? [...launch, EPERM_DENIED] : launch,
        ...(missing.includes("proc") ? { before: overmounted() } : {}),
      };
      const closes = { ...what, options: fds(`inherited: { default: close, ${rules} }`, "simplicity") };
      expect(await seen(closes)).toEqual({ program: kept, init: [] });
      const marks = { ...what, options: fds(`inherited: { default: cloexec, ${rules} }`, "simplicity") };
      const { program, init } = await seen(marks);
      expect(program).toEqual(kept);
      // All the rest is still there, but for the two numbers that could not be told from Bun's own, if any.
      expect(init.filter((fd) => !rest.has(fd))).toEqual([]);
      expect(init.length).toBe(rest.size);
    }, 60_000);
});

/** mulberry32. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describeWith(["gcc", "unshare", "root"], "/proc", () => {
  const launch = [...LEFT_OPEN, EPERM_DENIED];
  const closes = ["--intent", "performance"];
  test("with hidepid still lists a user's own descriptors", async () => {
    const before = "mount -o remount,hidepid=2 /proc";
    const options = fds("method: procfs, inherited: { default: cloexec }", "simplicity");
    expect(
      (await seen({ before, launch: [...launch, "user=54321"], options: readable(options) })).program,
    ).toEqual([]);
  });
  test("that may not be read is done without", async () => {
    const what = { before: UNREADABLE, launch: [...launch, "user=54321"] };
    expect((await seen({ ...what, options: closes })).program).toEqual([]);
  });
  test("that is not mounted at all ends Bun's glibc executable; the musl one starts", async () => {
    const before = "umount -l /proc; umount -l /proc 2>/dev/null || true";
    const { code, stdout } = await run({ before, launch, options: closes, run: ["/bin/echo", "ran"] });
    expect({ code, stdout }).toEqual(isMusl() ? { code: 0, stdout: "ran\n" } : { code: 139, stdout: "" });
  });
});

/** A file that another user can read, in a directory of the test's own. */
function readable([option = "", file = ""]: readonly string[]): string[] {
  Bun.spawnSync(["chmod", "755", file.replace(/\/[^/]*$/, "")]);
  return [option, file];
}

function isMusl(): boolean {
  const head = new Uint8Array(4096);
  const fd = openSync(FDINIT, "r");
  readSync(fd, head);
  closeSync(fd);
  // The portable folder names a loader of its own.
  return !new TextDecoder("latin1").decode(head).includes("ld-linux");
}

describeWith(["gcc", "unshare"], "a seccomp filter that ends the process for close_range", () => {
  const listen = ["fd=7:listen"];
  test("ends Bun itself before fdinit runs, whatever the method", async () => {
    for (const method of ["auto", "scan"]) {
      const launch = [...listen, `deny=${CLOSE_RANGE}:kill`];
      const { code, stdout } = await run({ launch, options: fds(`method: ${method}`), run: ["echo", "ran"] });
      expect({ method, code, stdout }).toEqual({ method, code: 128 + SIGSYS, stdout: "" });
    }
  });
  for (const way of ["kill", "trap"])
    test(`for closing alone (${way}): fdinit is ended with auto, and starts with procfs and scan`, async () => {
      const launch = [...listen, `deny=${CLOSE_RANGE}:${way}:${FLAGS}:0`];
      const ended = await run({ launch, options: fds("method: auto"), run: ["echo", "ran"] });
      expect(ended).toMatchObject({ code: 128 + SIGSYS, stdout: "" });
      for (const method of ["procfs", "scan"])
        expect(await seen({ launch, options: fds(`method: ${method}`) })).toEqual(CLOSED);
    });
});

describeWith(["gcc", "unshare"], "no number left to open anything with (EMFILE)", () => {
  // From 7 on the engine's own and the signalfd. An embedded policy, because a file could not be opened either.
  const free = 8 + ENGINE_OWN;
  const opened = ["fds=3-6:listen", `fd=${free}:listen`, "fd=1500:pipe:1501", "fd=15000:listen"];
  const limit = `rlimit=7:${free + 1}:${free + 1}`;
  const options = ["--policy", "nginx"];
  for (const deny of ["umask=022", EPERM_DENIED])
    test(`/proc/self/fd cannot be opened and every number is tried (${deny})`, async () => {
      const launch = [...opened, limit, deny];
      const ended = await run({ launch, options, run: [fixture("numbers"), String(END)] });
      expect(ended).toEqual({ code: 0, stdout: "0 1 2\n", stderr: "" });
    });
  test("is said as that when /dev/null finds no number", async () => {
    const ended = await run({
      launch: [`rlimit=7:${4 + ENGINE_OWN}:${4 + ENGINE_OWN}`],
      options,
      run: [],
    });
    expect(ended).toMatchObject({ code: 70, stderr: expect.stringContaining("EMFILE") });
    const high = await run({
      launch: ["fds=3-6:listen", `rlimit=7:${free}:${free}`],
      options,
      run: [],
    });
    expect(high).toMatchObject({ code: 70, stderr: expect.stringContaining("EMFILE") });
  });
});

describeWith(["gcc", "unshare", "root"], "0, 1 or 2 closed at the start", () => {
  for (const closed of [[0], [1], [2], [0, 1, 2]])
    for (const [where, place] of Object.entries(PLACES))
      test(`stays closed in the program, and the number is given to nothing else: ${closed}, ${where}, close_range denied`, async () => {
        const launch = [...LEFT_OPEN, EPERM_DENIED, ...closed.map((fd) => `close=${fd}`)];
        const file = join(temporaryDirectory(), "numbers");
        const options = ["--intent", "performance"];
        const ended = await run({
          ...place(),
          launch,
          options,
          run: [fixture("numbers"), String(END), file],
        });
        expect(ended.code).toBe(0);
        // As it would be without fdinit; what PID 1 has at those numbers is marked.
        const open = [0, 1, 2].filter((fd) => !closed.includes(fd));
        expect(readFileSync(file, "latin1")).toBe(`${open.join(" ")}\n`);
      });
});

describeWith(["gcc", "unshare", "root"], "fds.method", () => {
  const nowhere = { launch: [...LEFT_OPEN.slice(0, -1), EPERM_DENIED] };
  for (const method of ["closeRange", "procfs", "scan"])
    for (const intent of ["security", "performance"])
      test(`${method} alone does all of it (${intent})`, async () => {
        const rule =
          intent === "security" ? "inherited: { rules: [{ match: { fd: 3- }, action: close }] }, " : "";
        const options = fds(`${rule}method: ${method}`, intent);
        expect(await seen({ launch: LEFT_OPEN, options })).toEqual(intent === "security" ? CLOSED : MARKED);
      });
  for (const intent of ["security", "performance"]) {
    test(`closeRange that is denied starts nothing: 77 (${intent})`, async () => {
      const ended = await run({
        ...nowhere,
        options: fds("method: closeRange", intent),
        run: ["echo", "ran"],
      });
      expect(ended).toMatchObject({ code: 77, stdout: "", stderr: expect.stringContaining("EPERM") });
    });
    test(`procfs that is not there starts nothing: 77 (${intent})`, async () => {
      const what = { before: overmounted(), options: fds("method: procfs", intent) };
      const ended = await run({ ...what, launch: LEFT_OPEN, run: ["echo", "ran"] });
      expect(ended).toMatchObject({ code: 77, stdout: "", stderr: expect.stringContaining("/proc/self/fd") });
    });
  }
});

describeWith(["gcc", "unshare", "root"], "fds.scanLimit", () => {
  const launch = ["rlimit=7:20000:20000", "fd=7:listen", "fd=9000:listen", EPERM_DENIED];
  const blind = (text: string, intent: string) => ({
    before: overmounted(),
    launch,
    options: fds(text, intent),
  });
  test("below the hard limit: security starts nothing and says from where nobody looked", async () => {
    const ended = await run({ ...blind("scanLimit: 8000", "security"), run: ["echo", "ran"] });
    expect(ended).toMatchObject({ code: 77, stdout: "" });
    expect(ended.stderr).toContain("descriptors from 8000 up were not looked at");
  });
  for (const [intent, inherited] of [
    ["performance", "default: cloexec"],
    ["simplicity", "default: close"],
  ] as const)
    test(`below the hard limit: ${intent} goes on, and says from where nobody looked`, async () => {
      const running = start({
        ...blind(`scanLimit: 8000, inherited: { ${inherited} }`, intent),
        run: [fixture("numbers"), String(END)],
      });
      // Bun could not mark it either, so it reaches the program, as the warning says.
      expect(await running.line()).toBe("0 1 2 9000");
      const { code, stderr } = await running.finished();
      expect({ code, lines: stderr.trimEnd().split("\n") }).toEqual({
        code: 0,
        lines: [expect.stringContaining("descriptors from 8000 up were not looked at")],
      });
    });
  test("as high as the hard limit: every intent does all of it", async () => {
    for (const intent of ["security", "performance"]) {
      const { program } = await seen(blind("scanLimit: 20000, method: scan", intent));
      expect({ intent, program }).toEqual({ intent, program: [] });
    }
  });
  test("is no bound where close_range works", async () => {
    const options = fds("scanLimit: 3", "performance");
    expect((await seen({ launch: launch.slice(0, -1), options })).program).toEqual([]);
  });
});
