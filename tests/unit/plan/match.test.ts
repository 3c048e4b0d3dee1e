import { describe, expect, test } from "bun:test";
import { buildPlan } from "../../../init/plan/build.ts";
import { decide, questions } from "../../../init/plan/decide.ts";
import { globMatches } from "../../../init/plan/glob.ts";
import { addressMatches, matches } from "../../../init/plan/match.ts";
import { loadPolicy } from "../../../init/policy/load.ts";
import { builtInPolicy } from "../../../init/policy/meaning/built-in.ts";
import type { InheritedMatch, InheritedPolicy } from "../../../init/policy/types.ts";
import type { Descriptor } from "../../../init/sys/descriptors/kinds.ts";
import type { Facts } from "../../../init/sys/facts.ts";
import { observe } from "../../../init/sys/observe.ts";
import { bytesOf } from "../../../init/sys/text/bytes.ts";
import { fakeKernel } from "../fake-kernel.ts";

const FILE: Descriptor = {
  fd: 7,
  kinds: ["file"],
  access: "read",
  path: "/var/log/a.log",
  deleted: false,
  outsideRoot: false,
  evidence: "",
};
const CGROUP: Descriptor = {
  fd: 7,
  kinds: ["cgroup", "directory"],
  access: "path",
  path: "/sys/fs/cgroup",
  deleted: false,
  outsideRoot: true,
  evidence: "",
};
const LISTENER: Descriptor = {
  fd: 7,
  kinds: ["socket"],
  access: "readWrite",
  deleted: false,
  outsideRoot: false,
  name: "http",
  socket: {
    family: "inet",
    type: "stream",
    protocol: 6,
    listening: true,
    local: "0.0.0.0:8080",
    foreignNetwork: false,
  },
  evidence: "",
};
const UNKNOWN: Descriptor = { fd: 7, kinds: ["undetermined"], access: "path", deleted: false, evidence: "" };
const NO_PROC: Descriptor = { fd: 7, kinds: ["directory"], access: "read", deleted: false, evidence: "" };

describe("a match", () => {
  const cases: [InheritedMatch, Descriptor, boolean | "undetermined"][] = [
    [{ kind: ["file"] }, FILE, true],
    [{ kind: ["pipe", "file"] }, FILE, true],
    [{ kind: ["pipe"] }, FILE, false],
    [{ kind: ["directory"] }, CGROUP, true],
    [{ kind: ["cgroup"] }, CGROUP, true],
    [{ access: ["path"] }, CGROUP, true],
    [{ access: ["read", "write"] }, CGROUP, false],
    [{ path: ["/var/log/*"] }, FILE, true],
    [{ path: ["/var/*"] }, FILE, false],
    [{ path: ["/nope", "/var/**"] }, FILE, true],
    [{ path: ["/**"] }, LISTENER, false],
    [{ outsideRoot: true }, CGROUP, true],
    [{ outsideRoot: false }, FILE, true],
    [{ outsideRoot: true }, NO_PROC, "undetermined"],
    [{ kind: ["pipe"], outsideRoot: true }, NO_PROC, false],
    [{ deleted: false }, FILE, true],
    [{ listening: true }, LISTENER, true],
    [{ listening: true, family: ["inet6"] }, LISTENER, false],
    [{ family: ["inet6", "inet"], type: ["stream"], address: ["*:8080"] }, LISTENER, true],
    [{ listening: false }, FILE, false],
    [{ foreignNetwork: false }, FILE, true],
    [{ foreignNetwork: true }, FILE, false],
    [{ foreignNetwork: false, listening: false }, FILE, false],
    [{ name: "http" }, LISTENER, true],
    [{ name: "admin" }, LISTENER, false],
    [{ kind: ["file"] }, UNKNOWN, "undetermined"],
    [{ kind: ["undetermined"] }, UNKNOWN, true],
    [{ listening: true }, UNKNOWN, "undetermined"],
    [{ fd: [{ first: 8, last: 9 }], kind: ["file"] }, FILE, false],
    [{ fd: [{ first: 7, last: 9 }], kind: ["file"] }, FILE, true],
  ];
  test.each(cases)("%j of %j is %p", (match, descriptor, expected) => {
    expect(matches(match, 7, descriptor)).toBe(expected);
  });

  test("without numbers is about 3 and up", () => {
    expect(matches({ kind: ["file"] }, 2, FILE)).toBe(false);
    expect(matches({ fd: [{ first: 0, last: 2 }], kind: ["file"] }, 2, FILE)).toBe(true);
  });
});

