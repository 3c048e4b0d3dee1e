// Traps that other users may have prepared, with the executable as PID 1: links, other names and FIFOs where it opens files, a
// variable in its environment, the names of processes. It obeys its policy, waits for nobody and is not impersonated.

import { expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ENOSYS, EPERM } from "../../init/sys/libc/errno.ts";
import { SYS } from "../../init/sys/libc/libc.ts";
import { FDINIT, fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { descriptors, status, untilWaiting } from "../harness/processes.ts";
import { policy, run, type Start, start } from "../harness/run.ts";

leaveNothingBehind();

const NOBODY = 65534;
const OWNER = `${NOBODY}:${NOBODY}`;

/** A directory of a service's own, beside a file that is root's. */
function place() {
  const root = temporaryDirectory();
  chmodSync(root, 0o755);
  const own = join(root, "own");
  const secret = join(root, "secret");
  mkdirSync(own);
  chownSync(own, NOBODY, NOBODY);
  writeFileSync(secret, "secret\n", { mode: 0o600 });
  const secretIsSafe = () => {
    const { mode, uid } = statSync(secret);
    expect([readFileSync(secret, "utf8"), mode & 0o7777, uid]).toEqual(["secret\n", 0o600, 0]);
  };
  return { root, own, secret, secretIsSafe };
}

const opens = (open: object, more = {}) =>
  policy(
    JSON.stringify({
      version: 1,
      fds: { open: { a: open } },
      services: { app: { fds: { pass: { a: 4 } }, ...more } },
    }),
  );

const mkfifo = (path: string) => expect(Bun.spawnSync(["mkfifo", path]).success).toBe(true);

describeWith(["gcc", "unshare", "root"], "a service that owns the directory", () => {
  test("gets nothing of root's by the link it leaves where PID 1 opens its file at the next start", async () => {
    const { own, secret, secretIsSafe } = place();
    const open = { file: join(own, "trail"), access: "append", owner: OWNER };
    const script = `test -e ${own}/again && { echo pwned >&4; exit 0; }
: > ${own}/again; rm ${own}/trail; ln -s ${secret} ${own}/trail; exit 1`;
    const service = { user: OWNER, restart: { policy: "onFailure", backoff: "10ms..10ms", limit: "3/1m" } };
    const { code, stderr } = await run({ run: ["sh", "-c", script], options: opens(open, service) });
    expect(code).toBe(70);
    expect(stderr).toContain("ELOOP");
    expect(existsSync(join(own, "again"))).toBe(true);
    secretIsSafe();
  });

  for (const [what, make] of [
    ["a link", symlinkSync],
    ["another name of it", linkSync],
  ] as const)
    test(`does not reach root's file by ${what}, for reading, writing, the report or a memory file`, async () => {
      const { own, secret, secretIsSafe } = place();
      const path = join(own, "x");
      make(secret, path);
      const files = ["read", "write", "readWrite", "append"].map((access) => ({ file: path, access }));
      for (const open of [...files, { memfd: { file: path } }]) {
        const { code, stdout, stderr } = await run({ run: ["cat", "/proc/self/fd/4"], options: opens(open) });
        expect([code, stdout]).toEqual([70, ""]);
        expect(stderr).toMatch(/cannot open "a" \(.*\): (ELOOP|EMLINK): .* not root's alone/);
      }
      const reporting = policy(`version: 1\nreport: ${path}\n`);
      const { code, stderr } = await run({ run: ["sh", "-c", "exit 3"], options: reporting });
      expect(code).toBe(3);
      expect(stderr).toContain("cannot write the report");
      secretIsSafe();
    });

  test("cannot have PID 1 read another policy: links in its directory are not followed", async () => {
    const { own, root } = place();
    writeFileSync(join(root, "policy.yaml"), "version: 1\n");
    symlinkSync(join(root, "policy.yaml"), join(own, "policy.yaml"));
    const { code, stderr } = await run({ run: ["true"], options: ["--policy", join(own, "policy.yaml")] });
    expect(code).toBe(78);
    expect(stderr).toContain("links are not followed where a directory is not root's alone");
  });
});

describeWith(["gcc", "unshare", "root"], "a socket in a service's directory", () => {
  for (const [how, denied] of [
    ["", []],
    [", where setfsuid is forbidden", ["setfsuid"]],
    [", where setfsgid is forbidden", ["setfsgid"]],
    [", where both and openat2 are", ["setfsuid", "setfsgid", "openat2"]],
  ] as const)
    test(`is its owner's with its mode, at every start${how}, and PID 1 is still root`, async () => {
      const { own } = place();
      const open = { listen: `unix:${join(own, "s")}`, mode: "0640", owner: "123:456" };
      const launch = denied.map((name) => `deny=${SYS[name]}:${EPERM}`);
      for (let round = 0; round < 2; round++) {
        const running = await start({ run: [fixture("hold")], options: opens(open), launch }).ready();
        const pid = await running.pid();
        await untilWaiting(pid);
        for (const field of ["Uid", "Gid"]) expect(status(pid, field)).toBe("0\t0\t0\t0");
        const { mode, uid, gid } = statSync(join(own, "s"));
        expect([mode & 0o7777, uid, gid]).toEqual([0o640, 123, 456]);
        expect((await running.finished()).code).toBe(0);
      }
    });
});

describeWith(["gcc", "unshare", "root"], "links that are the image's own", () => {
  /** An image's directory: root's alone from "/" on, as nothing below /tmp is. */
  const image = "mount -t tmpfs -o mode=755 none /mnt; cd /mnt";

  test("are followed: /dev/stderr, /dev/stdout, a link of /run, a policy on standard input", async () => {
    for (const [report, stream] of [
      ["/dev/stderr", "stderr"],
      ["/dev/stdout", "stdout"],
      ["/proc/self/fd/1", "stdout"],
    ] as const) {
      const ended = await run({ run: ["true"], options: policy(`version: 1\nreport: ${report}\n`) });
      expect(ended[stream]).toContain("exit code 0");
    }
    const file = policy("version: 1\nexit: { map: { 0: 5 } }\n")[1];
    const script = `exec "${FDINIT}" --policy /dev/stdin -- true < ${file}`;
    expect((await run({ run: ["sh", "-c", script], direct: true })).code).toBe(5);
    const before = `${image}; mkdir var; ln -s /mnt/var run; ln -s run/report link`;
    const options = policy("version: 1\nreport: /mnt/link\n");
    const made = await run({ run: ["sh", "-c", "test ! -e /mnt/var/report"], before, options });
    expect([made.code, made.stderr]).toEqual([0, ""]);
  });

  test("are followed for a user without rights: in directories of a root without a number, to another user's pipe", async () => {
    const options = policy("version: 1\nintent: simplicity\nreport: /dev/stderr\n");
    chmodSync(join(options[1] as string, ".."), 0o755);
    const user = "setpriv --reuid 1000 --regid 1000 --clear-groups";
    for (const below of ["", "unshare -Urpf --mount-proc"]) {
      // The pipe of standard error is root's.
      const script = `${user} ${below} "${FDINIT}" ${options.join(" ")} -- true 2>&1 | cat`;
      const { stdout } = await run({ run: ["sh", "-c", script], direct: true, as: "child" });
      expect(stdout).toEndWith("; exit code 0\n");
    }
  });

  test("are followed on a read-only mount that anybody could write to otherwise: a ConfigMap's", async () => {
    const before = `${image}; mkdir ..1; echo "{ version: 1, log: { level: none } }" > ..1/policy.yaml
ln -s ..1 ..data; ln -s ..data/policy.yaml policy.yaml; chmod 777 . ..1`;
    const start = (more: string): Start => ({
      run: ["true"],
      before: before + more,
      options: ["--policy", "/mnt/policy.yaml"],
    });
    const readOnly = await run(start("; mount -o remount,ro /mnt"));
    expect([readOnly.code, readOnly.stderr]).toEqual([78, expect.stringContaining("log.level")]);
    const writable = await run(start(""));
    expect([writable.code, writable.stderr]).toEqual([78, expect.stringContaining("ELOOP")]);
    // One that a user has made is not the image's own, even there.
    const users = await run(start(`; chown -h ${OWNER} policy.yaml; mount -o remount,ro /mnt`));
    expect(users.stderr).toContain("ELOOP");
  });

  for (const errno of [`${EPERM}`, `${ENOSYS}`, "trap"])
    test(`are followed where openat2(2) is forbidden (${errno}), and others are not`, async () => {
      const launch = [`deny=${SYS.openat2}:${errno}`];
      const { own, secret, secretIsSafe } = place();
      symlinkSync(secret, join(own, "x"));
      const reporting = policy("version: 1\nreport: /dev/stderr\n");
      const { stderr, code } = await run({ run: ["true"], launch, options: reporting });
      expect([code, stderr]).toEqual([0, expect.stringContaining("exit code 0")]);
      const options = opens({ file: join(own, "x"), access: "write" });
      expect((await run({ run: ["true"], launch, options })).stderr).toContain("ELOOP");
      secretIsSafe();
    });
});

describeWith(["gcc", "unshare"], "a FIFO without a peer", () => {
  test("holds up no start: for writing it is an error, for reading it is empty", async () => {
    const fifo = join(temporaryDirectory(), "fifo");
    mkfifo(fifo);
    for (const access of ["write", "append"]) {
      const { code, stderr } = await run({ run: ["true"], options: opens({ file: fifo, access }) });
      expect([code, stderr]).toEqual([70, expect.stringContaining("ENXIO")]);
      expect(stderr).toContain("a FIFO that nobody reads");
    }
    const options = opens({ file: fifo, access: "read" });
    const { code } = await run({ run: ["sh", "-c", "read line <&4; exit 3"], options });
    expect(code).toBe(3);
  });

  test("holds up no end: the report is given up with a line", async () => {
    const fifo = join(temporaryDirectory(), "fifo");
    mkfifo(fifo);
    const { code, stderr } = await run({
      run: ["sh", "-c", "exit 3"],
      options: policy(`version: 1\nreport: ${fifo}\n`),
    });
    expect([code, stderr]).toEqual([3, expect.stringContaining("cannot write the report")]);
  });
});

describeWith(["gcc", "unshare", "root"], "the environment of an image", () => {
  const VARIABLE = "FDINIT_ORIGINAL_SIGNAL_MASK";
  /** Makes the engine start a thread early, so that fdinit starts itself once more (reexec.test.ts). */
  const EARLY_THREAD = { BUN_JSC_warmUpMarkedBlockStartAfterBlocks: "30" };
  const FORGED = ["ffffffffffffffff:1", "fdinit 1 ffffffffffffffff", "5", "3", "-1", "1e0", ""];

  for (const [how, env] of [
    ["", {}],
    [", in a second start", EARLY_THREAD],
  ] as const)
    test(`cannot set the program's signal mask, and keeps its variable${how}`, async () => {
      for (const forged of FORGED) {
        // A memory file that a runtime has left open, and that is not fdinit's.
        const launch = ["fd=5:memfd"];
        const options = policy("version: 1\nfds: { inherited: { default: keep } }\n");
        const running = await start({
          env: { ...env, [VARIABLE]: forged },
          launch,
          options,
          run: [fixture("hold")],
        }).ready();
        const payload = await running.payload();
        await untilWaiting(await running.pid());
        expect([forged, status(payload, "SigBlk")]).toEqual([forged, "0000000000000000"]);
        const variables = readFileSync(`/proc/${payload}/environ`, "latin1").split("\0");
        expect(variables.filter((text) => text.startsWith(VARIABLE))).toEqual([`${VARIABLE}=${forged}`]);
        // fdinit's own memory file is neither the program's nor still there.
        const memory = (pid: number) =>
          Object.values(descriptors(pid)).filter((link) => link.startsWith("/memfd:FDINIT"));
        expect(memory(payload)).toEqual([]);
        expect(memory(await running.pid())).toEqual([]);
        expect(descriptors(payload)[5]).toBe("/memfd:inherited (deleted)");
        expect((await running.finished()).code).toBe(0);
      }
    }, 60_000);
});

describeWith(["gcc", "unshare", "root"], "a working directory", () => {
  test("is entered with the rights of the service, not with PID 1's", async () => {
    const { root } = place();
    const closed = join(root, "closed");
    mkdirSync(closed, { mode: 0o700 });
    const service = { app: { cwd: closed, user: OWNER } };
    const options = policy(JSON.stringify({ version: 1, services: service }));
    const refused = await run({ run: ["pwd"], options });
    expect([refused.code, refused.stdout]).toEqual([126, ""]);
    expect(refused.stderr).toContain(
      `cannot start app: cannot change to the working directory "${closed}" (chdir): EACCES`,
    );
    chownSync(closed, NOBODY, NOBODY);
    const entered = await run({ run: ["pwd"], options });
    expect([entered.code, entered.stdout]).toEqual([0, `${closed}\n`]);
  });
});

describeWith(["gcc", "unshare"], "a name with line ends, escape sequences and turned writing in it", () => {
  const NAME = "a\nfdinit: ok\x1b[3m\u202e";
  const UNSEEN = /[^\P{C}\n]/u;

  /** A program of that name, which outlives its parent and does not end by SIGTERM. */
  function orphan() {
    const program = join(temporaryDirectory(), NAME);
    copyFileSync(Bun.which("sh") ?? "/bin/sh", program);
    chmodSync(program, 0o755);
    const script = `"$0" -c 'trap "" TERM; echo up; while :; do sleep 1; done' "$0" & sleep 0.3; exit 0`;
    return ["sh", "-c", script, program];
  }

  for (const format of ["text", "json"])
    test(`makes no line of its own in messages of format ${format}, nor in the report`, async () => {
      const report = join(temporaryDirectory(), "report");
      const reaping = { orphans: "terminate", wait: "200ms", log: "all" };
      const options = policy(JSON.stringify({ version: 1, report, reaping, log: { format } }));
      const { stderr, code } = await run({ run: orphan(), options });
      expect(code).toBe(0);
      expect(stderr).toContain("\\x0afdinit: ok");
      for (const text of [stderr, readFileSync(report, "utf8")]) {
        expect(text).not.toMatch(UNSEEN);
        expect(text).not.toMatch(/^fdinit: ok/m);
      }
      expect(readFileSync(report, "utf8").match(/\n/g)).toHaveLength(1);
      for (const line of stderr.trimEnd().split("\n"))
        expect(format === "text" ? line.startsWith("fdinit: ") : JSON.parse(line)).toBeTruthy();
    });

  test("is shown by its codes in complaints: a program, a policy's file, an option, a drop-in's message", async () => {
    const cases: Start[] = [
      { run: [`/no/${NAME}`] },
      { run: ["true"], options: ["--policy", `/no/${NAME}`] },
      { run: ["true"], options: [`--${NAME}`] },
      {
        run: ["true"],
        options: policy(`version: 1\nreport: "/no/${NAME.replace("\n", "\\n").replace("\x1b", "\\e")}"\n`),
      },
      {
        run: ["true"],
        options: policy(JSON.stringify({ version: 1, services: { app: { cwd: `/no/${NAME}` } } })),
      },
      { run: ["true"], options: policy(JSON.stringify({ version: 1, [NAME]: 1 })) },
    ];
    for (const each of cases) {
      const { stderr } = await run(each);
      expect(stderr).not.toMatch(UNSEEN);
      expect(stderr).not.toMatch(/^fdinit: ok/m);
      expect(stderr).toContain("\\u202e");
    }
  });

  for (const words of [["plan"], ["plan", "--json"], ["audit"], ["audit", "--json"], ["audit", "--suggest"]])
    test(`is shown by its codes by ${words.join(" ")}`, async () => {
      const file = join(temporaryDirectory(), NAME);
      writeFileSync(file, "");
      // audit looks at PID 1, which is the shell here.
      const script = `exec 5< "$1"; "${FDINIT}" ${words.join(" ")}; true`;
      const { stdout, code } = await run({ run: ["sh", "-c", script, "sh", file], direct: true });
      expect(code).toBe(0);
      expect(stdout).not.toMatch(UNSEEN);
      expect(stdout).toMatch(/\\(x0a|n)fdinit: ok/);
      if (words[1] === "--json") {
        const { inherited, descriptors } = JSON.parse(stdout);
        const paths = (inherited ?? descriptors).map(
          (one: { descriptor: { path?: string } }) => one.descriptor?.path,
        );
        expect(paths).toContain(file);
      }
    });
});
