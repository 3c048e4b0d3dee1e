// Several services with the executable as PID 1: in which order they are started, and what makes one ready.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith, missing, testUnless } from "../harness/needs.ts";
import { descendants, hasEnded, until, untilWaiting } from "../harness/processes.ts";
import { freePort } from "../harness/requests.ts";
import { Gate, running, servicesOf, sh, up } from "../harness/services.ts";

leaveNothingBehind();

describeWith(["gcc", "unshare"], "the order of several services", () => {
  test("a service is started when what it depends on has started, and all that need nothing at once", async () => {
    const fdinit = up({
      last: { command: running("last"), dependsOn: { first: "started", second: "started" } },
      first: { command: running("first") },
      second: { command: running("second") },
    });
    const pid = await fdinit.pid();
    expect(new Set([await fdinit.line(), await fdinit.line(), await fdinit.line()])).toEqual(
      new Set(["first", "second", "last"]),
    );
    // A process shows no environment while it executes another program.
    const of = await until("all three are seen", () => {
      const seen = servicesOf(pid);
      return seen.size === 3 && seen;
    });
    expect(of.get("last") ?? 0).toBeGreaterThan(Math.max(of.get("first") ?? 0, of.get("second") ?? 0));
    process.kill(pid, "SIGTERM");
    expect((await fdinit.ended()).code).toBe(143);
  });

  test("`completed` waits for a oneshot's end with code 0", async () => {
    const gate = new Gate();
    const fdinit = up({
      migrate: { command: sh(`echo migrating; ${gate.wait}; echo migrated`), type: "oneshot" },
      app: { command: running("app"), dependsOn: { migrate: "completed" } },
    });
    const pid = await fdinit.pid();
    await fdinit.printed("migrating\n");
    await untilWaiting(pid);
    expect([...servicesOf(pid).keys()]).toEqual(["migrate"]);
    gate.open();
    expect([await fdinit.line(), await fdinit.line()]).toEqual(["migrated", "app"]);
    process.kill(pid, "SIGTERM");
    await fdinit.ended();
  });

  test("a oneshot that fails ends the container with its code where an essential service needs it, which is never started", async () => {
    const { code, stdout, stderr } = await up({
      migrate: { command: sh("exit 3"), type: "oneshot" },
      app: { command: running("app"), dependsOn: { migrate: "completed" } },
    }).ended();
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toContain("app is not started: it needs migrate, which has ended");
  });

  test("services that have all completed end the container with 0", async () => {
    const { code, stdout } = await up({
      one: { command: sh("echo one"), type: "oneshot" },
      two: { command: sh("echo two"), type: "oneshot", dependsOn: { one: "completed" } },
    }).ended();
    expect({ code, stdout }).toEqual({ code: 0, stdout: "one\ntwo\n" });
  });

  test("a command that is not there gives 127, and one that cannot be executed 126", async () => {
    const others = { command: running("other") };
    expect((await up({ gone: { command: ["/not/there"] }, others }).ended()).code).toBe(127);
    expect((await up({ dir: { command: ["/proc"] }, others }).ended()).code).toBe(126);
  });

  test("starts and stops below another PID 1 too, as a subreaper, and as a user without rights", async () => {
    const services = {
      db: { command: running("db"), ready: { file: "/" } },
      web: { command: running("web"), dependsOn: { db: "ready" } },
    };
    const child = up(services, {}, { as: "child" });
    // Ready as soon as it runs: which of the two prints first is the scheduler's to say.
    expect([await child.line(), await child.line()].sort()).toEqual(["db", "web"]);
    process.kill(await child.pid(), "SIGTERM");
    expect((await child.ended()).code).toBe(143);
    const user = up(services, {}, { launch: ["uid=65534"] });
    expect([await user.line(), await user.line()].sort()).toEqual(["db", "web"]);
    process.kill(await user.pid(), "SIGTERM");
    expect((await user.ended()).code).toBe(143);
  });

  testUnless(
    missing("root"),
    "needs no writable directory: sd_notify, lines and order on a read-only root",
    async () => {
      const fdinit = up(
        {
          db: { command: running("db", "systemd-notify --ready"), ready: { sdNotify: true } },
          web: { command: running("web"), dependsOn: { db: "ready" } },
        },
        { log: { services: "prefix" }, control: { socket: "@fdinit" } },
        {
          before:
            "for m in $(awk '{print $2}' /proc/mounts | sort -r); do mount -o remount,ro,bind $m 2>/dev/null || :; done; ! touch /tmp/x 2>/dev/null",
        },
      );
      expect(new Set([await fdinit.line(), await fdinit.line()])).toEqual(new Set(["db  | db", "web | web"]));
      process.kill(await fdinit.pid(), "SIGTERM");
      expect((await fdinit.ended()).code).toBe(143);
    },
  );
});

