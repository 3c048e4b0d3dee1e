// sd_notify(3) by a real socket and real processes: the kernel names the sender, descriptors come and go, and no message
// does harm.

import { afterEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Notifications } from "../../init/supervise/services/ready/notifications.ts";
import { FD_CLOEXEC } from "../../init/sys/libc/constants.ts";
import { ECONNREFUSED, EPERM } from "../../init/sys/libc/errno.ts";
import { describeWith, UNSHARE } from "../harness/needs.ts";
import { until } from "../harness/processes.ts";
import { openNumbers, realKernel, watch, worded } from "../harness/watching.ts";

/** Sends each message of argv[2] to the abstract name argv[1], prints how each went, and lives until its input ends. */
const SENDER = `
import json, os, socket, struct, sys
address = "\\0" + sys.argv[1][1:]
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for message in json.loads(sys.argv[2]):
    if "uid" in message: os.setresuid(*[message["uid"]] * 3)
    kept = []
    with_it = []
    control = []
    for _ in range(message.get("files", 0)): with_it.append(os.open("/dev/null", os.O_RDONLY))
    if message.get("pipe"):
        mine, other = os.pipe()
        kept.append(mine)
        with_it.append(other)
    for _ in range(message.get("twice", 0)): with_it.append(with_it[0])
    if with_it: control.append((socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("%di" % len(with_it), *with_it)))
    if "pid" in message: control.append((socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack("3i", message["pid"], os.getuid(), os.getgid())))
    for _ in range(message.get("times", 1)):
        try:
            sock.sendmsg([message["text"].encode("latin1")], control, 0, address)
            answer = "sent"
        except OSError as error: answer = str(error.errno)
    for fd in set(with_it): os.close(fd)
    if message.get("pipe") == "wait":
        import select
        poll = select.poll()
        poll.register(kept[0], 0)
        answer = "closed" if poll.poll(15000) else "open"
    print(answer, flush=True)
sys.stdin.read()
`;

/** Debian's own: a wrapper of another in PATH would take seconds. */
const PYTHON = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

interface Message {
  readonly text: string;
  /** How many copies of a descriptor of /dev/null come with it. */
  readonly files?: number;
  /** Of the first descriptor. */
  readonly twice?: number;
  /** The write end of a pipe comes with it; `wait`: until that is closed. */
  readonly pipe?: boolean | "wait";
  /** The process that it says it comes from. */
  readonly pid?: number;
  readonly uid?: number;
  readonly times?: number;
}

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

function world() {
  const events: string[] = [];
  const lines: string[] = [];
  const owners = new Map<number, string>();
  const kernel = realKernel();
  const notifications = new Notifications({
    kernel,
    emit: (event) => events.push(worded(event)),
    say: (_level, message) => lines.push(message),
    ownerOf: (pid) => owners.get(pid),
  });
  const children: Bun.Subprocess<"pipe", "pipe", "inherit">[] = [];
  ends.push(() => {
    notifications.close();
    for (const child of children) child.kill("SIGKILL");
  });
  /** A process of the service that sends; its answers, one for each message, when all of them have been handled. */
  const send = async (service: string | undefined, ...messages: readonly Message[]) => {
    const command = [PYTHON, "-c", SENDER, notifications.name ?? "", JSON.stringify(messages)];
    const child = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    children.push(child);
    if (service !== undefined) owners.set(child.pid, service);
    let said = "";
    let isOver = false;
    const answers = (async () => {
      for await (const piece of child.stdout) {
        said += Buffer.from(piece).toString();
        if (said.split("\n").length > messages.length) break;
      }
      isOver = true;
    })();
    await watch(kernel, notifications, "everything is sent", () => isOver);
    await answers;
    // A message that has been sent is in the socket already.
    let isEmpty = false;
    await watch(kernel, notifications, "everything is taken", () => {
      const was = isEmpty;
      isEmpty = kernel.waitReady([{ fd: socketOf(), read: true }], 0).length === 0;
      return was;
    });
    return { answers: said.trim().split("\n"), pid: child.pid, child };
  };
  const socketOf = () => notifications.watched()[0]?.fd ?? -1;
  return { kernel, notifications, events, lines, owners, send };
}

