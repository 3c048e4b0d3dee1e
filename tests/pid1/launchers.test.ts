// Launchers that pass sockets, in front of fdinit: systemd-socket-activate with listeners by systemd's protocol and with a connection as an
// inetd does, and s6-fdholder with a listener as standard input; with small programs that say what they got, and with real ones.

import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { FDINIT } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { until } from "../harness/processes.ts";
import { freePort, request } from "../harness/requests.ts";
import { policy, type Running, start } from "../harness/run.ts";

leaveNothingBehind();

const GET = "GET / HTTP/1.0\r\n\r\n";
const TELL =
  'test "$LISTEN_PID" = $$ && mine=yes; echo "$LISTEN_FDS $LISTEN_FDNAMES ${mine:-no}"; test -S /dev/fd/3; echo $?';
const KEEP = `version: 1
fds:
  inherited:
    rules: [{ match: { name: http }, action: keep }]
`;
const PASS = `version: 1
fds:
  inherited:
    rules: [{ match: { name: admin }, action: keep, name: admin }]
services:
  app: { fds: { pass: { admin: 3 }, protocol: systemd } }
`;

/** fdinit as PID 1, started by systemd-socket-activate once somebody connects. */
function activated(
  words: readonly string[],
  options: readonly string[],
  program: readonly string[],
): Running {
  return start({
    direct: true,
    run: ["systemd-socket-activate", ...words, FDINIT, ...options, "--", ...program],
  });
}

async function connected(port: number): Promise<void> {
  await until("somebody listens", async () => (await request(port, GET)) !== "refused");
}

describeWith(["unshare", "systemd-socket-activate"], "behind systemd-socket-activate", () => {
  test("the default closes the socket, and says by which rule it would be kept", async () => {
    const port = freePort();
    const running = activated([`--listen=127.0.0.1:${port}`, "--fdname=http"], [], ["sh", "-c", TELL]);
    await connected(port);
    const { code, stdout, stderr } = await running.ended();
    expect({ code, stdout }).toEqual({ code: 0, stdout: "  no\n1\n" });
    expect(stderr).toContain(
      'descriptor 3 ("http" of LISTEN_FDS) is not passed on; the rule { match: { fd: 3 }, action: keep } would keep it',
    );
  });

  test("a kept socket is announced to the program under its name, with the program's own pid", async () => {
    const port = freePort();
    const running = activated([`--listen=127.0.0.1:${port}`, "--fdname=http"], policy(KEEP), [
      "sh",
      "-c",
      TELL,
    ]);
    await connected(port);
    const { code, stdout, stderr } = await running.ended();
    expect({ code, stdout }).toEqual({ code: 0, stdout: "1 http yes\n0\n" });
    expect(stderr).not.toContain("fdinit: ");
  });

  test("of two sockets the program gets the one that the policy passes, as descriptor 3", async () => {
    const [first, second] = [freePort(), freePort()];
    const listeners = [`--listen=127.0.0.1:${first}`, `--listen=127.0.0.1:${second}`];
    const running = activated([...listeners, "--fdname=http:admin"], policy(PASS), ["sh", "-c", TELL]);
    await connected(first);
    const { code, stdout } = await running.ended();
    expect({ code, stdout }).toEqual({ code: 0, stdout: "1 admin yes\n0\n" });
  });

  test("a connection is the standard input and output of the program, as inetd gives it, without a policy", async () => {
    const port = freePort();
    const launcher = ["systemd-socket-activate", "--accept", "--inetd", `--listen=127.0.0.1:${port}`];
    const running = start({ direct: true, as: "child", run: [...launcher, FDINIT, "--", "cat"] });
    await until("the line comes back", async () => (await answer({ port }, "a line\n")) === "a line\n");
    process.kill(await running.pid(), "SIGTERM");
    await running.ended();
  });
});

describeWith(
  ["unshare", "systemd-socket-activate", "gunicorn"],
  "gunicorn behind systemd-socket-activate",
  () => {
    test("answers on the socket that the launcher opened, the first connection included", async () => {
      const folder = temporaryDirectory();
      const port = freePort();
      const app = "def app(environ, start):\n  start('200 OK', [])\n  return [b'gunicorn']\n";
      writeFileSync(join(folder, "web.py"), app);
      const program = ["gunicorn", "--workers=1", `--worker-tmp-dir=${folder}`, "--chdir", folder, "web:app"];
      const running = activated([`--listen=127.0.0.1:${port}`, "--fdname=http"], policy(KEEP), program);
      await until("it answers", async () => (await request(port, GET)) === "answered");
      process.kill(await running.pid(), "SIGTERM");
      expect((await running.ended()).code).toBe(0);
    }, 60_000);
  },
);

const NGINX = `version: 1
fds:
  inherited:
    rules: [{ match: { name: http }, action: keep, name: http }]
services:
  app:
    env: { NGINX: "3;" }
    fds: { pass: { http: 3 }, protocol: none }
signals: { rewrite: { SIGTERM: SIGQUIT } }
`;