const SENDER = "systemd-notify";

describeWith(["gcc", "unshare", "python3"], "readiness of several services", () => {
  /** Starts a service that is not ready before its gate is open, and one that needs it. */
  async function order(ready: Record<string, unknown>, become: string, more: Record<string, unknown> = {}) {
    const gate = new Gate();
    const fdinit = up({
      slow: { command: sh(`echo slow; ${gate.wait}\n${become}`), ready, ...more },
      next: { command: running("next"), dependsOn: { slow: "ready" } },
    });
    const pid = await fdinit.pid();
    await fdinit.printed("slow\n");
    await untilWaiting(pid);
    expect(servicesOf(pid).has("next")).toBe(false);
    gate.open();
    await fdinit.printed("next\n");
    process.kill(pid, "SIGTERM");
    const { code, stderr } = await fdinit.ended();
    expect({ code, stderr }).toEqual({ code: 143, stderr: "" });
  }

  test("a line to the notification descriptor", () => order({ notify: 4 }, "echo >&4; exec sleep 10000"));

  test("READY=1 of sd_notify", () => order({ sdNotify: true }, `${SENDER} --ready; exec sleep 10000`));

  test("a file that exists", async () => {
    const file = join(temporaryDirectory(), "ready");
    await order({ file, period: "10ms" }, `: > ${file}; exec sleep 10000`);
  });

  test("a command that ends with 0", async () => {
    const file = join(temporaryDirectory(), "ready");
    await order({ exec: ["test", "-e", file], period: "10ms" }, `: > ${file}; exec sleep 10000`);
  });

  test("a port that accepts", async () => {
    const port = await freePort();
    const listen = `import socket,time; s=socket.socket(); s.setsockopt(1,2,1); s.bind(("127.0.0.1",${port})); s.listen(9); time.sleep(10000)`;
    await order({ tcp: `127.0.0.1:${port}`, period: "10ms" }, `exec python3 -c '${listen}'`);
  });

  test("an address that answers", async () => {
    const port = await freePort();
    await order(
      { http: `http://127.0.0.1:${port}/`, period: "10ms" },
      `exec python3 -m http.server ${port} --bind 127.0.0.1 >/dev/null 2>&1`,
    );
  });

  test("a service that is not ready in time is stopped, and its code is 124", async () => {
    const fdinit = up({
      slow: { command: sh("echo slow; exec sleep 10000"), ready: { notify: 4, timeout: "50ms" } },
      next: { command: running("next"), dependsOn: { slow: "ready" } },
    });
    const { code, stdout, stderr } = await fdinit.ended();
    expect({ code, stdout }).toEqual({ code: 124, stdout: "slow\n" });
    expect(stderr).toContain("slow was not ready in time, which ends the container");
  });

  test("a service that ends before it is ready has its own code", async () => {
    expect(
      (
        await up({
          slow: { command: sh("exit 9"), ready: { notify: 4 } },
          b: { command: running("b") },
        }).ended()
      ).code,
    ).toBe(9);
  });

  test("READY=1 is no other service's: a notification counts for the service of its sender", async () => {
    const gate = new Gate();
    const fdinit = up({
      quiet: {
        command: sh(`${gate.wait}; systemd-notify --ready; exec sleep 10000`),
        ready: { sdNotify: true },
      },
      loud: { command: sh("systemd-notify --ready; echo loud; exec sleep 10000"), ready: { sdNotify: true } },
      next: { command: running("next"), dependsOn: { quiet: "ready" } },
    });
    await fdinit.printed("loud\n");
    const pid = await fdinit.pid();
    await untilWaiting(pid);
    expect(servicesOf(pid).has("next")).toBe(false);
    gate.open();
    await fdinit.printed("next\n");
    process.kill(pid, "SIGTERM");
    expect((await fdinit.ended()).code).toBe(143);
  });

  test("the end of a MAINPID whose parent lives on is the service's, and takes the parent with it", async () => {
    const gate = new Gate();
    // The policy reads "$$" as "$".
    const worker = `systemd-notify --ready --pid=$$$$ MAINPID=$$$$; echo worker; ${gate.wait}`;
    const fdinit = up({
      app: { command: sh(`sh -c '${worker}' & wait; exec sleep 10000`), ready: { sdNotify: true } },
      other: { command: running("other") },
    });
    for (let n = 0; n < 2; n++) await fdinit.line();
    const pid = await fdinit.pid();
    await untilWaiting(pid);
    const all = descendants(pid);
    gate.open();
    const { code, stderr } = await fdinit.ended();
    expect(code).toBe(0);
    expect(stderr).toContain("app exited with code 0, which ends the container");
    expect(all.filter((one) => !hasEnded(one))).toEqual([]);
  });

  test("a daemon that names its MAINPID is the service from then on", async () => {
    // The policy reads "$$" as "$".
    const program =
      'trap "exit 7" TERM; systemd-notify --ready --pid=$$$$ MAINPID=$$$$; echo daemon; while :; do sleep 0.01; done';
    const daemon = `(setsid sh -c '${program}' &); exec sleep 10000`;
    const fdinit = up({
      app: { command: sh(daemon), ready: { sdNotify: true } },
      other: { command: running("other"), essential: false },
    });
    await fdinit.printed("daemon\n");
    process.kill(await fdinit.pid(), "SIGTERM");
    expect((await fdinit.ended()).code).toBe(7);
  });

  test("tells the runtime's own NOTIFY_SOCKET when all are ready and when it stops, and keeps it from services", async () => {
    const address = `@fdinit-test-${process.pid}`;
    const listener = Bun.spawn(
      [
        "python3",
        "-uc",
        `import socket\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.bind("\\0${address.slice(1)}")\nprint("bound")\nfor _ in range(2): print(s.recv(999).decode())`,
      ],
      { stdout: "pipe", stdin: "ignore" },
    );
    const heard = (listener.stdout as ReadableStream<Uint8Array>).getReader();
    let text = "";
    // An unbuffered Python writes the line and its end one by one.
    const hear = async () => {
      while (!text.includes("\n")) {
        const { value, done } = await heard.read();
        if (done) return text;
        text += new TextDecoder().decode(value);
      }
      const [line = "", ...rest] = text.split("\n");
      text = rest.join("\n");
      return line;
    };
    expect(await hear()).toBe("bound");
    const gate = new Gate();
    const fdinit = up(
      {
        slow: {
          command: sh(`echo $NOTIFY_SOCKET.; ${gate.wait}; echo >&4; exec sleep 10000`),
          ready: { notify: 4 },
        },
        other: { command: running("other") },
      },
      {},
      { env: { NOTIFY_SOCKET: address } },
    );
    await fdinit.printed(".\n");
    gate.open();
    expect(await hear()).toBe("READY=1");
    process.kill(await fdinit.pid(), "SIGTERM");
    expect(await hear()).toBe("STOPPING=1");
    await fdinit.ended();
    await listener.exited;
  });
});
