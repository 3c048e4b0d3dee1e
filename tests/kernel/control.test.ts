// The control socket with real sockets: who may use it, what a client may do to it, and the subcommands that speak to it.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chownSync, lchownSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { control as run } from "../../init/cli/control/control.ts";
import type { SubcommandLine } from "../../init/cli/invocation.ts";
import { descriptorCalls } from "../../init/sys/descriptors/linux.ts";
import { ECONNREFUSED, ELOOP, ENOENT } from "../../init/sys/libc/errno.ts";
import { socketCalls } from "../../init/sys/sockets/linux.ts";
import { bytesOf, textOf } from "../../init/sys/text/bytes.ts";
import { controlled, realKernel, SIGNAL_FD, service } from "../harness/controlled.ts";
import { expectValid } from "../harness/report-schemas.ts";

let folder = "";
let path = "";
const closing: (() => void)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fdinit-control-"));
  path = join(folder, "control.sock");
});
afterEach(() => {
  for (const close of closing.splice(0)) close();
  rmSync(folder, { recursive: true });
});

function open(socket = path, overrides: Parameters<typeof controlled>[1] = {}) {
  const opened = controlled(socket, overrides);
  closing.push(opened.close);
  opened.world.services.set("web", service("web"));
  opened.world.services.set("job", service("job", { type: "oneshot" }));
  return opened;
}

function connected(socket = path): number {
  const fd = socketCalls.connectUnix(socket);
  expect(fd).toBeGreaterThan(2);
  closing.push(() => descriptorCalls.close(fd));
  return fd;
}

/** The bytes that come until the other end closes. */
function replyTo(fd: number, serve: (ms: number) => void, mostMs = 3000): Record<string, unknown> {
  let text = "";
  for (const until = performance.now() + mostMs; performance.now() < until; ) {
    serve(5);
    const got = descriptorCalls.readNow(fd, 65_536);
    if (typeof got === "number") continue;
    if (got.length === 0) return JSON.parse(text);
    text += textOf(got);
  }
  throw new Error(`no whole reply: ${text}`);
}

const send = (fd: number, text: string) => socketCalls.sendNow(fd, bytesOf(text));

test.if(process.getuid?.() === 0)(
  "a client follows no link to a socket where the folder is another user's",
  () => {
    open();
    const elsewhere = mkdtempSync(join(folder, "foreign-"));
    chownSync(elsewhere, 1000, 1000);
    const link = join(elsewhere, "control.sock");
    symlinkSync(path, link);
    lchownSync(link, 1000, 1000);
    expect(socketCalls.connectUnix(link)).toBe(-ELOOP);
    connected();
  },
);

describe("the socket", () => {
  test("has mode 0600, and takes the place of one that no process listens on", () => {
    open().close();
    expect(statSync(path).mode & 0o7777).toBe(0o600);
    const { serve } = open();
    const fd = connected();
    send(fd, '{"version":1,"request":"health"}\n');
    expect(replyTo(fd, serve)).toEqual({ version: 1, ok: true, healthy: true, why: [] });
  });

  test("does not take the place of one that is in use", () => {
    open();
    expect(() => controlled(path)).toThrow("bind");
  });

  test("may be abstract", () => {
    const name = `@fdinit-test-${process.pid}`;
    const { serve } = open(name);
    const fd = connected(name);
    send(fd, '{"version":1,"request":"health"}');
    // No line end: the request is over when nothing more can come.
    Bun.sleepSync(1);
    expect(typeof replyTo(fd, serve)).toBe("object");
  });

  test("knows who is at the other end", () => {
    const { listening } = open();
    connected();
    const accepted = socketCalls.accept(listening);
    closing.push(() => descriptorCalls.close(accepted));
    expect(socketCalls.peerCredentials(accepted)).toEqual({
      pid: process.pid,
      uid: process.getuid?.() ?? -1,
      gid: process.getgid?.() ?? -1,
    });
  });
});

