// Probes and s6's notification descriptor against real servers, processes and pipes: what answers, what refuses, what stays
// silent; and that nothing is left to wake up for once a service is ready.

import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCheckAddresses, parseCheckUrl } from "../../init/policy/meaning/services/check-addresses.ts";
import type { ProbeCheck } from "../../init/supervise/services/ready/attempt.ts";
import { NotifyPipes } from "../../init/supervise/services/ready/notify-pipes.ts";
import { notifyRuntime } from "../../init/supervise/services/ready/notify-runtime.ts";
import { probeOnce } from "../../init/supervise/services/ready/probe-once.ts";
import { Probes } from "../../init/supervise/services/ready/probes.ts";
import { AF_INET, AF_UNIX, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM } from "../../init/sys/libc/constants.ts";
import { ECONNREFUSED, EINPROGRESS } from "../../init/sys/libc/errno.ts";
import { reap } from "../../init/sys/processes/processes.ts";
import { spawn } from "../../init/sys/processes/spawn.ts";
import { bytesOf, textOf } from "../../init/sys/text/bytes.ts";
import { hasEnded, until } from "../harness/processes.ts";
import { openNumbers, realKernel, watch, worded } from "../harness/watching.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

const TIMES = { periodMs: 1_000, timeoutMs: 60_000 };

function tcp(written: string): ProbeCheck {
  const addresses = parseCheckAddresses(written);
  if (typeof addresses === "string") throw new Error(addresses);
  return { ...TIMES, by: "tcp", written, addresses };
}

function http(written: string): ProbeCheck {
  const parsed = parseCheckUrl(written);
  if (typeof parsed === "string") throw new Error(parsed);
  return { ...TIMES, by: "http", written, ...parsed };
}

/** A server of this process that does `handle` with each connection; its port. */
function serve(handle: (socket: Socket) => void, host = "127.0.0.1", port = 0): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => undefined);
    handle(socket);
  });
  ends.push(() => server.close());
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(port, host, () => resolve((server.address() as { port: number }).port));
  });
}

function world(spawn: (service: string) => number = () => -1) {
  const events: string[] = [];
  const kernel = realKernel();
  const probes = new Probes({ kernel, emit: (event) => events.push(worded(event)), spawn });
  ends.push(() => probes.close());
  const isReady = () => events.length > 0;
  const begin = (check: ProbeCheck) => probes.begin("app", check, kernel.now());
  return { kernel, probes, events, isReady, begin };
}

/** A port on which nobody listens. */
async function freePort(): Promise<number> {
  const port = await serve(() => undefined);
  ends.pop()?.();
  return port;
}

test("a connection that is accepted makes a service ready, and nothing is watched any more", async () => {
  const port = await serve((socket) => socket.end());
  const { kernel, probes, events, isReady, begin } = world();
  const before = openNumbers().length;
  begin(tcp(`127.0.0.1:${port}`));
  await watch(kernel, probes, "it is ready", isReady);
  expect(events).toEqual(["ready app"]);
  expect(probes.watched()).toEqual([]);
  expect(probes.deadline()).toBeUndefined();
  expect(openNumbers().length).toBeLessThanOrEqual(before + 1);
});

test("a service that begins to listen later is found long before the next period", async () => {
  const port = await freePort();
  const { kernel, probes, isReady, begin } = world();
  const check = { ...tcp(`localhost:${port}`), periodMs: 10_000 };
  const start = kernel.now();
  begin(check);
  await watch(kernel, probes, "it was refused", () => probes.why("app") !== undefined);
  expect(probes.why("app")).toContain("ECONNREFUSED");
  await serve((socket) => socket.end(), "127.0.0.1", port);
  await watch(kernel, probes, "it is ready", isReady);
  expect(kernel.now() - start).toBeLessThan(5_000);
});

test("localhost is found where only IPv6 listens", async () => {
  const port = await serve((socket) => socket.end(), "::1");
  const { kernel, probes, isReady, begin } = world();
  begin(tcp(`:${port}`));
  await watch(kernel, probes, "it is ready", isReady);
});

test("a listener that is silent is enough for tcp, and not for http", async () => {
  const port = await serve(() => undefined);
  const one = world();
  one.begin(tcp(`127.0.0.1:${port}`));
  await watch(one.kernel, one.probes, "it is ready", one.isReady);
  const other = world();
  other.begin(http(`http://127.0.0.1:${port}/`));
  await watch(other.kernel, other.probes, "it gave up", () => other.probes.why("app") !== undefined);
  expect(other.probes.why("app")).toContain("no answer in time");
  expect(other.events).toEqual([]);
});

