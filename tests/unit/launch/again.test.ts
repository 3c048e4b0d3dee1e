// Steps in order, with what they open: what is passed on, what is given up, and what a further start finds.

import { describe, expect, test } from "bun:test";
import { launch, launchContext } from "../../../init/launch/launch.ts";
import type { LaunchFailure } from "../../../init/launch/result.ts";
import type { Launch, Step } from "../../../init/plan/plan.ts";
import type { Kernel } from "../../../init/sys/kernel.ts";
import { EAGAIN, EMFILE, ENOENT, EPERM } from "../../../init/sys/libc/errno.ts";
import { bytesOf } from "../../../init/sys/text/bytes.ts";
import { fakeKernel } from "../fake-kernel.ts";

const STANDARD = [0, 1, 2, 5];

function spawn(more: Partial<Launch> = {}): Step {
  return {
    do: "spawn",
    launch: {
      service: "app",
      program: bytesOf("/bin/app"),
      arguments: { words: ["app"] },
      environment: {},
      pass: [],
      devNullAsStdin: false,
      ...more,
    },
  };
}

function world(overrides: Partial<Kernel> = {}, fds: readonly number[] = STANDARD) {
  const kernel = fakeKernel(fds, overrides);
  const context = launchContext(kernel, 6);
  return { kernel, context, run: (...steps: Step[]) => launch(steps, context) };
}

const openings = (...names: string[]): Step[] =>
  names.map((name) => ({ do: "open", name, what: { open: "devnull" } }));
const drops = (...fds: (number | string)[]): Step[] => fds.map((fd) => ({ do: "drop", fd }));

describe("what is opened", () => {
  test("is passed on by its name, and given up by its name", () => {
    const { run, kernel, context } = world();
    const pass = [
      { from: "a", to: 9 },
      { from: "b", to: 0 },
    ];
    expect(run(...openings("a", "b", "held"), spawn({ pass }), ...drops("a", "b"))).toMatchObject({
      ok: true,
      pid: 100,
    });
    expect(kernel.spawned[0]?.pass).toEqual([
      { from: 3, to: 9 },
      { from: 4, to: 0 },
    ]);
    expect([...kernel.open.keys()]).toEqual([...STANDARD, 6]);
    expect([...context.opened]).toEqual([["held", 6]]);
  });
  test("at a number that another one is to have is copied out of the way", () => {
    const { run, kernel } = world();
    const pass = [
      { from: "a", to: 4 },
      { from: "b", to: 3 },
    ];
    run(...openings("a", "b"), spawn({ pass }));
    expect(kernel.spawned[0]?.pass).toEqual([
      { from: 6, to: 4 },
      { from: 7, to: 3 },
    ]);
    expect([...kernel.open.keys()]).toEqual([...STANDARD, 3, 4]);
  });
  test("is copied beyond every number that another one is to have", () => {
    const { run, kernel } = world({}, [...STANDARD, 3, 4, 9]);
    const pass = [
      { from: 9, to: 7 },
      { from: 3, to: 4 },
      { from: 4, to: 3 },
    ];
    run(spawn({ pass }));
    expect(kernel.spawned[0]?.pass).toEqual([
      { from: 9, to: 7 },
      { from: 8, to: 4 },
      { from: 10, to: 3 },
    ]);
  });
  test("and held is there for the next start, under the same number", () => {
    const { run, kernel } = world();
    const start = [spawn({ pass: [{ from: "held", to: 9 }] })];
    run(...openings("held"), ...start);
    run(...start);
    expect(kernel.spawned.map(({ pass }) => pass)).toEqual([[{ from: 3, to: 9 }], [{ from: 3, to: 9 }]]);
  });
  test("and not there is a failure, not a start without it", () => {
    const { run, kernel } = world();
    expect(run(spawn({ pass: [{ from: "gone", to: 3 }] }))).toMatchObject({
      ok: false,
      failure: { stage: "find-descriptor", message: 'cannot pass descriptor "gone" on: it is not open' },
    });
    expect(kernel.spawned).toEqual([]);
  });
  test("and not to be had ends the launch before anything is started", () => {
    const { run, kernel } = world({ openDevNull: () => -EMFILE });
    expect(run(...openings("a"), spawn())).toMatchObject({
      ok: false,
      failure: {
        stage: "open",
        errno: EMFILE,
        message: 'cannot open "a" (open /dev/null): EMFILE: too many open files',
      },
    });
    expect(kernel.spawned).toEqual([]);
  });
});

