// Several services with the executable as PID 1: what each is given (descriptors, pipes, variables, what it stored), the
// watchdog, its lines, its signals, the control socket, and that nothing wakes PID 1 up while nothing happens.

import { expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeUnless, describeWith, missing } from "../harness/needs.ts";
import { descriptors, extra, status, until, untilWaiting, wchan } from "../harness/processes.ts";
import { client, Gate, lines, mainOf, running, servicesOf, sh, up } from "../harness/services.ts";

leaveNothingBehind();

describeWith(["gcc", "unshare"], "what each of several services is given", () => {
  test("exactly its descriptors: one listener for two, a pipe between two, and none of another's", async () => {
    const fdinit = up(
      {
        one: { command: running("one"), fds: { pass: { http: 3 } } },
        two: { command: running("two"), fds: { pass: { http: 5 } } },
        writer: { command: sh("echo writer >&2; echo through the pipe; exec sleep 10000"), stdout: "lines" },
        reader: { command: sh("read line; echo got $line; exec sleep 10000"), stdin: "linesPeer" },
        plain: { command: running("plain"), stdin: "devnull" },
      },
      {
        fds: {
          open: { http: { listen: "127.0.0.1:0" }, lines: { pipe: "write" } },
        },
      },
    );
    const pid = await fdinit.pid();
    await fdinit.printed("got through the pipe\n");
    await until("all run", () => servicesOf(pid).size === 5);
    const fds = async (name: string) => {
      const main = await mainOf(pid, name);
      // Before it sleeps it has files of its language open.
      const sleeps = () => status(main, "Name") === "sleep" && wchan(main).includes("nanosleep");
      return until("its program runs", () => sleeps() && descriptors(main));
    };
    const one = await fds("one");
    const two = await fds("two");
    const writer = await fds("writer");
    const reader = await fds("reader");
    const plain = await fds("plain");
    expect(extra(one)).toEqual([3]);
    expect(extra(two)).toEqual([5]);
    expect(one[3]).toBe(two[5] as string);
    expect([extra(writer), extra(reader), extra(plain)]).toEqual([[], [], []]);
    expect(writer[1]).toBe(reader[0] as string);
    expect(plain[0]).toBe("/dev/null");
    process.kill(pid, "SIGTERM");
    await fdinit.ended();
  });

  test("its own variables: env over envFile, read at each start, FDINIT_SERVICE, and not fdinit's NOTIFY_SOCKET", async () => {
    const file = join(temporaryDirectory(), "env");
    writeFileSync(file, "# of the image\nA=file\nB='from the file'\n");
    const fdinit = up(
      {
        app: {
          command: sh("echo $A $B $FDINIT_SERVICE [$NOTIFY_SOCKET]; read x < /proc/self/environ; exit 1"),
          env: { A: "policy" },
          envFile: file,
          restart: { policy: "onFailure", backoff: "1ms..1ms", limit: "1/1m" },
        },
        other: { command: running("other") },
      },
      {},
      { env: { NOTIFY_SOCKET: "@nobody-listens" } },
    );
    expect((await fdinit.printed("]\n")).split("\n").at(-2)).toBe("policy from the file app []");
    await fdinit.ended();
  });

  test("a process that a pipe's other end waits for sees its end when the service has ended for good", async () => {
    const fdinit = up(
      {
        writer: { command: sh("echo one; echo two"), type: "oneshot", stdout: "to" },
        reader: { command: sh("cat; echo end"), stdin: "toPeer" },
      },
      { fds: { open: { to: { pipe: "write" } } } },
    );
    const { code, stdout } = await fdinit.ended();
    expect({ code, stdout }).toEqual({ code: 0, stdout: "one\ntwo\nend\n" });
  });
});

/** Speaks sd_notify(3) with descriptors, as a library would. */
const NOTIFY = `import os,socket,array,time
def notify(text, fds=[]):
    s=socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    a=os.environ["NOTIFY_SOCKET"]; s.connect("\\0"+a[1:] if a[0]=="@" else a)
    s.sendmsg([text.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
`;

