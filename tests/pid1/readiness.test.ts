// Readiness with the executable as PID 1: each kind makes a service ready, and what depends on it is started then; a service
// that does not become ready fails; what it stores is given back; what it says of its life is believed of no other.

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { FDINIT } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { children, status, until } from "../harness/processes.ts";
import { freePort } from "../harness/requests.ts";
import { policy, run, start } from "../harness/run.ts";

leaveNothingBehind();

const FOREVER = "exec sleep 1000";

/** The oneshot `last` is essential, prints and ends with 9 when all of `services` are ready. */
function options(services: Record<string, Record<string, unknown>>): string[] {
  const dependsOn = Object.fromEntries(Object.keys(services).map((name) => [name, "ready"]));
  const last = { command: ["sh", "-c", "echo all; exit 9"], type: "oneshot", essential: true, dependsOn };
  return policy(JSON.stringify({ version: 1, intent: "simplicity", services: { ...services, last } }));
}

/** Debian's own: a wrapper of another in PATH would take seconds. */
const PYTHON = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

function policyFile(services: Record<string, unknown>): string {
  return policy(JSON.stringify({ version: 1, intent: "simplicity", services }))[1] as string;
}

const shell = (script: string) => ({ command: ["sh", "-c", script] });

/** A program in Python that can send to NOTIFY_SOCKET: `notify(text, descriptors)`. */
function python(script: string) {
  const notify = `
import os, socket, struct, sys, time
def notify(text, fds=()):
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    name = os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1)
    with_it = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("%di" % len(fds), *fds))] if fds else []
    sender.sendmsg([text.encode()], with_it, 0, name)
`;
  return { command: [PYTHON, "-c", notify + script] };
}

describeWith(["unshare"], "what depends on a service is started when it is ready", () => {
  test("by a line on the descriptor that it is given", async () => {
    const app = {
      ...shell(`echo started; read go; echo >&7; ${FOREVER}`),
      stdin: "inherit",
      ready: { notify: 7 },
    };
    const running = start({ run: [], options: options({ app }) });
    expect(await running.line()).toBe("started");
    running.type("go\n");
    expect(await running.line()).toBe("all");
    expect((await running.ended()).code).toBe(9);
  });

  test("by a file", async () => {
    const path = join(temporaryDirectory(), "ready");
    const app = {
      ...shell(`echo started; read go; : > ${path}; ${FOREVER}`),
      stdin: "inherit",
      ready: { file: path },
    };
    const running = start({ run: [], options: options({ app }) });
    expect(await running.line()).toBe("started");
    running.type("go\n");
    expect(await running.line()).toBe("all");
    expect((await running.ended()).code).toBe(9);
  });

  test("by a command, which runs as the service does", async () => {
    const path = join(temporaryDirectory(), "ready");
    const app = {
      ...shell(`echo started; read go; : > ${path}; ${FOREVER}`),
      env: { WHERE: path },
      stdin: "inherit",
      ready: { exec: ["sh", "-c", 'test -e "$WHERE"'] },
    };
    const running = start({ run: [], options: options({ app }) });
    expect(await running.line()).toBe("started");
    running.type("go\n");
    expect(await running.line()).toBe("all");
    expect((await running.ended()).code).toBe(9);
  });
});