describeWith(
  ["unshare", "root", "systemd-socket-activate", "nginx"],
  "nginx behind systemd-socket-activate",
  () => {
    test("takes the socket by its own variable, although it could not bind the port itself", async () => {
      const folder = temporaryDirectory();
      const port = freePort();
      chmodSync(folder, 0o755);
      const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
        (kind) => `${kind}_temp_path ${folder}/${kind};`,
      );
      const server = `server { listen 127.0.0.1:${port}; return 200 "nginx"; }`;
      const configuration = `daemon off; pid ${folder}/pid; error_log stderr notice; events {}
http { access_log off; ${paths.join(" ")} ${server} }`;
      const file = join(folder, "nginx.conf");
      writeFileSync(file, configuration);
      const program = ["nginx", "-c", file];
      const running = activated([`--listen=127.0.0.1:${port}`, "--fdname=http"], policy(NGINX), program);
      await until("it answers", async () => (await request(port, GET)) === "answered");
      process.kill(await running.pid(), "SIGTERM");
      const { code, stderr } = await running.ended();
      expect(code).toBe(0);
      expect(stderr).toContain('using inherited sockets from "3;"');
    }, 60_000);
  },
);

const BUS = `version: 1
fds:
  inherited:
    rules: [{ match: { name: bus }, action: keep }]
`;

const BUS_CONFIGURATION = `<busconfig>
<type>session</type><listen>unix:path=/nonexistent</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/></policy>
</busconfig>`;

describeWith(
  ["unshare", "systemd-socket-activate", "dbus-daemon"],
  "dbus-daemon behind systemd-socket-activate",
  () => {
    test("authenticates a client on the socket that it was given, and ends with code 0", async () => {
      const folder = temporaryDirectory();
      const path = join(folder, "bus");
      const file = join(folder, "bus.conf");
      writeFileSync(file, BUS_CONFIGURATION);
      const program = [
        "dbus-daemon",
        `--config-file=${file}`,
        "--address=systemd:",
        "--nofork",
        "--nopidfile",
      ];
      const running = activated([`--listen=${path}`, "--fdname=bus"], policy(BUS), program);
      const hello = `\0AUTH EXTERNAL ${Buffer.from(String(process.getuid?.())).toString("hex")}\r\n`;
      await until("the bus says OK", async () => /^OK \w+\r\n$/.test(await answer({ path }, hello)));
      process.kill(await running.pid(), "SIGTERM");
      expect((await running.ended()).code).toBe(0);
    });
  },
);

describeWith(
  ["unshare", "root", "systemd-socket-activate", "sshd", "ssh-keygen"],
  "sshd -i behind systemd-socket-activate",
  () => {
    test("greets whoever connects, without a policy", async () => {
      const folder = temporaryDirectory();
      const port = freePort();
      const key = join(folder, "key");
      const file = join(folder, "sshd.conf");
      expect(Bun.spawnSync(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]).exitCode).toBe(0);
      writeFileSync(file, `HostKey ${key}\nUsePAM no\nPidFile none\n`);
      const sshd = Bun.which("sshd") ?? "sshd";
      const launcher = ["systemd-socket-activate", "--accept", "--inetd", `--listen=127.0.0.1:${port}`];
      const running = start({
        direct: true,
        before: "mount -t tmpfs none /run; mkdir /run/sshd",
        run: [...launcher, FDINIT, "--", sshd, "-i", "-f", file],
      });
      await until("sshd says its version", async () => (await answer({ port }, "")).startsWith("SSH-2.0-"));
      // The launcher is PID 1 here and has no handler for SIGTERM.
      process.kill(await running.pid(), "SIGKILL");
      await running.ended();
    });
  },
);

describeWith(["unshare", "s6-fdholder-daemon", "python3"], "behind s6-fdholder-retrieve", () => {
  test("the held listener is the program's standard input, without a policy", async () => {
    const folder = temporaryDirectory();
    const holder = join(folder, "holder");
    const rules = join(folder, `rules/uid/${process.getuid?.()}`);
    mkdirSync(join(rules, "env"), { recursive: true });
    writeFileSync(join(rules, "allow"), "");
    for (const name of ["STORE", "RETRIEVE"])
      writeFileSync(join(rules, "env", `S6_FDHOLDER_${name}_REGEX`), "^listener$");
    const daemon = start({
      direct: true,
      as: "child",
      run: ["s6-fdholder-daemon", "-1", "-i", join(folder, "rules"), holder],
    });
    const listen = [
      "s6-ipcserver-socketbinder",
      join(folder, "socket"),
      "s6-fdholder-store",
      holder,
      "listener",
    ];
    await until("the holder has the listener", () => Bun.spawnSync(listen).exitCode === 0);
    const program = `import socket
with socket.socket(fileno=0) as s: print(s.getsockname().rsplit("/")[-1], s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))`;
    const { code, stdout, stderr } = await start({
      direct: true,
      run: ["s6-fdholder-retrieve", holder, "listener", FDINIT, "--", "python3", "-c", program],
    }).ended();
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "socket 1\n", stderr: "" });
    process.kill(await daemon.pid(), "SIGTERM");
    await daemon.ended();
  });
});

/** The first bytes that a server sends back; "" where nobody listens, or nothing comes before the end. */
function answer(
  address: { readonly port: number } | { readonly path: string },
  text: string,
): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection(address, () => socket.write(text));
    socket.on("data", (data) => {
      resolve(data.toString("latin1"));
      socket.destroy();
    });
    socket.on("close", () => resolve(""));
    socket.on("error", () => resolve(""));
  });
}