describeWith(["gcc", "unshare", "python3"], "sd_notify of several services", () => {
  test("gives stored descriptors back at the next start, with their names", async () => {
    const script = `${NOTIFY}
if os.environ.get("LISTEN_FDNAMES") == "kept":
    print(os.environ["LISTEN_FDS"], int(os.environ["LISTEN_PID"])==os.getpid(), os.pread(3, 99, 0).decode(), flush=True); notify("READY=1"); time.sleep(10000)
fd=os.memfd_create("kept"); os.write(fd, b"from the first start")
notify("READY=1\\nFDSTORE=1\\nFDNAME=kept", [fd]); os._exit(3)`;
    const fdinit = up({
      app: {
        command: ["python3", "-c", script],
        ready: { sdNotify: true },
        restart: { policy: "onFailure", backoff: "1ms..1ms" },
      },
      other: { command: running("other") },
    });
    expect(await fdinit.printed("first start\n")).toContain("1 True from the first start");
    process.kill(await fdinit.pid(), "SIGTERM");
    await fdinit.ended();
  });

  test("SIGABRT ends one that stops to answer its watchdog, which its code says", async () => {
    const script = `${NOTIFY}
assert os.environ["WATCHDOG_USEC"] == "300000"
notify("READY=1")
for n in range(4): time.sleep(0.1); notify("WATCHDOG=1")
print("quiet", flush=True); time.sleep(10000)`;
    const fdinit = up({
      app: { command: ["python3", "-c", script], ready: { sdNotify: true }, watchdog: "300ms" },
      other: { command: running("other") },
    });
    const { code, stdout, stderr } = await fdinit.ended();
    expect(code).toBe(134);
    expect(stdout).toContain("quiet");
    expect(stderr).toContain("app did not answer its watchdog");
  });
});

describeWith(["gcc", "unshare"], "signals and lines of several services", () => {
  test("every signal goes to every service, rewritten as each has it", async () => {
    const say = (name: string) =>
      sh(
        `for s in HUP USR1 USR2; do trap "echo ${name} $s" $s; done; echo ${name}; while :; do sleep 0.01; done`,
      );
    const fdinit = up({ one: { command: say("one") }, two: { command: say("two") } });
    for (let n = 0; n < 2; n++) await fdinit.line();
    const pid = await fdinit.pid();
    for (const signal of ["HUP", "USR1", "USR2"]) {
      process.kill(pid, `SIG${signal}`);
      expect([await fdinit.line(), await fdinit.line()].sort()).toEqual([`one ${signal}`, `two ${signal}`]);
    }
    process.kill(pid, "SIGTERM");
    await fdinit.ended();
  });

  test("a reader that stops holds up services, and not PID 1", async () => {
    const file = join(temporaryDirectory(), "signals");
    const fdinit = up(
      {
        loud: {
          command: sh("trap '' USR1; while :; do echo 0123456789012345678901234567890123456789; done"),
        },
        quiet: { command: sh(`trap 'echo USR1 >> ${file}' USR1; : > ${file}; while :; do sleep 0.01; done`) },
      },
      { log: { services: "prefix" } },
    );
    const pid = await fdinit.pid();
    // The test reads nothing: fdinit's output fills up, and then the service's pipe.
    const loud = await mainOf(pid, "loud");
    await until("loud waits in its write", () => wchan(loud).includes("pipe_write"));
    await until("quiet listens", () => existsSync(file));
    process.kill(pid, "SIGUSR1");
    await until("the signal has come", () => lines(file).length > 0);
    process.kill(pid, "SIGTERM");
    expect((await fdinit.ended()).code).toBe(143);
  });
});