test.each([
  ["/a/*", "/a/b", true],
  ["/a/*", "/a/b/c", false],
  ["/a/**", "/a/b/c", true],
  ["/a/?", "/a/b", true],
  ["/a.b", "/axb", false],
  ["/a[1]", "/a[1]", true],
  ["a", "/a", false],
])("the pattern %s fits %s: %p", (pattern, path, expected) => {
  expect(globMatches(pattern, path)).toBe(expected);
});

test.each([
  ["*:80", "0.0.0.0:80", true],
  ["*:80", "[::]:80", true],
  ["*:80", "[::]:8080", false],
  ["127.0.0.1:*", "127.0.0.1:9", true],
  ["[::1]:443", "[::1]:443", true],
  ["unix:/run/*.sock", "unix:/run/a.sock", true],
  ["unix:@name", "unix:@name", true],
  ["*:80", "unix:/run/a:80", false],
  ["*:80", undefined, false],
])("the address %s fits %s: %p", (pattern, address, expected) => {
  expect(addressMatches(pattern, address)).toBe(expected);
});

describe("what cannot be determined", () => {
  const policy: InheritedPolicy = {
    default: "close",
    rules: [{ match: { kind: ["socket"] }, action: "keep", index: 0 }],
    expect: [],
  };
  test("is refused under intent security", () => {
    expect(decide(policy, "security", { fd: 7, descriptor: UNKNOWN })).toMatchObject({
      action: "refuse",
      undetermined: true,
    });
  });
  test("is passed over by the other intents", () => {
    for (const intent of ["performance", "simplicity"] as const) {
      expect(decide(policy, intent, { fd: 7, descriptor: UNKNOWN })).toMatchObject({ action: "close" });
    }
  });
  test("does not matter behind the rule that decides", () => {
    const first = {
      ...policy,
      rules: [{ match: { fd: [{ first: 7, last: 7 }] }, action: "close" as const }, ...policy.rules],
    };
    expect(decide(first, "security", { fd: 7, descriptor: UNKNOWN })).toMatchObject({
      action: "close",
      undetermined: false,
    });
  });
});

