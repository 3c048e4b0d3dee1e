// Real programs over sockets that fdinit holds: nginx, which takes them by a variable of its own, gunicorn
// and a Node program, which take them by systemd's protocol. Killed and started again, none refuses anybody.

import { expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith, type Need } from "../harness/needs.ts";
import { descendants, until } from "../harness/processes.ts";
import { freePort, request, requests } from "../harness/requests.ts";
import { policy, type Running, start } from "../harness/run.ts";

leaveNothingBehind();

const GET = "GET / HTTP/1.0\r\n\r\n";
const REQUESTS = 1000;
const EVERY = 250;

/** A policy that holds a listener for a service that is started again whenever it ends. */
function held(port: number, service: Record<string, unknown>): string[] {
  const open = { http: { listen: `127.0.0.1:${port}`, hold: true } };
  const restart = { policy: "always", backoff: "1ms..1ms", limit: "1000/1m" };
  return policy(JSON.stringify({ version: 1, fds: { open }, services: { app: { restart, ...service } } }));
}

async function killedAndAsked(running: Running, port: number): Promise<void> {
  const pid = await running.pid();
  await until("it answers", async () => (await request(port, GET)) === "answered");
  let rounds = 0;
  const outcomes = await requests(REQUESTS, port, GET, (number) => {
    if (number % EVERY !== EVERY / 2) return;
    rounds++;
    // So that no worker goes on serving when its master is gone.
    for (const process of descendants(pid)) kill(process);
  });
  process.kill(pid, "SIGTERM");
  await running.ended();
  expect(rounds).toBe(REQUESTS / EVERY);
  expect(outcomes.refused).toBe(0);
  expect(outcomes.answered).toBeGreaterThanOrEqual(REQUESTS - rounds);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It went with its master.
  }
}

function describeProgram(need: Need, name: string, body: () => void): void {
  describeWith(["gcc", "unshare", need], `${name} over a held listener`, body);
}

describeProgram("nginx", "nginx", () => {
  test("answers 1,000 requests while it is killed and started again", async () => {
    const folder = temporaryDirectory();
    const port = freePort();
    chmodSync(folder, 0o755);
    const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (it) => `${it}_temp_path ${folder};`,
    );
    const config = `daemon off; user root; pid ${folder}/pid; error_log ${folder}/log;
events {}
http { access_log off; ${paths.join(" ")} server { listen 127.0.0.1:${port}; location / { return 200 "nginx"; } } }`;
    writeFileSync(join(folder, "nginx.conf"), config);
    // nginx's own protocol, made for the exchange of its executable: the numbers it inherits, each with ";".
    const options = held(port, { env: { NGINX: "3;" }, fds: { pass: { http: 3 } } });
    const running = start({ run: ["nginx", "-c", join(folder, "nginx.conf")], options });
    await killedAndAsked(running, port);
  }, 60_000);
});

describeProgram("gunicorn", "gunicorn, activated as systemd does,", () => {
  test("answers 1,000 requests while it is killed and started again", async () => {
    const folder = temporaryDirectory();
    const port = freePort();
    const app = "def app(environ, start):\n  start('200 OK', [])\n  return [b'gunicorn']\n";
    writeFileSync(join(folder, "web.py"), app);
    const options = held(port, { fds: { pass: { http: 3 }, protocol: "systemd" } });
    const command = ["gunicorn", "--workers=1", `--worker-tmp-dir=${folder}`, "--chdir", folder, "web:app"];
    await killedAndAsked(start({ run: command, options }), port);
  }, 60_000);
});

describeProgram("node", "a Node program, activated as systemd does,", () => {
  test("answers 1,000 requests while it is killed and started again", async () => {
    const port = freePort();
    const program = `if (process.env.LISTEN_FDS !== "1" || process.env.LISTEN_PID !== String(process.pid)) process.exit(9);
require("node:http").createServer((_, answer) => answer.end("node")).listen({ fd: 3 });`;
    const options = held(port, { fds: { pass: { http: 3 }, protocol: "systemd" } });
    await killedAndAsked(start({ run: ["node", "-e", program], options }), port);
  }, 60_000);
});
