// A launcher that passes sockets, in front of fdinit: systemd-socket-activate with listeners by systemd's protocol, and with a connection
// as an inetd does.

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
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
    await until("the line comes back", () => echoed(port, "a line\n"));
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

/** Whether a server sends a line back; false where nobody listens yet. */
function echoed(port: number, line: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port }, () => socket.write(line));
    socket.on("data", (data) => {
      resolve(data.toString() === line);
      socket.destroy();
    });
    socket.on("error", () => resolve(false));
  });
}
