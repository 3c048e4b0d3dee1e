// `fds.open` and `fds.pass` with the executable as PID 1: what the program finds under which number, what
// PID 1 keeps, and what is said when something cannot be opened.

import { expect, test } from "bun:test";
import { readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ENGINE_OWN, fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { descriptors, extra, untilWaiting } from "../harness/processes.ts";
import { freePort } from "../harness/requests.ts";
import { policy, run, start } from "../harness/run.ts";

leaveNothingBehind();

/** A policy that opens these and passes them on. */
function opens(open: Record<string, unknown>, pass: Record<string, unknown>, more = {}): string[] {
  const fds = { pass, ...more };
  return policy(JSON.stringify({ version: 1, fds: { open }, services: { app: { fds } } }));
}

/** The program's descriptors by what they lead to, and PID 1's. */
async function held(options: readonly string[], launch?: readonly string[]) {
  const running = await start({ run: [fixture("hold")], options, ...(launch ? { launch } : {}) }).ready();
  const pid = await running.pid();
  await untilWaiting(pid);
  const [program, pid1] = [descriptors(await running.payload()), descriptors(pid)];
  const info = (fd: number) => readFileSync(`/proc/${pid}/fdinfo/${fd}`, "latin1");
  expect((await running.finished()).code).toBe(0);
  return { program, pid1, info };
}

/** A python program's output about descriptor 3 and those behind it. */
async function python(code: string, options: readonly string[]): Promise<string[]> {
  const script = `import socket, os, stat, fcntl\n${code}`;
  const { stdout, stderr, code: status } = await run({ run: ["python3", "-c", script], options });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.trim().split("\n");
}

describeWith(["gcc", "unshare"], "fds.open", () => {
  test("gives exactly the named ones under the numbers asked for, and PID 1 keeps none of them", async () => {
    const folder = temporaryDirectory();
    const open = {
      http: { listen: "127.0.0.1:0" },
      trail: { file: join(folder, "trail.log"), access: "append" },
      nothing: { devnull: true },
      text: { memfd: "hello" },
    };
    const { program, pid1 } = await held(opens(open, { http: 5, trail: 3, nothing: 9, text: 4 }));
    expect(extra(program)).toEqual([3, 4, 5, 9]);
    expect([program[3], program[4], program[9]]).toEqual([
      join(folder, "trail.log"),
      "/memfd:text (deleted)",
      "/dev/null",
    ]);
    expect(program[5]).toStartWith("socket:");
    expect(extra(pid1)).toHaveLength(1 + ENGINE_OWN); // and the signalfd
  });

  test("keeps what is held in PID 1, the very same", async () => {
    const open = { http: { listen: "127.0.0.1:0", hold: true } };
    const { program, pid1 } = await held(opens(open, { http: 3 }));
    expect(Object.values(pid1)).toContain(program[3] as string);
  });

  test("passes permutations of numbers that are opened and inherited, targets being later sources", async () => {
    const rules = [
      { match: { fd: 3 }, action: "keep", name: "three" },
      { match: { fd: 4 }, action: "keep", name: "four" },
    ];
    const fds = { inherited: { rules }, open: { nothing: { devnull: true }, text: { memfd: "x" } } };
    const services = { app: { fds: { pass: { three: 4, four: 3, nothing: 6, text: 7 } } } };
    const options = policy(JSON.stringify({ version: 1, fds, services }));
    const { program } = await held(options, ["fd=3:file:/etc/passwd", "fd=4:eventfd"]);
    expect(program[4]).toBe("/etc/passwd");
    expect(program[3]).toContain("eventfd");
    expect([program[6], program[7]]).toEqual(["/dev/null", "/memfd:text (deleted)"]);
    expect(extra(program)).toEqual([3, 4, 6, 7]);
  });

  test("passes no inherited descriptor that fds.pass does not name, even one that a rule keeps", async () => {
    const fds = {
      inherited: { rules: [{ match: { fd: 8 }, action: "keep" }] },
      open: { nothing: { devnull: true } },
    };
    const services = { app: { fds: { pass: { nothing: 3 } } } };
    const options = policy(JSON.stringify({ version: 1, fds, services }));
    const { program } = await held(options, ["fd=8:file:/etc/passwd"]);
    expect(extra(program)).toEqual([3]);
  });

  test("gives one as standard input", async () => {
    const fds = { open: { text: { memfd: "from memory\n" } } };
    const services = { app: { command: ["cat"], stdin: "text" } };
    const options = policy(JSON.stringify({ version: 1, fds, services }));
    expect((await run({ run: ["cat"], options })).stdout).toBe("from memory\n");
  });

  test("fails before anything starts, with the name, the call and the error", async () => {
    const folder = temporaryDirectory();
    const cases: [open: Record<string, unknown>, said: RegExp][] = [
      [
        { a: { file: join(folder, "no/such"), access: "append" } },
        /cannot open "a" \(open .*no\/such\): ENOENT/,
      ],
      [{ a: { listen: `unix:${folder}/no/such` } }, /cannot open listener "a" \(bind unix:.*\): ENOENT/],
      [{ a: { listen: "192.0.2.1:80" } }, /cannot open listener "a" \(bind 192\.0\.2\.1:80\): EADDRNOTAVAIL/],
      [{ a: { memfd: { file: "/nonexistent" } } }, /cannot open "a" \(read \/nonexistent\): ENOENT/],
      [{ a: { listen: `unix:${folder}/x`, owner: "nobody-here" } }, /no user "nobody-here" in \/etc\/passwd/],
    ];
    for (const [open, said] of cases) {
      const { code, stderr, stdout } = await run({
        run: ["echo", "started"],
        options: opens(open, { a: 3 }),
      });
      expect({ code, stdout }).toEqual({ code: 70, stdout: "" });
      expect(stderr).toMatch(said);
    }
    const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const listen = `127.0.0.1:${taken.port}`;
    const busy = await run({ run: ["true"], options: opens({ http: { listen } }, { http: 3 }) });
    taken.stop(true);
    expect(busy.stderr).toContain(
      `policy.yaml:1:46: cannot open listener "http" (bind ${listen}): EADDRINUSE: address already in use (fds.open.http.listen) [kernel]\n`,
    );
    expect(busy.code).toBe(70);
  });
});

describeWith(["gcc", "unshare", "python3"], "sockets of fds.open", () => {
  test.each([
    ["127.0.0.1:0", "AF_INET", "SOCK_STREAM"],
    ["[::1]:0", "AF_INET6", "SOCK_STREAM"],
    ["*:0", "AF_INET6", "SOCK_STREAM"],
    ["udp:127.0.0.1:0", "AF_INET", "SOCK_DGRAM"],
    ["unix:@fdinit-test", "AF_UNIX", "SOCK_STREAM"],
  ])("listens at %s", async (listen, family, type) => {
    const code = `s = socket.socket(fileno=3)
print(s.family == socket.${family}, s.type == socket.${type}, s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))`;
    const [said] = await python(code, opens({ a: { listen } }, { a: 3 }));
    expect(said).toBe(`True True ${type === "SOCK_STREAM" ? 1 : 0}`);
  });

  test("dual stack takes IPv4 and IPv6, an IPv6 address only its own", async () => {
    const code = `for fd in (3, 4):
  print(socket.socket(fileno=fd).getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))`;
    const open = { a: { listen: "*:0" }, b: { listen: "[::]:0", reusePort: true } };
    expect(await python(code, opens(open, { a: 3, b: 4 }))).toEqual(["0", "1"]);
  });

  test("two with reusePort share an address, and two without do not", async () => {
    const listen = `127.0.0.1:${freePort()}`;
    const shared = { a: { listen, reusePort: true }, b: { listen, reusePort: true } };
    expect((await run({ run: ["true"], options: opens(shared, { a: 3, b: 4 }) })).code).toBe(0);
    const alone = { a: { listen }, b: { listen } };
    expect((await run({ run: ["true"], options: opens(alone, { a: 3, b: 4 }) })).code).toBe(70);
  });

  test("a Unix socket has its mode, its owner and its type; a stale path is replaced, one in use is not", async () => {
    const path = join(temporaryDirectory(), "s");
    const open = { a: { listen: `unix:${path}`, type: "seqpacket", mode: "0620", owner: "123:456" } };
    const options = opens(open, { a: 3 });
    const code = "print(socket.socket(fileno=3).type == socket.SOCK_SEQPACKET)";
    expect(await python(code, options)).toEqual(["True"]);
    const { mode, uid, gid } = statSync(path);
    expect([mode & 0o7777, uid, gid]).toEqual([0o620, 123, 456]);
    expect(await python(code, options)).toEqual(["True"]); // what the first left behind is stale
    const running = await start({ run: [fixture("hold")], options }).ready();
    expect((await run({ run: ["true"], options })).stderr).toContain("EADDRINUSE");
    expect((await running.finished()).code).toBe(0);
  });

  test("what is no socket is never removed from where a Unix socket is to be", async () => {
    const folder = temporaryDirectory();
    writeFileSync(join(folder, "file"), "precious");
    symlinkSync(join(folder, "file"), join(folder, "link"));
    for (const name of ["file", "link"]) {
      const options = opens({ a: { listen: `unix:${join(folder, name)}` } }, { a: 3 });
      expect((await run({ run: ["true"], options })).code).toBe(70);
      expect(readFileSync(join(folder, name), "utf8")).toBe("precious");
    }
  });

  test("a memory file is sealed and read from its start", async () => {
    const source = join(temporaryDirectory(), "secret");
    writeFileSync(source, "s3cret");
    const code = "print(fcntl.fcntl(3, 1034), os.read(3, 99).decode())";
    expect(await python(code, opens({ a: { memfd: { file: source } } }, { a: 3 }))).toEqual(["15 s3cret"]);
  });

  test("a pipe and a socket pair arrive with both ends", async () => {
    const code = `os.write(4, b"one"); print(os.read(3, 9).decode())
a, b = socket.socket(fileno=5), socket.socket(fileno=6); a.send(b"two"); print(b.recv(9).decode())`;
    const open = { p: { pipe: "read" }, q: { socketpair: "dgram" } };
    expect(await python(code, opens(open, { p: 3, pPeer: 4, q: 5, qPeer: 6 }))).toEqual(["one", "two"]);
  });
});

describeWith(["gcc", "unshare"], "protocol systemd", () => {
  const SAY = 'echo "$LISTEN_FDS $LISTEN_FDNAMES $((LISTEN_PID == $$)) ${NOTE:-none}"';
  const open = { http: { listen: "127.0.0.1:0" }, admin: { devnull: true }, note: { devnull: true } };

  test("announces what is passed, with the program's own pid", async () => {
    const options = opens(open, { admin: 4, http: 3, note: "NOTE" }, { protocol: "systemd" });
    const { stdout, code } = await run({ run: ["sh", "-c", SAY], options });
    expect({ stdout, code }).toEqual({ stdout: "2 http:admin 1 5\n", code: 0 });
  });

  const hex = (text: string) => `env=${Buffer.from(text).toString("hex")}`;
  const launch = ["fd=3:listen", "fd=4:listen", hex("LISTEN_FDS=2"), hex("LISTEN_PID=1")];

  test("repairs an announcement that the launcher made to PID 1: the pid, and names from the policy", async () => {
    const rules = [
      { match: { fd: 3 }, action: "keep", name: "http" },
      { match: { fd: 4 }, action: "keep" },
    ];
    const options = policy(JSON.stringify({ version: 1, fds: { inherited: { rules } } }));
    const { stdout, stderr } = await run({ run: ["sh", "-c", SAY], options, launch });
    expect({ stdout, stderr }).toEqual({ stdout: "2 http:unknown 1 none\n", stderr: "" });
  });

  test("what nobody is given is not announced: the variables are gone", async () => {
    const count = "env | grep -c ^LISTEN_; true";
    const { stdout, stderr } = await run({ run: ["sh", "-c", count], launch });
    expect(stdout).toBe("0\n");
    expect(stderr).toContain('descriptor 3 ("unknown" of LISTEN_FDS) is not passed on');
  });

  test("an announcement to another process is handed on as it is", async () => {
    const foreign = [hex("LISTEN_FDS=1"), hex("LISTEN_PID=77")];
    const { stdout } = await run({ run: ["sh", "-c", 'echo "$LISTEN_FDS $LISTEN_PID"'], launch: foreign });
    expect(stdout).toBe("1 77\n");
  });
});