describeWith(["python3"], "a notification", () => {
  test("is about the service of the process that the kernel names", async () => {
    const { events, notifications, send } = world();
    await send("app", { text: "STATUS=Loading\x1b[2J" }, { text: "READY=1\nSTATUS=Serving" });
    await send("db", { text: "STOPPING=1\nERRNO=2" });
    expect(events).toEqual(["ready app", "stopping db"]);
    expect(notifications.status("app")).toBe("Serving");
    expect(notifications.status("db")).toBe("ENOENT: no such file or directory");
    notifications.begin("app");
    expect(notifications.status("app")).toBeUndefined();
  });

  test("is taken in the order in which messages came, with everything that each says", async () => {
    const { events, send, owners } = world();
    owners.set(process.pid, "other");
    const { pid } = await send(
      "app",
      { text: "RELOADING=1\nMONOTONIC_USEC=123456" },
      { text: "READY=1\nWATCHDOG_USEC=2500001\nEXTEND_TIMEOUT_USEC=1000" },
      { text: "WATCHDOG=1" },
      { text: "WATCHDOG=trigger" },
      { text: `MAINPID=${process.pid}` },
    );
    expect(events).toEqual([
      "reloading app",
      "watchdogPeriod app 2501",
      "ready app",
      "extend app 1",
      "watchdog app false",
      "watchdog app true",
    ]);
    expect(pid).toBeGreaterThan(0);
  });

  test("may name another process of the same service as its main one", async () => {
    const { events, owners, send } = world();
    const child = Bun.spawn(["sleep", "1000"]);
    owners.set(child.pid, "app");
    await send("app", { text: `MAINPID=${child.pid}` });
    child.kill("SIGKILL");
    expect(events).toEqual([`mainPid app ${child.pid}`]);
  });

  test("of a process that belongs to no service changes nothing, and is said once", async () => {
    const { events, lines, send, notifications } = world();
    const before = openNumbers();
    const { pid } = await send(undefined, { text: "READY=1\nFDSTORE=1", files: 3, times: 5 });
    expect(events).toEqual([]);
    expect(lines).toEqual([`a notification came from process ${pid}, which belongs to no service: ignored`]);
    expect(notifications.watched().length).toBe(1);
    expect(openNumbers().length).toBeLessThanOrEqual(before.length + 3);
  });

  test("longer than the room for it, or with a NUL, is ignored with its descriptors", async () => {
    const { events, lines, send, notifications } = world();
    const long = `READY=1\nFDSTORE=1\n${"X".repeat(5000)}`;
    await send("app", { text: long, files: 2, times: 3 }, { text: "READY=1\0STOPPING=1" });
    expect(events).toEqual([]);
    expect(notifications.stored("app")).toEqual([]);
    expect(lines).toEqual([
      'a notification of service "app" is ignored: it has more than 4096 bytes',
      'a notification of service "app" is ignored: it has a NUL in it',
    ]);
  });

  test("is not lost in a flood, which costs PID 1 a bounded share of its time", async () => {
    const { events, lines, send } = world();
    await send("app", { text: "READY=1", times: 700 });
    expect(events.length).toBe(700);
    expect(lines.length).toBe(1);
    expect(lines[0]).toContain("are more than fdinit takes");
  });
});

describeWith(["python3", "root"], "a sender that lies", () => {
  test("cannot give another process's number without the right to", async () => {
    const { events, owners, send } = world();
    owners.set(process.pid, "app");
    const { answers } = await send("other", { text: "READY=1", uid: 65_534, pid: process.pid });
    expect(answers).toEqual([String(EPERM)]);
    expect(events).toEqual([]);
  });
  test("is known by its number whatever user it is", async () => {
    const { events, send } = world();
    const { answers } = await send("app", { text: "READY=1", uid: 65_534 });
    expect(answers).toEqual(["sent"]);
    expect(events).toEqual(["ready app"]);
  });
});

describeWith(["python3", "unshare", "root"], "a sender outside the PID namespace", () => {
  test("has no number there, and is ignored", async () => {
    const inside = `
      const { Notifications } = require("${join(import.meta.dir, "../../init/supervise/services/ready/notifications.ts")}");
      const { realKernel, watch } = require("${join(import.meta.dir, "../harness/watching.ts")}");
      const kernel = realKernel();
      let isOver = false;
      const asked = [];
      const notifications = new Notifications({
        kernel,
        emit: (event) => console.log("event", event.type),
        say: (_level, line) => { isOver = true; console.log(line); },
        ownerOf: (pid) => { asked.push(pid); return "app"; },
      });
      console.log(notifications.name);
      await watch(kernel, notifications, "it has come", () => isOver);
      console.log("asked", asked.length);`;
    const receiver = Bun.spawn([...UNSHARE, process.execPath, "-e", inside], { stdout: "pipe" });
    let said = "";
    const reading = (async () => {
      for await (const piece of receiver.stdout) said += Buffer.from(piece).toString();
    })();
    const name = await until("it has a name", () => /^(@\S+)\n/.exec(said)?.[1]);
    const sender = Bun.spawn([PYTHON, "-c", SENDER, name, JSON.stringify([{ text: "READY=1" }])], {
      stdin: "pipe",
    });
    await receiver.exited;
    await reading;
    sender.kill("SIGKILL");
    expect(said.split("\n").slice(1)).toEqual([
      "a notification came from a process outside the container: ignored",
      "asked 0",
      "",
    ]);
  });
});