describeUnless(missing("root", "gcc", "unshare"), "control and rest of several services", () => {
  test("status, stop, start, restart, signal, reload and health over the socket; others than root are refused", async () => {
    const directory = temporaryDirectory();
    const socket = join(directory, "control");
    const say = sh(
      'trap "echo reloaded" HUP; trap "echo signalled" USR1; echo up; while :; do sleep 0.01; done',
    );
    const fdinit = up(
      {
        app: { command: say, essential: true, fds: { pass: { http: 3 } } },
        web: { command: running("web"), ready: { file: join(directory, "never") }, essential: false },
      },
      { control: { socket }, fds: { open: { http: { listen: "127.0.0.1:0" } } } },
    );
    await fdinit.printed("up\n");
    const pid = await fdinit.pid();
    await mainOf(pid, "web");
    await untilWaiting(pid);
    const ask = (...words: string[]) => client(pid, [...words, "--control", socket]);
    const report = async (name: string) => {
      const { stdout } = await ask("status", "--json");
      const { services } = JSON.parse(stdout) as { services: Record<string, unknown>[] };
      return services.find((service) => service["name"] === name) ?? {};
    };
    expect(await report("app")).toMatchObject({
      state: "ready",
      restarts: 0,
      descriptors: [{ name: "http", as: 3 }],
    });
    expect(await report("web")).toMatchObject({ state: "starting", ready: false });
    expect((await ask("health")).code).toBe(1);
    // A person stops it: it stays down, which neither ends the container nor makes it unhealthy.
    expect((await ask("stop", "web")).code).toBe(0);
    expect(await report("web")).toMatchObject({ state: "stopped" });
    expect((await ask("health")).code).toBe(0);
    const before = await mainOf(pid, "app");
    expect((await ask("restart", "app")).code).toBe(0);
    await fdinit.printed("up\n");
    expect(await mainOf(pid, "app")).not.toBe(before);
    expect(await report("app")).toMatchObject({ state: "ready", restarts: 1 });
    expect((await ask("reload", "app")).code).toBe(0);
    await fdinit.printed("reloaded\n");
    expect((await ask("signal", "app", "USR1")).code).toBe(0);
    await fdinit.printed("signalled\n");
    expect((await ask("stop", "app")).code).toBe(0);
    expect([...servicesOf(pid).keys()]).toEqual([]);
    expect((await ask("start", "app")).code).toBe(0);
    await fdinit.printed("up\n");
    // Before a stranger can speak at all, the socket's mode stops it.
    expect((await client(pid, ["status", "--control", socket], 65534)).code).toBe(69);
    process.kill(pid, "SIGTERM");
    expect((await fdinit.ended()).code).toBe(143);
  });

  test("nothing wakes PID 1 up while services are idle, lines, socket and notifications included", async () => {
    const directory = temporaryDirectory();
    const fdinit = up(
      {
        one: { command: running("one", "systemd-notify --ready"), ready: { sdNotify: true } },
        two: { command: running("two"), restart: { policy: "always" } },
        three: { command: running("three", "echo >&4"), ready: { notify: 4 } },
      },
      { log: { services: "prefix" }, control: { socket: join(directory, "control") } },
    );
    for (let n = 0; n < 3; n++) await fdinit.line();
    const pid = await fdinit.pid();
    await until(
      "all programs run",
      () => [...servicesOf(pid).values()].filter((one) => status(one, "Name") === "sleep").length === 3,
    );
    // The last messages have been handled when it waits and two looks find the same count.
    let before = "";
    await until("it is at rest", async () => {
      const seen = switches(pid);
      const isSame = seen === before;
      before = seen;
      await Bun.sleep(200);
      return isSame;
    });
    await Bun.sleep(1_500);
    expect(switches(pid)).toBe(before);
    process.kill(pid, "SIGTERM");
    await fdinit.ended();
  });

  test("PID 1's own descriptors do not grow with restarts", async () => {
    const directory = temporaryDirectory();
    const socket = join(directory, "control");
    const gate = new Gate();
    const fdinit = up(
      {
        app: {
          command: sh(`echo >&4; [ -e ${gate.file} ] && { echo done; exec sleep 10000; }; exit 1`),
          ready: { notify: 4 },
          restart: { policy: "always", backoff: "1ms..1ms", limit: "100000/1m" },
          fds: { pass: { http: 3 } },
        },
        other: { command: running("other") },
      },
      {
        log: { services: "json", level: "error" },
        control: { socket },
        fds: { open: { http: { listen: "127.0.0.1:0" } } },
      },
    );
    const pid = await fdinit.pid();
    const restarts = async () => {
      const { stdout } = await client(pid, ["status", "--json", "--control", socket]);
      const { services } = JSON.parse(stdout) as { services: { name: string; restarts: number }[] };
      return services.find(({ name }) => name === "app")?.restarts ?? 0;
    };
    await until("some starts are over", async () => existsSync(socket) && (await restarts()) > 5);
    const first = extra(descriptors(pid)).length;
    const base = await restarts();
    await until("more starts are over", async () => (await restarts()) > base + 30);
    gate.open();
    await fdinit.printed("done");
    await untilWaiting(pid);
    // A start under way has a few pipes of its own.
    expect(extra(descriptors(pid)).length).toBeLessThan(first + 6);
    process.kill(pid, "SIGTERM");
    await fdinit.ended();
  });
});

function switches(pid: number): string {
  return `${status(pid, "voluntary_ctxt_switches")} ${status(pid, "nonvoluntary_ctxt_switches")}`;
}
