import { describe, expect, test } from "bun:test";
import { check } from "../../../init/cli/check/check.ts";
import { audit } from "../../../init/cli/reports/audit.ts";
import { loadPolicy } from "../../../init/policy/load.ts";
import type { Descriptor } from "../../../init/sys/descriptors/kinds.ts";
import type { Inspection } from "../../../init/sys/kernel.ts";
import { EACCES, ENOENT, ESRCH } from "../../../init/sys/libc/errno.ts";
import { readTables } from "../../../init/sys/sockets/inspect-sockets.ts";
import { bytesOf } from "../../../init/sys/text/bytes.ts";
import { expectValid } from "../../harness/report-schemas.ts";
import { fakeKernel } from "../fake-kernel.ts";

function descriptor(fd: number, more: Partial<Descriptor> = {}): Descriptor {
  return {
    fd,
    kinds: ["file"],
    access: "read",
    deleted: false,
    outsideRoot: false,
    evidence: `/${fd}`,
    ...more,
  };
}

function inspection(...descriptors: Descriptor[]): Inspection {
  return {
    pid: 7,
    command: "app -x",
    count: descriptors.length,
    descriptors,
    own: [],
    whose: new Map(),
    startedAs: { words: ["app", "-x", "${A} $$ 'b'"], cwd: "/srv", uid: 7, gid: 8 },
  };
}

interface AuditOptions {
  readonly policy?: string;
  readonly json?: true;
  readonly suggest?: true;
}

function run(seen: Inspection | number, { policy, ...flags }: AuditOptions = {}) {
  let text = "";
  const kernel = fakeKernel([], {
    inspect: () => seen,
    readFile: (path) => (path === "p.yaml" && policy !== undefined ? bytesOf(policy) : -ENOENT),
    write: (_fd, part) => {
      text += part;
      return 0;
    },
  });
  const options = policy === undefined ? {} : { policy: "p.yaml" };
  return { ...audit(kernel, { do: "audit", options, operands: [], pid: 7, ...flags }), text };
}

const socket = { family: "inet", type: "stream", protocol: 6, listening: true, local: "0.0.0.0:80" } as const;

describe("fdinit audit", () => {
  test("ends with 0 when everything would be allowed and with 77 when something would not", () => {
    expect(run(inspection(descriptor(0), descriptor(1))).code).toBe(0);
    const { code, text } = run(inspection(descriptor(0), descriptor(3)));
    expect(code).toBe(77);
    expect(text).toMatch(
      /^ {2}3 +file +read +not known +close +fds\.inherited\.default \(intent security\) +\/3$/m,
    );
  });

  test("judges what was seen by the rules", () => {
    const policy =
      "version: 1\nfds: { inherited: { rules: [{ match: { address: '*:80' }, action: keep }] } }\n";
    const listener = descriptor(3, { kinds: ["socket"], access: "readWrite", socket });
    expect(run(inspection(listener), { policy }).code).toBe(0);
    expect(run(inspection(descriptor(3, { kinds: ["socket"] })), { policy }).code).toBe(77);
  });

  test("does not count what fdinit itself opened", () => {
    const seen = { ...inspection(descriptor(0), descriptor(3), descriptor(4)), own: [3, 4] };
    expect(run(seen)).toMatchObject({ code: 0, text: expect.stringContaining("fdinit's own descriptors") });
  });

  test("says when it cannot look: no such process, not allowed, or the count only", () => {
    expect(run(-ESRCH)).toMatchObject({ code: 70, complaint: expect.stringContaining("ESRCH") });
    expect(run(-EACCES)).toMatchObject({ code: 70, complaint: expect.stringContaining("CAP_SYS_PTRACE") });
    const { descriptors: _none, ...rest } = inspection();
    const countOnly = { ...rest, count: 12 };
    expect(run(countOnly)).toMatchObject({ code: 70, complaint: expect.stringContaining("count only") });
    const document = JSON.parse(run(countOnly, { json: true }).text);
    expectValid("audit", document);
    expect(document).toMatchObject({ countOnly: 12 });
  });

  test("prints one document with --json", () => {
    const document = JSON.parse(run(inspection(descriptor(3)), { json: true }).text);
    expectValid("audit", document);
    expect(document).toMatchObject({
      version: 1,
      process: { pid: 7, command: "app -x" },
      allowed: false,
      exitCode: 77,
      descriptors: [{ fd: 3, decision: { action: "close", by: "default" } }],
    });
  });
});

describe("what the process opened itself", () => {
  const whose: Inspection["whose"] = new Map([
    [3, { by: "itself", because: "it is close-on-exec" }],
    [4, { by: "inherited", because: "its parent 1 has it too, as 4" }],
  ]);
  const seen = { ...inspection(descriptor(0), descriptor(3), descriptor(4)), whose };

  test("is listed as such and not held against the policy; what it inherited is", () => {
    const { code, text } = run(seen);
    expect(code).toBe(77);
    expect(text).toContain("1 of 2 would be refused, closed or replaced; 1 more the process opened itself");
    expect(text).toMatch(/^ {2}3 +file +read +itself +close .*it is close-on-exec$/m);
    expect(text).toMatch(/^ {2}4 +file +read +inherited +close .*its parent 1 has it too, as 4$/m);
    const { text: alone, code: fine } = run({ ...seen, descriptors: [descriptor(0), descriptor(3)] });
    expect([fine, alone.includes("everything would be allowed; 1 more")]).toEqual([0, true]);
  });

  test("stands in the document", () => {
    const document = JSON.parse(run(seen, { json: true }).text);
    expectValid("audit", document);
    expect(document.descriptors.map(({ openedBy }: { openedBy: unknown }) => openedBy)).toEqual([
      null,
      whose.get(3),
      whose.get(4),
    ]);
  });

  test("gets no rule in a suggested policy", () => {
    const { text } = run(seen, { suggest: true });
    expect(text).toContain("# 3 needs no rule");
    expect(text).toContain("{ match: { fd: 4,");
  });
});