describe("a start", () => {
  test("leaves as many descriptors as before, however often it is repeated", () => {
    const { run, kernel } = world();
    for (let start = 0; start < 3; start++)
      run(
        ...openings("a", "b"),
        spawn({ pass: [{ from: "a", to: 3 }], devNullAsStdin: true }),
        ...drops("a", "b"),
      );
    expect([...kernel.open.keys()]).toEqual(STANDARD);
  });
  test("that fails in the spawn leaves no descriptor that the next one opens again", () => {
    const { run, kernel } = world({ spawn: () => -EAGAIN });
    for (let start = 0; start < 3; start++)
      run(...openings("a"), spawn({ pass: [{ from: "a", to: 3 }] }), ...drops("a"));
    expect([...kernel.open.keys()]).toEqual(STANDARD);
  });
  test("that fails in an opening leaves none of those before it", () => {
    const { run, kernel } = world({ openFile: () => -ENOENT });
    const file: Step = {
      do: "open",
      name: "b",
      what: { open: "file", path: "/b", access: "read", mode: 0o600 },
    };
    for (let start = 0; start < 3; start++) run(...openings("a"), file, spawn(), ...drops("a", "b"));
    expect([...kernel.open.keys()]).toEqual(STANDARD);
  });
  test("that fails leaves no token that nobody will ever release", () => {
    const { run, context } = world({ spawn: () => -EAGAIN });
    const token: Step = { do: "open", name: "lease", what: { open: "token" } };
    for (let start = 0; start < 3; start++)
      run(token, spawn({ pass: [{ from: "lease", to: 9 }] }), ...drops("lease"));
    expect(context.tokens).toEqual([]);
  });
  test("that fails in the child says at which stage", () => {
    const failure = { stage: "user", call: "setresuid", subject: "1000", errno: EPERM } as const;
    const { run } = world({ spawn: () => failure });
    expect(run(spawn())).toMatchObject({
      failure: {
        stage: "user",
        call: "setresuid",
        errno: EPERM,
        message: "cannot start app: cannot become user 1000 (setresuid): EPERM: operation not permitted",
      },
    });
  });
  test("as a user that there is not is none", () => {
    const { run, kernel } = world();
    expect(run(spawn({ user: { user: "nobody" } }))).toMatchObject({
      failure: { stage: "find-user", message: 'cannot start app: no user "nobody" in /etc/passwd' },
    });
    expect(kernel.spawned).toEqual([]);
  });
  test("as a user is asked for by numbers, and without one not at all", () => {
    const { run, kernel } = world();
    run(spawn({ user: { user: "1000", group: "5" } }));
    run(spawn());
    expect(kernel.spawned[0]?.credentials).toEqual({ uid: 1000, gid: 5, groups: [5] });
    expect(kernel.spawned[1]).not.toContainKey("credentials");
  });
  test("in a session of its own lets go of the terminal first, when it is to have it", () => {
    const { run, kernel } = world();
    run(spawn({ group: "own", terminal: true }), spawn({ group: "session" }));
    expect(kernel.calls).toEqual([]);
    run(spawn({ group: "session", terminal: true }));
    expect(kernel.calls).toEqual(["releaseTerminal 0"]);
    expect(kernel.spawned.map(({ terminal, group }) => [terminal, group])).toEqual([
      [0, "own"],
      [undefined, "session"],
      [0, "session"],
    ]);
  });
  test("asks for nothing that its launch does not name, so that a plain start stays plain", () => {
    const { run, kernel } = world();
    run(spawn());
    expect(Object.keys(kernel.spawned[0] ?? {}).sort()).toEqual(
      ["arguments", "byShell", "environment", "pass", "path"].sort(),
    );
  });
});

describe("before the spawn", () => {
  const steps: Step[] = [
    { do: "nofile", limit: { soft: 10, hard: 20 } },
    { do: "subreaper", isRequired: true },
    { do: "close", ranges: [{ first: 7, last: 7 }], rungs: ["closeRange"], scanLimit: 100, mayMiss: false },
    { do: "occupy", fd: 9 },
  ];
  test("each step is carried out, in order", () => {
    const { run, kernel } = world({}, [...STANDARD, 7, 9]);
    expect(run(...steps, spawn())).toMatchObject({ ok: true });
    expect(kernel.calls).toEqual(["closeRange 7 7 0", "duplicateOnto 9"]);
    expect([...kernel.open.keys()]).toEqual([...STANDARD, 9]);
  });
  test("the first that fails is the last, and says what it was about", () => {
    const failing: [Partial<Kernel>, LaunchFailure["stage"], string][] = [
      [
        { setNofile: () => -EPERM },
        "open-files-limit",
        "cannot set RLIMIT_NOFILE to 10:20 (prlimit): EPERM: operation not permitted",
      ],
      [
        { setSubreaper: () => -EPERM },
        "subreaper",
        "cannot become a subreaper (PR_SET_CHILD_SUBREAPER): EPERM: operation not permitted",
      ],
      [
        { openDevNull: () => -ENOENT },
        "dev-null",
        "cannot open /dev/null: ENOENT: no such file or directory",
      ],
    ];
    for (const [overrides, stage, message] of failing) {
      const { run, kernel } = world(overrides);
      expect(run(...steps, spawn())).toMatchObject({ ok: false, failure: { stage, message } });
      expect(kernel.spawned).toEqual([]);
    }
  });
});

describe("after the spawn", () => {
  test("what only the program was to have is closed, by number too", () => {
    const { run, kernel } = world({}, [...STANDARD, 7, 8]);
    run(spawn({ pass: [{ from: 7, to: 7 }] }), ...drops(7));
    expect([...kernel.open.keys()]).toEqual([...STANDARD, 8]);
  });
  test("nothing that fails takes the start back", () => {
    const { run } = world({ dropCapabilities: () => -EPERM });
    expect(run(spawn(), { do: "dropPrivileges", keep: [5] }, ...drops("nothing", 77))).toMatchObject({
      ok: true,
    });
  });
  test("privileges are given up but for those to keep", () => {
    const { run, kernel } = world();
    run(spawn(), { do: "dropPrivileges", keep: [5, 7] });
    expect(kernel.calls).toEqual(["dropCapabilities 5 7"]);
  });
});

test("the pipes that the service was given are known by name or number, and by their link", () => {
  const links: Record<number, string> = { 3: "pipe:[11]", 7: "pipe:[12]", 8: "socket:[13]" };
  const { run, context } = world({ descriptorLink: (fd) => links[fd] }, [...STANDARD, 7, 8]);
  const pass = [
    { from: "a", to: 4 },
    { from: 7, to: 9 },
    { from: 8, to: 10 },
  ];
  run(...openings("a"), spawn({ pass }));
  expect(context.pipes).toEqual([
    { to: 4, name: "a", link: "pipe:[11]" },
    { to: 9, link: "pipe:[12]" },
  ]);
});
