// Rules about more than numbers, by what the program and PID 1 then hold: one of every kind is left
// open, and one policy a kind keeps just that.

import { expect, test } from "bun:test";
import { fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { descriptors, extra } from "../harness/processes.ts";
import { policy, run, type Start, start } from "../harness/run.ts";

leaveNothingBehind();

const LEFT_OPEN = [
  "fd=5:listen",
  "fd=6:dir:/etc",
  "fd=7:file:/etc/passwd",
  "fd=8:pipe:9",
  "fd=10:eventfd",
  "fd=11:epoll",
  "fd=12:memfd",
  "fd=13:devnull",
  "fd=14:dir:/proc",
  "fd=1500:dir:/usr",
];

/** The numbers the program holds beyond 0 to 2. */
async function program(what: Omit<Start, "run">): Promise<number[]> {
  const running = await start({ ...what, run: [fixture("hold")] }).ready();
  const numbers = extra(descriptors(await running.payload()));
  expect((await running.finished()).code).toBe(0);
  return numbers;
}

const keepOnly = (match: string) =>
  policy(
    `version: 1\nfds: { inherited: { default: close, rules: [{ match: { ${match} }, action: keep }] } }\n`,
  );

describeWith(["gcc", "unshare"], "a rule keeps only what its conditions fit", () => {
  const cases: [match: string, kept: number[]][] = [
    ["kind: socket", [5]],
    ["listening: true, family: inet, address: '127.0.0.1:*'", [5]],
    ["listening: true, address: 'unix:*'", []],
    ["type: [dgram, stream]", [5]],
    ["foreignNetwork: true", []],
    ["kind: directory", [6, 14, 1500]],
    ["kind: proc", [14]],
    ["kind: file", [7]],
    ["path: '/etc/*'", [7]],
    ["path: [/etc, /usr]", [6, 1500]],
    ["kind: pipe", [8, 9]],
    ["kind: pipe, access: write", [9]],
    ["kind: pipe, access: [read, path]", [8]],
    ["kind: eventfd", [10]],
    ["kind: eventpoll", [11]],
    ["kind: memfd", [12]],
    ["kind: charDevice, access: readWrite", [13]],
    ["kind: tty", []],
    ["deleted: true", []],
    ["outsideRoot: true", []],
    ["fd: 1000-, outsideRoot: false", [1500]],
  ];
  for (const [match, kept] of cases) {
    test(match, async () => {
      expect(await program({ launch: LEFT_OPEN, options: keepOnly(match) })).toEqual(kept);
    });
  }

  test("and gives it the number it asks for, where numbers change places too", async () => {
    const rules = "{ match: { fd: 6 }, action: keep, as: 7 }, { match: { fd: 7 }, action: keep, as: 6 }";
    const options = policy(`version: 1\nfds: { inherited: { rules: [${rules}] } }\n`);
    const running = await start({ launch: LEFT_OPEN, options, run: [fixture("hold")] }).ready();
    const found = descriptors(await running.payload());
    expect([found[6], found[7]]).toEqual(["/etc/passwd", "/etc"]);
    expect(extra(found)).toEqual([6, 7]);
    await running.finished();
  });
});

describeWith(["gcc", "unshare"], "a standard stream", () => {
  test("that a rule gives another number is there under both", async () => {
    const rule = "{ match: { fd: 1 }, action: keep, as: 5 }";
    const options = policy(`version: 1\nintent: performance\nfds: { inherited: { rules: [${rule}] } }\n`);
    const running = await start({ options, run: [fixture("hold")] }).ready();
    const found = descriptors(await running.payload());
    expect(found[5]).toBe(found[1] as string);
    await running.finished();
  });
});

describeWith(["gcc", "unshare"], "expect", () => {
  const expecting = () =>
    policy(
      "version: 1\nfds: { inherited: { expect: [http], rules: [{ match: { listening: true }, action: keep, name: http, as: 3 }] } }\n",
    );
  test("starts with just what it names", async () => {
    expect(await program({ launch: ["fd=5:listen"], options: expecting() })).toEqual([3]);
  });
  test("refuses what is missing and what is more, all at once", async () => {
    const { code, stderr } = await run({
      launch: ["fd=6:file:/etc/passwd"],
      options: expecting(),
      run: ["true"],
    });
    expect(code).toBe(77);
    expect(stderr).toContain('descriptor "http" is expected and did not arrive');
    expect(stderr).toContain("descriptor 6 (file /etc/passwd) is not expected");
  });
});

describeWith(["unshare", "root"], "what lies outside the root", () => {
  const LEAK = "mount -t tmpfs none /mnt; exec 8</mnt; umount -l /mnt";
  test("is refused by intent security, by number and kind", async () => {
    const { code, stderr } = await run({ before: LEAK, run: ["true"] });
    expect(code).toBe(77);
    expect(stderr).toMatch(
      /^fdinit: descriptor 8 \(directory \S+, outside the root\) was inherited and intent security/,
    );
  });
  test("is closed where a rule says so", async () => {
    const options = policy(
      "version: 1\nfds: { inherited: { rules: [{ match: { outsideRoot: true }, action: close }] } }\n",
    );
    expect(await program({ before: LEAK, options })).toEqual([]);
  });
  test("is nobody's business under intent simplicity", async () => {
    expect(await program({ before: LEAK, options: ["--intent", "simplicity"] })).toEqual([8]);
  });
  test("is refused as the working directory", async () => {
    const before = "mount -t tmpfs none /mnt; cd /mnt; umount -l /mnt";
    const { code, stderr } = await run({ before, run: ["true"] });
    expect(code).toBe(77);
    expect(stderr).toContain("CVE-2024-21626");
    expect((await run({ before, options: ["--intent", "simplicity"], run: ["true"] })).code).toBe(0);
  });
});

describeWith(["gcc", "unshare"], "LISTEN_FDS", () => {
  const hex = (text: string) => `env=${Buffer.from(text).toString("hex")}`;
  const announce = [hex("LISTEN_FDS=2"), hex("LISTEN_PID=1"), hex("LISTEN_FDNAMES=http:admin")];
  const launch = ["fd=3:listen", "fd=4:listen", ...announce];
  test("names descriptors for rules, and what no rule keeps is closed with a warning", async () => {
    const options = keepOnly("name: admin");
    expect(await program({ launch, options })).toEqual([4]);
    const { stderr } = await run({ launch, options, run: ["true"] });
    expect(stderr).toContain('descriptor 3 ("http" of LISTEN_FDS) is not passed on');
    expect(stderr).not.toContain("admin");
  });
  test("meant for another process names nothing", async () => {
    const other = ["fd=3:listen", "fd=4:listen", hex("LISTEN_FDS=2"), hex("LISTEN_PID=77")];
    expect((await run({ launch: other, run: ["true"] })).stderr).toBe("");
  });
});