describe("a plan by kinds", () => {
  const facts: Facts = {
    pid: 1,
    nofile: { soft: 1024, hard: 4096 },
    own: [9],
    runtime: { certain: true, numbers: [3, 4] },
    announced: [],
    rungs: {},
    inherited: [
      { fd: 7, descriptor: LISTENER },
      { fd: 8, descriptor: { ...FILE, fd: 8 } },
    ],
  };
  const command = { program: new Uint8Array([120]), arguments: { commandLineFrom: 1 } };
  const load = (text: string) => {
    const result = loadPolicy(
      { name: "p", bytes: new TextEncoder().encode(`version: 1\n${text}\n`) },
      () => undefined,
    );
    if (!result.ok) throw new Error(JSON.stringify(result.issues));
    return result.policy;
  };

  test("keeps the listener as 3 and closes the file beside it", () => {
    const policy = load(
      "fds: { inherited: { rules: [{ match: { listening: true, address: '*:8080' }, action: keep, as: 3, name: http }], expect: [http] } }",
    );
    const result = buildPlan(policy, { ...facts, inherited: facts.inherited.slice(0, 1) }, command);
    if (!result.ok) throw new Error(JSON.stringify(result.refusals));
    expect(result.plan.steps).toContainEqual(
      expect.objectContaining({
        do: "spawn",
        launch: expect.objectContaining({ pass: [{ from: 7, to: 3 }] }),
      }),
    );
    expect(result.plan.steps.filter(({ do: what }) => what === "close")).toMatchObject([
      {
        ranges: [
          { first: 5, last: 6 },
          { first: 8, last: 8 },
          { first: 10, last: 0x7fffffff },
        ],
      },
    ]);
  });

  test("refuses what expect does not name, and what is missing", () => {
    const policy = load(
      "fds: { inherited: { rules: [{ match: { kind: pipe }, action: keep, name: log }], expect: [log] } }",
    );
    const result = buildPlan(policy, facts, command);
    expect(result).toMatchObject({
      ok: false,
      refusals: [
        { message: 'descriptor "log" is expected and did not arrive' },
        {
          message:
            "descriptor 7 (a listening inet stream socket at 0.0.0.0:8080) is not expected: no rule is about it",
        },
        { message: "descriptor 8 (file /var/log/a.log) is not expected: no rule is about it" },
      ],
    });
  });

  test("refuses what lies outside the root under intent security, and the working directory too", () => {
    const outside = {
      ...facts,
      workingDirectoryOutside: "(unreachable)/x",
      inherited: [{ fd: 7, descriptor: CGROUP }],
    };
    const result = buildPlan(builtInPolicy("security"), outside, command);
    expect(result).toMatchObject({
      ok: false,
      refusals: [
        {
          message:
            "descriptor 7 (cgroup /sys/fs/cgroup, outside the root, O_PATH) was inherited and intent security refuses it",
        },
        { message: expect.stringContaining("CVE-2024-21626") },
      ],
    });
  });

  test("refuses two descriptors under one number", () => {
    const policy = load("fds: { inherited: { rules: [{ match: { fd: 7-8 }, action: keep, as: 3 }] } }");
    expect(buildPlan(policy, facts, command)).toMatchObject({
      ok: false,
      refusals: [{ message: "descriptors 7 and 8 cannot both be passed as 3" }],
    });
  });

  test("warns of what LISTEN_FDS announced and no rule keeps", () => {
    const result = buildPlan(
      builtInPolicy("security"),
      { ...facts, inherited: [], announced: ["http"] },
      command,
    );
    expect(result).toMatchObject({
      plan: {
        warnings: [
          {
            message:
              'descriptor 3 ("http" of LISTEN_FDS) is not passed on; the rule { match: { fd: 3 }, action: keep } would keep it',
          },
        ],
      },
    });
  });

  test("says in one line what LISTEN_FDS announced and is not open, and nothing else of it", () => {
    const announced = Array.from({ length: 20 }, () => "unknown");
    const announcedMissing = announced.map((_, index) => index + 3);
    const result = buildPlan(
      builtInPolicy("security"),
      { ...facts, inherited: [], announced, announcedMissing },
      command,
    );
    expect(result).toMatchObject({
      plan: {
        warnings: [
          {
            message:
              "LISTEN_FDS announces 20, and of those not open: 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 10 more",
          },
        ],
      },
    });
  });
});

describe("LISTEN_FDS", () => {
  const announced = (count: string, open = [0, 1, 2, 3, 4, 5]) => {
    const variables: Record<string, string> = { LISTEN_FDS: count, LISTEN_PID: "1" };
    const environmentVariable = (name: string) =>
      variables[name] === undefined ? undefined : bytesOf(variables[name]);
    const policy = builtInPolicy("security");
    const kernel = fakeKernel(open, { environmentVariable });
    const { announced, announcedMissing, malformedCount } = observe(kernel, [9], questions(policy));
    return { announced, announcedMissing, malformedCount };
  };
  test.each(["1e3", "0x2", "+1", " 2", "2 ", "-1", "", "2.0", "99999"])("%p is no number", (count) => {
    expect(announced(count)).toEqual({ announced: [], announcedMissing: undefined, malformedCount: count });
  });
  test("counts what it announces, and tells what of it is not open", () => {
    expect(announced("2").announced).toEqual(["unknown", "unknown"]);
    expect(announced("2").announcedMissing).toBeUndefined();
    expect(announced("5").announcedMissing).toEqual([6, 7]);
    expect(announced("0")).toEqual({ announced: [], announcedMissing: undefined, malformedCount: undefined });
  });
});