describe("a client", () => {
  test("of another user is refused, and said once", () => {
    const { serve, world } = open(path, { peerCredentials: () => ({ pid: 77, uid: 1234, gid: 1 }) });
    for (let time = 0; time < 3; time++)
      expect(replyTo(connected(), serve)).toMatchObject({ ok: false, code: "not-allowed" });
    expect(world.said.length).toBe(1);
    expect(world.said[0]).toContain("process 77 of uid 1234");
  });

  test("of another PID namespace may use a path, and no abstract name", () => {
    const peerCredentials = () => ({ pid: 0, uid: 0, gid: 0 });
    const name = `@fdinit-foreign-${process.pid}`;
    const abstract = open(name, { peerCredentials });
    expect(replyTo(connected(name), abstract.serve)).toMatchObject({ code: "not-allowed" });
    const { serve } = open(path, { peerCredentials });
    const fd = connected();
    send(fd, '{"version":1,"request":"health"}\n');
    expect(replyTo(fd, serve)).toMatchObject({ ok: true });
  });

  test("that says nothing is told so after a second, and holds up no other", () => {
    const { serve } = open();
    const silent = connected();
    const began = performance.now();
    const fd = connected();
    send(fd, '{"version":1,"request":"status"}\n');
    expect(replyTo(fd, serve)).toMatchObject({
      ok: true,
      status: { services: [{ name: "web" }, { name: "job" }] },
    });
    expect(performance.now() - began).toBeLessThan(900);
    expect(replyTo(silent, serve)).toMatchObject({ ok: false, code: "too-slow" });
    expect(performance.now() - began).toBeGreaterThan(900);
  });

  test("that sends a request in pieces, or too long a one, gets its answer", () => {
    const { serve } = open();
    const [slow, long] = [connected(), connected()];
    for (const byte of '{"version":1,"request":"health"}\n') {
      send(slow, byte);
      serve(0);
    }
    send(long, "x".repeat(10_000));
    expect(replyTo(slow, serve)).toMatchObject({ ok: true });
    expect(replyTo(long, serve)).toMatchObject({ ok: false, code: "too-long" });
  });

  test("that is one of many waits its turn: eight are served at once, the others come after", () => {
    const { serve, control } = open();
    const eight = () => Array.from({ length: 8 }, () => connected());
    const many = eight();
    for (let round = 0; round < 20; round++) serve(0);
    many.push(...eight());
    for (let round = 0; round < 20; round++) serve(0);
    expect(control.watched().length).toBe(8);
    for (const fd of many) send(fd, '{"version":1,"request":"health"}\n');
    for (const fd of many) expect(replyTo(fd, serve)).toMatchObject({ ok: true });
    expect(control.watched().length).toBe(1);
  });

  test("that does not read its answer is left after five seconds at most", () => {
    const { serve, control, world } = open();
    const text = "x".repeat(1000);
    for (let nth = 0; nth < 2000; nth++)
      world.services.set(`s${nth}`, service(`s${nth}`, { statusText: text }));
    send(connected(), '{"version":1,"request":"status"}\n');
    const began = performance.now();
    for (let round = 0; round < 5; round++) serve(5);
    expect(control.watched().length).toBe(2);
    expect(control.deadline()).toBeLessThan(began + 5500);
    control.time(began + 6000);
    expect(control.watched().length).toBe(1);
    expect(control.deadline()).toBeUndefined();
  });

  test("that leaves without a word costs nothing", () => {
    const { serve, control } = open();
    descriptorCalls.close(connected());
    for (let round = 0; round < 5; round++) serve(5);
    expect(control.watched().length).toBe(1);
  });
});

function cli(world: ReturnType<typeof open>, line: Omit<SubcommandLine, "options">) {
  world.output.length = 0;
  const outcome = run(world.client, { options: {}, control: path, ...line }, [SIGNAL_FD]);
  return { ...outcome, out: world.output.join("") };
}

describe("fdinit status", () => {
  test("is a table of what the services are, and a document", () => {
    const opened = open();
    const at = new Date(Date.now() - 65_000).toISOString();
    opened.world.services.set(
      "web",
      service("web", {
        pid: 4711,
        uptimeMs: 3_723_000,
        restarts: 2,
        ready: true,
        statusText: "Serving\u001b",
        descriptors: [
          { name: "http", as: 3 },
          { name: "admin", as: "ADMIN_FD" },
        ],
        lastExit: { code: 137, signal: 9, at },
      }),
    );
    const { code, out } = cli(opened, { do: "status", operands: [] });
    expect(code).toBe(0);
    const [heads, web] = out.split("\n");
    expect(heads?.trim().split(/ {2,}/)).toEqual([
      "NAME",
      "STATE",
      "PID",
      "UPTIME",
      "RESTARTS",
      "READY",
      "LAST EXIT",
      "DESCRIPTORS",
    ]);
    expect(web?.trim().split(/ {2,}/)).toEqual([
      "web",
      "ready",
      "4711",
      "1h 2m",
      "2",
      "yes: Serving\\x1b",
      "137 SIGKILL, 1m 5s ago",
      "http:3 admin:$ADMIN_FD",
    ]);
    const document = JSON.parse(cli(opened, { do: "status", operands: [], json: true }).out);
    expectValid("status", document);
    expect(document).toMatchObject({
      version: 1,
      source: "control",
      services: [{ name: "web", restarts: 2 }, { name: "job" }],
    });
  });

  test("says first that fdinit shuts down, or why it is not healthy", () => {
    const opened = open();
    opened.world.health = { healthy: false, why: ["web is not ready"] };
    expect(cli(opened, { do: "status", operands: [] }).out).toStartWith("not healthy: web is not ready\n");
    opened.world.shutdown = { since: "2026-12-01T00:00:00.000Z" };
    expect(cli(opened, { do: "status", operands: [] }).out).toStartWith(
      "shutting down since 2026-12-01T00:00:00.000Z\n",
    );
  });
});