describeWith(["unshare", "python3"], "a service that answers", () => {
  test("over TCP and over HTTP is ready", async () => {
    const ports = [await freePort(), await freePort()];
    const [tcp, http] = ports.map((port) => ({
      command: ["sh", "-c", `exec ${PYTHON} -m http.server --bind 127.0.0.1 ${port} > /dev/null 2>&1`],
    }));
    const services = {
      tcp: { ...tcp, ready: { tcp: `localhost:${ports[0]}` } },
      http: { ...http, ready: { http: `http://127.0.0.1:${ports[1]}/` } },
    };
    const { code, stdout } = await run({ run: [], options: options(services) });
    expect({ code, stdout }).toEqual({ code: 9, stdout: "all\n" });
  });

  test("by sd_notify is ready, also when another of its processes says so", async () => {
    const script = `
if os.fork() == 0:
    # One that ends at once may be gone before PID 1 asks whose it was.
    notify("READY=1")
time.sleep(1000)`;
    const app = { ...python(script), ready: { sdNotify: true } };
    const { code, stdout } = await run({ run: [], options: options({ app }) });
    expect({ code, stdout }).toEqual({ code: 9, stdout: "all\n" });
  });

  test("for another is not heard", async () => {
    // The second finds the address in the first one's environment, and is heard about itself alone.
    const path = join(temporaryDirectory(), "sent");
    const victim = {
      ...python(`
while not os.path.exists("${path}"): time.sleep(0.01)
notify("STOPPING=1")
os._exit(124)`),
      ready: { sdNotify: true },
    };
    const forger = python(`
import glob
for path in glob.glob("/proc/[0-9]*/environ"):
    try: text = open(path, "rb").read()
    except OSError: continue
    for variable in text.split(b"\\0"):
        if variable.startswith(b"NOTIFY_SOCKET="): os.environ["NOTIFY_SOCKET"] = variable[14:].decode()
for _ in range(20): notify("READY=1")
open("${path}", "w")
time.sleep(1000)`);
    const { code, stdout, stderr } = await run({
      run: [],
      options: policy(
        JSON.stringify({
          version: 1,
          intent: "simplicity",
          log: { level: "info" },
          services: {
            victim,
            forger: { ...forger, dependsOn: { victim: "started" } },
            last: { ...shell("echo all"), dependsOn: { victim: "ready" } },
          },
        }),
      ),
    });
    expect({ code, stdout }).toEqual({ code: 124, stdout: "" });
    expect(stderr).toContain("started victim");
    expect(stderr).not.toContain("victim is ready");
  });
});

describeWith(["unshare"], "a service that does not become ready in time", () => {
  test("is stopped and fails with 124, and is started again as its policy has it", async () => {
    const app = {
      ...shell(`echo start; ${FOREVER}`),
      ready: { notify: 7, timeout: "100ms" },
      restart: { policy: "onFailure", backoff: "1ms..1ms", limit: "2/1m" },
    };
    const { code, stdout, stderr } = await run({ run: [], options: options({ app }) });
    expect(code).toBe(124);
    expect(stdout).toBe("start\nstart\nstart\n");
    expect(stderr).toContain("app was not ready in time");
  });
});