describeWith(["python3"], "descriptors that come with a notification", () => {
  test("are kept for the service, each with its name, and are not inherited by chance", async () => {
    const { kernel, notifications, send } = world();
    await send(
      "app",
      { text: "FDSTORE=1\nFDNAME=listener", files: 1 },
      { text: "FDSTORE=1", files: 1 },
      { text: "FDSTORE=1\nFDNAME=bad:name", files: 1 },
    );
    const stored = notifications.stored("app");
    expect(stored.map(({ name }) => name)).toEqual(["listener", "stored", "stored"]);
    for (const { fd } of stored) {
      expect(kernel.descriptorFlags(fd)).toBe(FD_CLOEXEC);
      expect(kernel.descriptorLink(fd)).toBe("/dev/null");
    }
    expect(notifications.stored("other")).toEqual([]);
    notifications.drop("app");
    for (const { fd } of stored) expect(kernel.descriptorFlags(fd)).toBeLessThan(0);
    expect(notifications.stored("app")).toEqual([]);
  });

  test("are closed by their name when the service asks for it", async () => {
    const { kernel, notifications, send } = world();
    await send(
      "app",
      { text: "FDSTORE=1\nFDNAME=one", files: 2 },
      { text: "FDSTORE=1\nFDNAME=two", files: 1 },
    );
    const [first] = notifications.stored("app");
    await send("app", { text: "FDSTOREREMOVE=1\nFDNAME=one" });
    expect(notifications.stored("app").map(({ name }) => name)).toEqual(["two"]);
    expect(kernel.descriptorFlags(first?.fd ?? -1)).toBeLessThan(0);
  });

  test("are kept once, however often the same open file is stored", async () => {
    const { notifications, send } = world();
    await send("app", { text: "FDSTORE=1\nFDNAME=one", files: 1, twice: 5, times: 3 });
    expect(notifications.stored("app").length).toBe(1);
  });

  test("are at most 64 of one service: the rest is closed, and that is said once", async () => {
    const { lines, notifications, send } = world();
    const before = openNumbers().length;
    await send("app", { text: "FDSTORE=1", files: 50 }, { text: "FDSTORE=1", files: 50, times: 2 });
    expect(notifications.stored("app").length).toBe(64);
    expect(lines.filter((line) => line.includes("64 at most")).length).toBe(1);
    notifications.drop("app");
    // The sender's pipes to this test are open still.
    expect(openNumbers().length).toBeLessThanOrEqual(before + 3);
  });

  test("are dropped when their other end is gone, unless the service wants it otherwise", async () => {
    const { kernel, notifications, send } = world();
    const { child } = await send(
      "app",
      { text: "FDSTORE=1\nFDNAME=watched", pipe: true },
      { text: "FDSTORE=1\nFDNAME=kept\nFDPOLL=0", pipe: true },
    );
    expect(notifications.stored("app").map(({ name }) => name)).toEqual(["watched", "kept"]);
    child.kill("SIGKILL");
    await watch(kernel, notifications, "one is dropped", () => notifications.stored("app").length < 2);
    expect(notifications.stored("app").map(({ name }) => name)).toEqual(["kept"]);
  });

  test("are closed where they are not to be stored", async () => {
    const { send } = world();
    const before = openNumbers().length;
    const { child } = await send("app", { text: "READY=1", files: 9 });
    child.kill("SIGKILL");
    await child.exited;
    expect(openNumbers().length).toBeLessThanOrEqual(before + 3);
  });

  test("tell a sender by being closed that everything before has been handled", async () => {
    const { events, send } = world();
    const { answers } = await send("app", { text: "READY=1" }, { text: "BARRIER=1", pipe: "wait" });
    expect(answers).toEqual(["sent", "closed"]);
    expect(events).toEqual(["ready app"]);
  });
});

test.skipIf(Bun.which("systemd-notify") === null)("systemd-notify of systemd is understood", async () => {
  const events: string[] = [];
  const kernel = realKernel();
  const notifications = new Notifications({
    kernel,
    emit: (event) => events.push(worded(event)),
    say: () => undefined,
    ownerOf: () => "app",
  });
  ends.push(() => notifications.close());
  const child = Bun.spawn(["systemd-notify", "--ready", "--status=As it is"], {
    env: { ...process.env, NOTIFY_SOCKET: notifications.name ?? "" },
  });
  let code: number | undefined;
  void child.exited.then((ended) => {
    code = ended;
  });
  await watch(kernel, notifications, "it has ended", () => code !== undefined);
  expect(code).toBe(0);
  expect(events).toContain("ready app");
  expect(notifications.status("app")).toBe("As it is");
});

test("the socket is gone when it is closed", () => {
  const { kernel, notifications } = world();
  const name = notifications.name ?? "";
  expect(name).toMatch(/^@[0-9a-f]{5}$/);
  notifications.close();
  expect(notifications.watched()).toEqual([]);
  const fd = kernel.makeSocket(1, 2);
  ends.push(() => kernel.close(fd));
  expect(kernel.connect(fd, { family: "unix", path: name })).toBe(-ECONNREFUSED);
});