describe("fdinit health", () => {
  test("ends with 0 or 1", () => {
    const opened = open();
    expect(cli(opened, { do: "health", operands: [] })).toMatchObject({ code: 0, out: "healthy\n" });
    opened.world.health = { healthy: false, why: ["web is not ready", "job has failed"] };
    expect(cli(opened, { do: "health", operands: [] })).toMatchObject({
      code: 1,
      out: "not healthy: web is not ready; job has failed\n",
    });
    expect(cli(opened, { do: "health", operands: [], quiet: true })).toMatchObject({ code: 1, out: "" });
    opened.close();
    rmSync(path);
    expect(cli(opened, { do: "health", operands: [], quiet: true })).toEqual({ code: 1, out: "" });
  });
});

describe("fdinit start, stop and restart", () => {
  test("end when it is done", () => {
    const opened = open();
    const { world } = opened;
    let waits = 0;
    world.onEvent = ({ service: name, request }) => {
      expect([name, request]).toEqual(["web", "restart"]);
      world.services.set("web", service("web", { state: "stopping" }));
    };
    world.onWait = () => {
      waits++;
      if (waits === 5)
        world.services.set("web", service("web", { state: "starting", restarts: 1, pid: 101 }));
      if (waits === 9) world.services.set("web", service("web", { restarts: 1, pid: 101 }));
    };
    expect(cli(opened, { do: "restart", operands: ["web"] })).toEqual({ code: 0, out: "" });
    expect(waits).toBeGreaterThanOrEqual(9);
    expect(world.said).toContainEqual(
      expect.stringContaining(`restart web, asked by process ${process.pid}`),
    );
  });

  test("end with 1 when it ends instead, and when it is not done in time", () => {
    const opened = open();
    const { world } = opened;
    world.services.set("job", service("job", { type: "oneshot", state: "stopped" }));
    world.onEvent = () =>
      world.services.set(
        "job",
        service("job", { type: "oneshot", state: "failed", lastExit: { code: 3, at: "x" } }),
      );
    expect(cli(opened, { do: "start", operands: ["job"] })).toMatchObject({
      code: 1,
      complaint: ["job has ended with code 3 and is failed"],
    });
    delete world.onEvent;
    const late = cli(opened, { do: "stop", operands: ["web"], timeout: "100ms" });
    expect([late.code, String(late.complaint)]).toEqual([1, expect.stringContaining("not done in time")]);
    expect(cli(opened, { do: "stop", operands: ["web"], noWait: true })).toMatchObject({ code: 0 });
  });

  test("end with 64 for a service that there is not, and with 1 while fdinit shuts down", () => {
    const opened = open();
    const unknown = cli(opened, { do: "start", operands: ["wbe"] });
    expect([unknown.code, unknown.complaint]).toEqual([64, expect.stringContaining("web, job")]);
    opened.world.shutdown = { since: "x" };
    expect(cli(opened, { do: "start", operands: ["web"] }).code).toBe(1);
    expect(opened.world.events).toEqual([]);
  });

  test("end with 69 where nobody listens, and say where they looked", () => {
    const opened = open();
    opened.close();
    const { code, complaint } = cli(opened, { do: "stop", operands: ["web"] });
    expect([code, complaint]).toEqual([69, expect.stringContaining(`${path}: ECONNREFUSED`)]);
    expect(socketCalls.connectUnix(path)).toBe(-ECONNREFUSED);
  });

  test("take a stop for done when fdinit has ended with what was stopped", () => {
    const opened = open();
    opened.world.onEvent = () => opened.world.services.set("web", service("web", { state: "stopping" }));
    let waits = 0;
    opened.world.onWait = () => {
      if (++waits === 6) rmSync(path);
    };
    expect(cli(opened, { do: "stop", operands: ["web"] }).code).toBe(0);
  });
});