describeWith(["unshare", "python3"], "a service of sd_notify", () => {
  test("finds what it has stored again after its next start", async () => {
    const script = `
count = int(os.environ.get("LISTEN_FDS", "0"))
if count == 0:
    read, write = os.pipe()
    os.write(write, b"kept")
    notify("FDSTORE=1\\nFDNAME=state\\nFDPOLL=0", [read])
    os._exit(3)
own = os.environ["LISTEN_PID"] == str(os.getpid())
print(count, os.environ["LISTEN_FDNAMES"], own, os.read(3, 10), flush=True)
notify("READY=1")
time.sleep(1000)`;
    const app = {
      ...python(script),
      ready: { sdNotify: true },
      restart: { policy: "onFailure", backoff: "1ms..1ms" },
    };
    const { code, stdout } = await run({ run: [], options: options({ app }) });
    expect({ code, stdout }).toEqual({ code: 9, stdout: "1 state True b'kept'\nall\n" });
  });

  test("has what it stored with its last words, even while another service floods PID 1", async () => {
    const script = `
if "LISTEN_FDS" in os.environ:
    print("given", flush=True)
    notify("READY=1")
    time.sleep(1000)
notify("FDSTORE=1", [os.open("/dev/null", os.O_RDONLY)])
os._exit(3)`;
    const restart = { policy: "onFailure", backoff: "1ms..1ms", limit: "5/1m" };
    const app = { ...python(script), ready: { sdNotify: true }, restart, dependsOn: { flood: "ready" } };
    const flood = { ...python('while True: notify("READY=1")'), ready: { sdNotify: true } };
    const { code, stdout } = await run({ run: [], options: options({ app, flood }) });
    expect({ code, stdout }).toEqual({ code: 9, stdout: "given\nall\n" });
  });

  test("that no longer says that it lives is ended by SIGABRT, and by SIGKILL when that is not enough", async () => {
    const script = `
import signal
signal.signal(signal.SIGABRT, lambda *_: print("aborted", flush=True))
notify("READY=1")
print(os.environ["WATCHDOG_USEC"], flush=True)
while True: time.sleep(1000)`;
    const app = {
      ...python(script),
      ready: { sdNotify: true },
      watchdog: "200ms",
      stop: { wait: "100ms" },
      essential: true,
    };
    const text = { version: 1, intent: "simplicity", services: { app, other: shell(FOREVER) } };
    const { code, stdout } = await run({ run: [], options: policy(JSON.stringify(text)) });
    expect({ code, stdout }).toEqual({ code: 137, stdout: "200000\naborted\n" });
  });

  test("may name a daemon as its main process, whose end is then its own", async () => {
    const script = `
if os.fork() == 0:
    os.setsid()
    notify("MAINPID=%d\\nREADY=1" % os.getpid())
    print("daemon", flush=True)
    sys.stdin.read()
    os._exit(7)
time.sleep(1000)`;
    const app = { ...python(script), stdin: "inherit", ready: { sdNotify: true }, essential: true };
    const text = { version: 1, intent: "simplicity", services: { app, other: shell(FOREVER) } };
    const running = start({ run: [], options: policy(JSON.stringify(text)) });
    expect(await running.line()).toBe("daemon");
    // The first process ends, and the daemon is PID 1's child then.
    const pid = await running.pid();
    const [first = 0] = children(pid);
    process.kill(first, "SIGKILL");
    await until("the daemon is PID 1's", () => !children(pid).includes(first) && children(pid).length === 2);
    expect((await running.finished()).code).toBe(7);
  });
});

describeWith(["unshare"], "fdinit health without a control socket", () => {
  test("asks the service now, and says why it is not healthy", async () => {
    const path = join(temporaryDirectory(), "ready");
    const file = policyFile({
      app: { ...shell(`: > ${path}; ${FOREVER}`), ready: { file: path } },
      last: {
        ...shell(
          `health() { ${FDINIT} health --policy "$POLICY"; echo $?; }
          until ${FDINIT} health --quiet; do :; done; health; rm ${path}; health; exit 9`,
        ),
        essential: true,
        dependsOn: { app: "ready" },
      },
    });
    const { code, stdout } = await run({ run: [], options: ["--policy", file], env: { POLICY: file } });
    expect(code).toBe(9);
    expect(stdout).toBe(
      `healthy\n0\nnot healthy: app is not ready: ${path}: ENOENT: no such file or directory\n1\n`,
    );
  });
});

describeWith(["unshare"], "PID 1", () => {
  test("is not woken up by checks that are over", async () => {
    const app = { ...shell("echo ready; exec sleep 1000"), ready: { file: "/" } };
    const exec = { ...shell(FOREVER), ready: { exec: ["true"], period: "10ms" } };
    const idle = { ...shell("echo idle; exec sleep 1000"), dependsOn: { app: "ready", exec: "ready" } };
    const text = { version: 1, intent: "simplicity", services: { app, exec, idle } };
    const running = start({ run: [], options: policy(JSON.stringify(text)) });
    await running.printed("idle");
    const pid = await running.pid();
    const wakeUps = () => status(pid, "voluntary_ctxt_switches");
    // Until the last starts are over, and then for thirty periods.
    let seen = wakeUps();
    await until("it rests", async () => {
      const before = seen;
      await Bun.sleep(300);
      seen = wakeUps();
      return before === seen;
    });
    process.kill(pid, "SIGTERM");
    expect((await running.ended()).code).toBe(143);
  });
});