test("a connection of a port to itself is nobody's answer", async () => {
  const kernel = realKernel();
  // Bound to the port that it then connects to, a socket meets itself, as the kernel's choice of a port may have it.
  const fd = kernel.makeSocket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  ends.push(() => kernel.close(fd));
  const address = { family: "inet", host: [127, 0, 0, 1], port: await freePort() } as const;
  expect(kernel.bind(fd, address)).toBe(0);
  const connected = kernel.connect(fd, address);
  if (connected === -EINPROGRESS) kernel.waitReady([{ fd, write: true }], 5_000);
  expect(connected === -EINPROGRESS ? kernel.connectResult(fd) : connected).toBe(-ECONNREFUSED);
});

test("a connection that goes on is not taken for one that is accepted", () => {
  const kernel = realKernel();
  const fd = kernel.makeSocket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  ends.push(() => kernel.close(fd));
  // RFC 5737: nobody has this address. Where there is no route to it, the kernel says so at once.
  const begun = kernel.connect(fd, { family: "inet", host: [192, 0, 2, 1], port: 80 });
  if (begun === -EINPROGRESS) expect(kernel.connectResult(fd)).toBe(-EINPROGRESS);
  else expect(begun).toBeLessThan(0);
  const fresh = kernel.makeSocket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  ends.push(() => kernel.close(fresh));
  expect(kernel.connectResult(fresh)).toBe(-EINPROGRESS);
});

test("an http check asks for the path, with the host, and takes a redirection for ready", async () => {
  let request = "";
  const port = await serve((socket) => {
    socket.on("data", (data) => {
      request += data;
      socket.end("HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n");
    });
  });
  const { kernel, probes, isReady, begin } = world();
  begin(http(`http://localhost:${port}/healthz?full=1`));
  await watch(kernel, probes, "it is ready", isReady);
  expect(request.split("\r\n").slice(0, 2)).toEqual([
    "GET /healthz?full=1 HTTP/1.1",
    `Host: localhost:${port}`,
  ]);
  expect(request).toContain("\r\nConnection: close\r\n");
  expect(request.endsWith("\r\n\r\n")).toBe(true);
});

test("an http check goes on until the status is one of 200 to 399", async () => {
  const answers = ["HTTP/1.0 503 Busy\r\n\r\n", "220 mail ready\r\n", "", "HTTP/1.1 204 No Content\r\n\r\n"];
  const whys: (string | undefined)[] = [];
  const port = await serve((socket) => {
    socket.on("data", () => socket.end(answers.shift() ?? ""));
  });
  const { kernel, probes, isReady, begin } = world();
  begin(http(`http://127.0.0.1:${port}`));
  await watch(kernel, probes, "it is ready", () => {
    const why = probes.why("app");
    if (why !== undefined && whys.at(-1) !== why) whys.push(why);
    return isReady();
  });
  const at = `http://127.0.0.1:${port}`;
  expect(whys).toEqual([
    `${at}: HTTP status 503`,
    `${at}: the answer is not HTTP`,
    `${at}: the connection was closed before the answer's status`,
  ]);
});

test("an answer that comes byte by byte is understood, and one that never ends is given up", async () => {
  const slowly = (text: string) => async (socket: Socket) => {
    for (const character of text) {
      if (socket.destroyed) return;
      socket.write(character);
      await Bun.sleep(0);
    }
  };
  const good = await serve(slowly("HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"));
  const one = world();
  one.begin(http(`http://127.0.0.1:${good}`));
  await watch(one.kernel, one.probes, "it is ready", one.isReady);
  const endless = await serve((socket) => {
    socket.write("HTTP/1.1 100 Continue\r\n");
    socket.write("X: y\r\n".repeat(20_000));
  });
  const other = world();
  other.begin(http(`http://127.0.0.1:${endless}`));
  await watch(other.kernel, other.probes, "it gave up", () => other.probes.why("app") !== undefined);
  expect(other.probes.why("app")).toContain("no status in the first 8192 bytes");
});