describe("fdinit reload", () => {
  const status = (sets: Record<string, string>) =>
    Object.entries({
      SigBlk: "0000000000000000",
      SigIgn: "0000000000000000",
      SigCgt: "0000000000000000",
      ...sets,
    })
      .map(([name, set]) => `${name}:\t${set}\n`)
      .join("");
  const asked = (text: string | undefined, service: string) => {
    const readFile = (file: string) =>
      file === "/proc/100/status" && text !== undefined ? bytesOf(text) : -ENOENT;
    const opened = open(path, { readFile });
    const { code, complaint } = cli(opened, { do: "reload", operands: [service] });
    expect(opened.world.events.length).toBe(code === 0 ? 1 : 0);
    return { code, complaint };
  };

  test.each([
    ["caught", { SigCgt: "0000000180014001" }],
    ["taken by sigwait(3)", { SigBlk: "0000000000000001" }],
    ["taken by sigwait(3), with SIG_IGN", { SigBlk: "fffffffe7ffbfeff", SigIgn: "0000000000000001" }],
  ])("sends SIGHUP where it is %s", (_name, sets) => {
    expect(asked(status(sets), "web").code).toBe(0);
  });

  test.each([
    ["would end the program", status({ SigCgt: "0000000180014002" }), "has no handler for SIGHUP"],
    ["is ignored", status({ SigIgn: "0000000000001001" }), "ignores SIGHUP"],
    ["may do either", undefined, "/proc/100/status cannot be read"],
  ])("does not send a SIGHUP that %s, and says what to do", (_name, text, why) => {
    const { code, complaint } = asked(text, "web");
    expect([code, complaint]).toEqual([1, expect.stringContaining(why)]);
    expect(complaint).toContain("`reload` in the policy, or use `fdinit restart web`");
  });

  test("sends the signal of the policy without a question", () => {
    expect(asked(status({}), "job").code).toBe(0);
  });
});

describe("fdinit reload and signal", () => {
  test("are handed on to the service that runs", () => {
    const opened = open(path, { readFile: () => bytesOf("SigCgt:\t0000000000000001\n") });
    expect(cli(opened, { do: "reload", operands: ["web", "job"] }).code).toBe(0);
    expect(opened.world.events).toMatchObject([
      { type: "request", service: "web", request: "reload" },
      { type: "request", service: "job", request: "reload" },
    ]);
    expect(cli(opened, { do: "signal", operands: ["web", "USR1"] }).code).toBe(0);
    expect(cli(opened, { do: "signal", operands: ["web", "RTMIN+1"] }).code).toBe(0);
    expect(opened.world.signals).toEqual([
      ["web", 10],
      ["web", 35],
    ]);
    expect(cli(opened, { do: "signal", operands: ["web", "9"] })).toMatchObject({
      code: 1,
      complaint: expect.stringContaining("EPERM"),
    });
    expect(cli(opened, { do: "signal", operands: ["web", "NONE"] }).code).toBe(64);
    const { pid: _pid, ...down } = service("web", { state: "stopped" });
    opened.world.services.set("web", down);
    expect(cli(opened, { do: "signal", operands: ["web", "HUP"] }).code).toBe(1);
    expect(cli(opened, { do: "reload", operands: ["web"] }).code).toBe(1);
  });
});

test("a client does not speak to another user's socket", () => {
  const opened = open();
  opened.client.peerCredentials = () => ({ pid: 5, uid: 4321, gid: 0 });
  const { code, complaint } = cli(opened, { do: "stop", operands: ["web"] });
  expect([code, complaint]).toEqual([69, expect.stringContaining("another user")]);
  expect(opened.world.events).toEqual([]);
});

test("SIGINT ends a wait", () => {
  const opened = open();
  opened.world.onEvent = () => opened.world.services.set("web", service("web", { state: "stopping" }));
  const wait = opened.client.waitReadable;
  let waits = 0;
  opened.client.waitReadable = (fds, ms) => (++waits > 6 ? [SIGNAL_FD] : wait(fds, ms));
  opened.client.takeSignals = () => [{ signal: 2, code: 0, pid: 1 }];
  expect(cli(opened, { do: "stop", operands: ["web"] })).toEqual({ code: 130, out: "" });
});

test("no descriptor is left behind by any of it", () => {
  const before = realKernel().listDescriptors();
  const opened = controlled(path);
  opened.world.services.set("web", service("web"));
  const line = { options: {}, control: path, operands: [] } as const;
  expect(run(opened.client, { ...line, do: "status" }, [SIGNAL_FD]).code).toBe(0);
  expect(run(opened.client, { ...line, do: "health" }, [SIGNAL_FD]).code).toBe(0);
  for (let round = 0; round < 5; round++) opened.serve(5);
  opened.close();
  expect(realKernel().listDescriptors()).toEqual(before as number[]);
});