describe("fdinit audit --suggest", () => {
  const odd = [
    descriptor(0),
    descriptor(3, { kinds: ["socket"], access: "readWrite", socket }),
    descriptor(4, { path: "/srv/a *?$x${Y} \"'\n#: é", deleted: true, evidence: "/srv/a\n- x" }),
    descriptor(5, { kinds: ["directory"], path: "/etc", outsideRoot: true, access: "path" }),
    descriptor(6, { kinds: ["pipe"], access: "write" }),
    descriptor(7, { kinds: ["tty", "charDevice"], path: "/dev/pts/0", access: "readWrite" }),
    descriptor(8, { kinds: ["memfd"], seals: 8 }),
    descriptor(9, {
      kinds: ["socket"],
      socket: { family: "unix", type: "dgram", protocol: 0, listening: false, local: "unix:/run/*.sock" },
    }),
    descriptor(10, { kinds: ["socket"] }),
    descriptor(11, { path: "/not\ufffdutf8" }),
  ];
  const { text, code } = run(inspection(...odd), { suggest: true });

  test("writes a policy that check is content with, without a warning", () => {
    const lines: [number, string][] = [];
    const kernel = fakeKernel([], {
      readFile: () => bytesOf(text),
      write: (fd, part) => lines.push([fd, part]) && 0,
    });
    expect(check(kernel, { do: "check", options: {}, operands: ["s.yaml"] }).code).toBe(0);
    expect(lines).toEqual([[1, "ok: s.yaml\n"]]);
    expect(code).toBe(0);
  });

  test("allows exactly what was seen", () => {
    expect(run(inspection(...odd), { policy: text }).code).toBe(0);
    for (const more of [
      descriptor(12),
      descriptor(3, { kinds: ["socket"], access: "readWrite", socket: { ...socket, local: "0.0.0.0:81" } }),
      descriptor(5, { kinds: ["directory"], path: "/etc", access: "path" }),
      descriptor(6, { kinds: ["pipe"], access: "read" }),
    ]) {
      expect([more.fd, run(inspection(more), { policy: text }).code]).toEqual([more.fd, 77]);
    }
  });

  test("names the program, its working directory and its user", () => {
    const loaded = loadPolicy({ name: "s", bytes: bytesOf(text) }, () => undefined);
    expect(loaded.ok && loaded.policy.services).toMatchObject([
      { command: ["app", "-x", "${A} $$ 'b'"], cwd: "/srv", user: { user: "7", group: "8" } },
    ]);
  });

  test("names the executable of a program that has written over its words", () => {
    const startedAs = { words: ["nginx: master process"], executable: "/usr/sbin/nginx", uid: 0 };
    const { text } = run({ ...inspection(), startedAs }, { suggest: true });
    expect(text).toContain('command: ["/usr/sbin/nginx"]');
    expect(text).toContain("add its arguments");
  });

  test("gives each rule its evidence, and none to what cannot be determined", () => {
    const { text } = run(
      inspection(descriptor(3), descriptor(4, { kinds: ["undetermined"], evidence: "?" })),
      {
        suggest: true,
      },
    );
    expect(text).toContain(
      "      # 3: /3\n      - { match: { fd: 3, kind: file, access: read }, action: keep }\n",
    );
    expect(text).toContain("# 4 is not allowed");
    expect(run(inspection(descriptor(4, { kinds: ["undetermined"] })), { policy: text }).code).toBe(77);
  });

  test("allows nothing beyond 2 when there is nothing", () => {
    const { text } = run(inspection(descriptor(0)), { suggest: true });
    expect(text).not.toContain("rules:");
    expect(run(inspection(descriptor(0)), { policy: text }).code).toBe(0);
  });
});

test("the tables of sockets are read as the kernel writes them", () => {
  const tables: Record<string, string> = {
    tcp: `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 101 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 102 1 0 20 4 30 10 -1
   2: 0100007F:1F90 0100007F:C351 06 00000000:00000000 00:00000000 00000000     0        0 0 3 0
`,
    tcp6: `  sl  local_address                         remote_address                        st
   0: 00000000000000000000000001000000:01BB 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 103 1
`,
    udp: `   sl  local_address rem_address   st
  45: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 104 2 0 0
`,
    unix: `Num       RefCount Protocol Flags    Type St Inode Path
ffff9d5f: 00000002 00000000 00010000 0001 01   105 /run/a b.sock
ffff9d60: 00000002 00000000 00000000 0002 01   106 @abstract
ffff9d61: 00000003 00000000 00000000 0005 03   107
`,
  };
  const known = readTables((name) => tables[name] ?? "");
  expect([...known.keys()]).toEqual([101, 102, 103, 104, 105, 106, 107]);
  expect(known.get(101)).toMatchObject({ family: "inet", listening: true, local: "127.0.0.1:8080" });
  expect(known.get(102)).toMatchObject({ listening: false, peer: "127.0.0.1:50000" });
  expect(known.get(103)).toMatchObject({ family: "inet6", local: "[::1]:443" });
  expect(known.get(104)).toMatchObject({
    type: "dgram",
    protocol: 17,
    listening: false,
    local: "0.0.0.0:53",
  });
  expect(known.get(105)).toMatchObject({ family: "unix", listening: true, local: "unix:/run/a b.sock" });
  expect(known.get(106)).toMatchObject({ type: "dgram", local: "unix:@abstract" });
  expect(known.get(107)).toMatchObject({ type: "seqpacket" });
  expect(known.get(107)?.local).toBeUndefined();
});