test("what is open is closed when a check is ended", async () => {
  const port = await serve(() => undefined);
  const { kernel, probes, begin } = world();
  begin(http(`http://127.0.0.1:${port}`));
  await watch(kernel, probes, "it is connected", () => probes.watched().length > 0);
  const [watched] = probes.watched();
  probes.end("app");
  expect(kernel.descriptorFlags(watched?.fd ?? -1)).toBeLessThan(0);
  expect(probes.watched()).toEqual([]);
  expect(probes.deadline()).toBeUndefined();
});

test("a file makes a service ready when it is there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fdinit-ready-"));
  ends.push(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "ready");
  const { kernel, probes, isReady, begin } = world();
  begin({ ...TIMES, by: "file", path });
  await watch(kernel, probes, "it was looked for", () => probes.why("app") !== undefined);
  expect(probes.why("app")).toBe(`${path}: ENOENT: no such file or directory`);
  writeFileSync(path, "");
  await watch(kernel, probes, "it is ready", isReady);
});

/** wait(2)'s status of a child of Bun. */
function statusOf(child: Bun.Subprocess): number {
  return child.exitCode === null ? 9 : child.exitCode << 8;
}

test("a command makes a service ready when it ends with 0", async () => {
  const commands = [
    ["sh", "-c", "exit 3"],
    ["sh", "-c", "exit 0"],
  ];
  const { kernel, probes, events, isReady, begin } = world(() => {
    const child = Bun.spawn(commands.shift() ?? ["false"]);
    void child.exited.then(() => probes.childEnded(child.pid, statusOf(child), kernel.now()));
    return child.pid;
  });
  const whys = new Set<string>();
  begin({ ...TIMES, by: "exec", command: ["x"] });
  await watch(kernel, probes, "it is ready", () => {
    whys.add(probes.why("app") ?? "");
    return isReady();
  });
  expect([...whys]).toContain("the command ended with code 3");
  expect(events).toEqual(["ready app"]);
});

test("a command that takes too long is killed with its group, and begun again only when it has ended", async () => {
  const started: number[] = [];
  const { kernel, probes, begin } = world(() => {
    const child = Bun.spawn(["sh", "-c", "sleep 1000 & wait"], { detached: true });
    started.push(child.pid);
    void child.exited.then(() => probes.childEnded(child.pid, statusOf(child), kernel.now()));
    return child.pid;
  });
  begin({ ...TIMES, by: "exec", command: ["x"] });
  await watch(kernel, probes, "it was killed", () => probes.why("app") !== undefined);
  expect(probes.why("app")).toBe("the command took too long and was killed");
  await watch(kernel, probes, "it is begun again", () => started.length > 1);
  const [first = 0, second = 0] = started;
  await until("the first is gone with what it had started", () => groupIsGone(first));
  probes.end("app");
  await until("the second is gone too", () => hasEnded(second) && groupIsGone(second));
});

/** No process of the group is alive. In /proc/PID/stat, the state and the group stand first and third behind the name. */
function groupIsGone(leader: number): boolean {
  return readdirSync("/proc").every((name) => {
    if (!/^\d+$/.test(name)) return true;
    try {
      const fields = readFileSync(`/proc/${name}/stat`, "latin1")
        .replace(/^.*\) /s, "")
        .split(" ");
      return fields[2] !== String(leader) || /^[ZX]/.test(fields[0] ?? "");
    } catch {
      return true;
    }
  });
}

test("a line on the notification descriptor makes a service ready, and the pipe is closed", async () => {
  const events: string[] = [];
  const lines: string[] = [];
  const kernel = realKernel();
  const pipes = new NotifyPipes({
    kernel,
    emit: (event) => events.push(worded(event)),
    say: (level, message) => lines.push(`${level} ${message}`),
  });
  ends.push(() => pipes.close());
  const before = openNumbers().length;
  for (const script of ["printf 'loading'; printf '...\\n'; echo late", "true"]) {
    const writeEnd = pipes.open("app");
    const child = Bun.spawn(["sh", "-c", script], { stdio: ["ignore", writeEnd, "ignore"] });
    kernel.close(writeEnd);
    await watch(kernel, pipes, "it is over", () => pipes.watched().length === 0);
    await child.exited;
  }
  expect(events).toEqual(["ready app"]);
  expect(lines).toEqual(['info service "app" closed its notification descriptor without a line']);
  expect(openNumbers().length).toBeLessThanOrEqual(before);
});

test("a notification descriptor that is used as a log is closed after 64 kB", async () => {
  const lines: string[] = [];
  const kernel = realKernel();
  const pipes = new NotifyPipes({ kernel, emit: () => undefined, say: (_level, line) => lines.push(line) });
  const writeEnd = pipes.open("app");
  const child = Bun.spawn(["sh", "-c", "tr '\\0' x < /dev/zero"], { stdio: ["ignore", writeEnd, "ignore"] });
  kernel.close(writeEnd);
  await watch(kernel, pipes, "it is closed", () => pipes.watched().length === 0);
  await child.exited;
  expect(lines.length).toBe(1);
  expect(lines[0]).toContain("without a line end");
});

test("a check made once answers in its time", async () => {
  const kernel = realKernel();
  const silent = await serve(() => undefined);
  const refused = await freePort();
  const none = () => -1;
  expect(probeOnce(kernel, tcp(`127.0.0.1:${silent}`), 1_000, none)).toBe(true);
  expect(probeOnce(kernel, tcp(`127.0.0.1:${refused}`), 1_000, none)).toContain("ECONNREFUSED");
  expect(probeOnce(kernel, http(`http://127.0.0.1:${silent}`), 30, none)).toBe("no answer in 30 ms");
  expect(probeOnce(kernel, { ...TIMES, by: "file", path: "/" }, 1_000, none)).toBe(true);
  expect(probeOnce(kernel, { ...TIMES, by: "file", path: "/none" }, 1_000, none)).toContain("ENOENT");
  expect(probeOnce(kernel, { ...TIMES, by: "exec", command: ["x"] }, 1_000, none)).toContain("EPERM");
});

test("a command of a check made once is judged by its end, and killed when its time is over", () => {
  const kernel = realKernel({ reap });
  const run = (script: string, timeoutMs: number) => {
    let pid = 0;
    const outcome = probeOnce(kernel, { ...TIMES, by: "exec", command: ["sh"] }, timeoutMs, () => {
      const words = ["sh", "-c", script];
      const request = { path: bytesOf("/bin/sh"), arguments: { words }, byShell: false, environment: {} };
      pid = spawn({ ...request, pass: [], group: "own" }, new Uint8Array(8)) as number;
      return pid;
    });
    return { outcome, pid };
  };
  expect(run("exit 0", 10_000).outcome).toBe(true);
  expect(run("exit 7", 10_000).outcome).toBe("the command ended with code 7");
  expect(run("kill -9 $$", 10_000).outcome).toBe("the command was ended by signal 9");
  const late = run("sleep 1000 & wait", 50);
  expect(late.outcome).toBe("no answer in 50 ms");
  while (!groupIsGone(late.pid)) kernel.waitReady([], 1);
  reap(late.pid);
});

test("the runtime is notified at a path and at an abstract name, and nothing waits for it", () => {
  const kernel = realKernel();
  const folder = mkdtempSync(join(tmpdir(), "fdinit-notify-"));
  ends.push(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "notify.sock");
  const fd = kernel.makeSocket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK);
  ends.push(() => kernel.close(fd));
  expect(kernel.bind(fd, { family: "unix", path })).toBe(0);
  const abstract = kernel.makeSocket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK);
  ends.push(() => kernel.close(abstract));
  const name = kernel.bindAnywhere(abstract) as string;
  for (const [address, receiver] of [
    [path, fd],
    [name, abstract],
  ] as const) {
    expect(notifyRuntime(kernel, address, "READY=1\nSTATUS=ü")).toBeUndefined();
    const message = kernel.receiveNow(receiver, 100);
    expect(typeof message === "number" ? message : textOf(message.bytes)).toBe("READY=1\nSTATUS=ü");
    // A runtime that does not read has room for a few, and the next is lost at once.
    let failure: string | undefined;
    for (let count = 0; count < 2_000 && failure === undefined; count++)
      failure = notifyRuntime(kernel, address, "READY=1");
    expect(failure).toContain("EAGAIN");
  }
  expect(notifyRuntime(kernel, "vsock:2:1", "READY=1")).toContain("vsock");
  expect(notifyRuntime(kernel, "relative", "READY=1")).toContain("absolute path");
  expect(notifyRuntime(kernel, `/${"x".repeat(107)}`, "READY=1")).toContain("107 bytes");
  expect(notifyRuntime(kernel, join(folder, "none"), "READY=1")).toContain("ENOENT");
  expect(bytesOf(name).length).toBeLessThan(10);
});
