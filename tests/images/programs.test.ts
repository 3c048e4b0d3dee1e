// The programs of policies/ that Debian has, each by its embedded policy in Docker: it serves, reads its configuration again by its own
// signal, and stops inside the engine's deadline with the code that the policy promises. nginx, redis and PostgreSQL: servers.test.ts.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { portableTarget } from "../../scripts/portable.ts";
import { DEBIAN_PROGRAMS, whyNoPrograms } from "../harness/debian.ts";
import { Engine } from "../harness/docker.ts";
import { FDINIT, IS_QUICKJS } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeUnless, missing } from "../harness/needs.ts";
import { until } from "../harness/processes.ts";
import { missingFor } from "../harness/targets.ts";

leaveNothingBehind();

const IMAGE = "fdinit-deploy-programs";
const BUN = process.execPath;

interface Program {
  readonly policy: string;
  /** `fdinit status` tells that the policy's check has succeeded. Without: the policy has none, or the command is the test's own and goes without. */
  readonly isChecked?: true;
  /** Options of `docker run`. */
  readonly options?: readonly string[];
  /** In the place of the policy's own command. */
  readonly command?: readonly string[];
  /** Files of the image, by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** A line of shell that asks it something, and what it answers. */
  readonly ask: string;
  readonly answer: string;
  /** Its signal; then the file in which "before" becomes "after", or what the log says. */
  readonly reload?: {
    readonly signal: string;
    readonly file?: string;
    readonly says?: string;
    readonly answer?: string;
  };
  /** A part of standard output or standard error, once it has ended. */
  readonly ends?: string;
}

const CURL = "curl --silent --max-time 2 http://127.0.0.1";
const over = (port: number, words: string, read: string) =>
  `exec 3<>/dev/tcp/127.0.0.1/${port} && printf '${words}' >&3 && timeout 2 ${read} <&3`;

const HTTP_OF_NODE = (word: string) =>
  `require("node:http").createServer((_, to) => to.end("${word}")).listen(8000, "127.0.0.1");\n` +
  'process.on("SIGTERM", () => { console.log("told to stop"); process.exit(0); });\n';

const PROGRAMS: readonly Program[] = [
  {
    policy: "apache2",
    isChecked: true,
    files: { "/etc/apache2/conf-enabled/word.conf": 'ServerName localhost\nErrorDocument 404 "before"\n' },
    ask: `${CURL}/none`,
    answer: "before",
    reload: { signal: "USR1", file: "/etc/apache2/conf-enabled/word.conf" },
  },
  {
    policy: "php-fpm",
    isChecked: true,
    options: ["--env=PHP_FPM=php-fpm8.2", "--env=PHP_FPM_PID=/run/php/php8.2-fpm.pid"],
    files: {
      "/etc/php/8.2/fpm/pool.d/www.conf":
        "[www]\nuser = www-data\nlisten = 127.0.0.1:9000\npm = static\npm.max_children = 1\nenv[WORD] = before\n",
      "/srv/word.php": '<?php echo getenv("WORD");\n',
    },
    ask: "SCRIPT_FILENAME=/srv/word.php REQUEST_METHOD=GET cgi-fcgi -bind -connect 127.0.0.1:9000 | tail -n 1",
    answer: "before",
    reload: { signal: "USR2", file: "/etc/php/8.2/fpm/pool.d/www.conf" },
  },
  {
    policy: "mariadb",
    isChecked: true,
    options: ["--user=mysql"],
    // Whether there is a log, which it removes: the server opens it at its start, and again when it is told to flush its logs.
    files: { "/etc/mysql/conf.d/log.cnf": "[mariadbd]\ngeneral-log\ngeneral-log-file=/srv/log\n" },
    ask: "mariadb --execute 'select 1' >/dev/null && { rm /srv/log && echo opened; } 2>/dev/null",
    answer: "opened",
    reload: { signal: "HUP", answer: "opened" },
  },
  {
    policy: "memcached",
    options: ["--user=memcache"],
    command: ["memcached", "--auth-file=/srv/auth"],
    files: { "/srv/auth": "user:before\n" },
    ask: over(11211, "set a 0 0 11\\r\\nuser before\\r\\n", "head -n 1"),
    answer: "STORED\r",
    reload: { signal: "HUP", file: "/srv/auth", answer: "CLIENT_ERROR authentication failure\r" },
  },
  {
    policy: "rabbitmq",
    isChecked: true,
    // The one in /usr/sbin is a shell script of Debian's that passes no signal on.
    options: [
      ...["--user=rabbitmq", "--env=PATH=/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      ...["--env=RABBITMQ_NODENAME=rabbit@localhost", "--env=HOME=/var/lib/rabbitmq"],
    ],
    // It takes seconds to start, and a question each millisecond would make that longer: one process waits for the port.
    ask: `until (exec 3<>/dev/tcp/127.0.0.1/5672) 2>/dev/null; do sleep 0.2; done; ${over(5672, "AMQP\\0\\0\\11\\1", "head -c 60")} | grep -ao capabilities`,
    answer: "capabilities",
  },
  {
    policy: "haproxy",
    isChecked: true,
    files: {
      "/etc/haproxy/haproxy.cfg":
        "defaults\n  mode http\n  timeout client 5s\n  timeout connect 5s\n  timeout server 5s\n" +
        'frontend f\n  bind 127.0.0.1:8000\n  http-request return status 200 content-type text/plain string "before"\n',
    },
    ask: `${CURL}:8000`,
    answer: "before",
    reload: { signal: "USR2", file: "/etc/haproxy/haproxy.cfg" },
  },
  {
    policy: "node",
    files: { "/app/server.js": HTTP_OF_NODE("word") },
    ask: `${CURL}:8000`,
    answer: "word",
    ends: "told to stop",
  },
  {
    policy: "bun",
    options: ["--volume", `${BUN}:/usr/local/bin/bun:ro`],
    files: {
      "/app/server.ts":
        'Bun.serve({ port: 8000, hostname: "127.0.0.1", fetch: () => new Response("word") });\n',
    },
    ask: `${CURL}:8000`,
    answer: "word",
  },
  {
    policy: "gunicorn",
    isChecked: true,
    files: {
      "/app/app.py":
        'def app(_, start):\n    start("200 OK", [("Content-Type", "text/plain")])\n    return [b"before"]\n',
    },
    ask: `${CURL}:8000`,
    answer: "before",
    reload: { signal: "HUP", file: "/app/app.py" },
    ends: "Handling signal: term",
  },
  {
    policy: "uvicorn",
    isChecked: true,
    options: ["--env=APP=asgi:app"],
    files: {
      "/app/asgi.py":
        'async def app(scope, receive, send):\n    if scope["type"] == "http":\n' +
        '        await send({"type": "http.response.start", "status": 200})\n' +
        '        await send({"type": "http.response.body", "body": b"word"})\n',
    },
    ask: `${CURL}:8000`,
    answer: "word",
    ends: "Finished server process",
  },
  {
    policy: "java",
    // A server that every Java has: its registry of remote objects, which answers a handshake with N.
    command: ["java", "-m", "java.rmi/sun.rmi.registry.RegistryImpl", "1099"],
    ask: over(1099, "JRMI\\0\\2K", "head -c 1"),
    answer: "N",
    reload: { signal: "QUIT", says: "Full thread dump", answer: "N" },
  },
  {
    policy: "cron",
    files: {
      "/etc/cron.d/word":
        "@reboot root echo begun >/srv/begun; while [ ! -e /srv/end ]; do sleep 0.1; done; echo finished >/proc/1/fd/1\n",
    },
    ask: "cat /srv/begun",
    answer: "begun",
    ends: "finished",
  },
  {
    policy: "sshd",
    isChecked: true,
    files: { "/etc/ssh/sshd_config.d/word.conf": "VersionAddendum before\nListenAddress 127.0.0.1\n" },
    ask: `${over(22, "", "head -n 1")} | grep -o '[a-z]*.$'`,
    answer: "before\r",
    reload: { signal: "HUP", file: "/etc/ssh/sshd_config.d/word.conf", answer: "after\r" },
    ends: "Received signal 15; terminating.",
  },
  {
    policy: "shell",
    command: ["/srv/entrypoint.sh"],
    files: {
      "/srv/entrypoint.sh": "#!/bin/sh\nnode /srv/server.js\n",
      "/srv/server.js": HTTP_OF_NODE("word"),
    },
    ask: `${CURL}:8000`,
    answer: "word",
    ends: "told to stop",
  },
];

const reason =
  (process.env["FDINIT_PROGRAMS"] === "1"
    ? undefined
    : "it takes a gigabyte of Debian's packages and ten minutes: bun run test:programs") ??
  missing("dockerd", "gcc", "unshare", "root") ??
  missingFor(portableTarget()) ??
  whyNoPrograms();

describeUnless(reason, "by its embedded policy in Docker,", () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await Engine.withFdinit();
    expect(engine.import("debian:12-slim", DEBIAN_PROGRAMS)).toMatchObject({ code: 0 });
    const context = temporaryDirectory();
    for (const { files = {} } of PROGRAMS)
      for (const [path, text] of Object.entries(files))
        await Bun.write(join(context, "files", path), text, { mode: path.endsWith(".sh") ? 0o755 : 0o644 });
    // The static executable needs nothing of the portable folder, whose executable it takes the place of.
    if (IS_QUICKJS) copyFileSync(FDINIT, join(context, "static"));
    writeFileSync(
      join(context, "Dockerfile"),
      `FROM debian:12-slim
COPY --from=fdinit /fdinit /fdinit
${IS_QUICKJS ? "COPY static /fdinit/fdinit\n" : ""}COPY files/ /
RUN install -d -o mysql /run/mysqld && install -d /run/sshd /run/apache2 && chmod -R a+rwX /srv && chmod a+x /srv/*.sh \\
  && ([ -d /var/lib/mysql/mysql ] || mariadb-install-db --user=mysql >/dev/null)
ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin
ENTRYPOINT ["/fdinit/fdinit"]
`,
    );
    const { code, stdout, stderr } = engine.buildFolder(IMAGE, context);
    expect({ code, output: code === 0 ? "" : stdout + stderr }).toEqual({ code: 0, output: "" });
  }, 400_000);

  afterAll(async () => {
    expect(await engine.stop()).toEqual([]);
  }, 60_000);

  test.each(PROGRAMS.map((program) => [program.policy, program] as const))(
    "%s serves, obeys its own signal, and stops in time with code 0",
    async (name, { policy, isChecked, options = [], command = [], ask, answer, reload, ends }) => {
      const words = ["run", "--detach", "--network=none", "--name", `fdinit-deploy-${name}`];
      const started = engine.docker(...words, ...options, IMAGE, "--policy", policy, ...command);
      expect(started).toMatchObject({ code: 0, stderr: "" });
      const id = started.stdout.trim();
      const within = (line: string) => engine.docker("exec", "--user=0", id, "bash", "-c", line).stdout;
      const said = () => {
        const { stdout, stderr } = engine.docker("logs", id);
        return stdout + stderr;
      };
      const answers = async (expected: string) => {
        let last = "";
        await until(`${policy} answers ${JSON.stringify(expected)}`, () => {
          last = within(ask).replace(/\n$/, "");
          return (
            last === expected ||
            engine.docker("inspect", "--format={{.State.Running}}", id).stdout !== "true\n"
          );
        });
        expect({ answer: last, said: last === expected ? "" : said() }).toEqual({
          answer: expected,
          said: "",
        });
      };
      await answers(answer);
      const told = (...words: string[]) => engine.docker("exec", id, "/fdinit/fdinit", ...words);
      await until(`${policy} is healthy`, () => told("health", "--quiet").code === 0);
      expect(JSON.parse(told("status", "--json").stdout).services[0].ready).toBe(isChecked);
      if (reload) {
        if (reload.file) within(`sed -i s/before/after/ ${reload.file}`);
        expect(engine.docker("kill", `--signal=${reload.signal}`, id).code).toBe(0);
        if (reload.says) await until(`it says ${reload.says}`, () => said().includes(reload.says ?? ""));
        await answers(reload.answer ?? "after");
      }
      await engine.hasReaped(id);
      if (policy === "cron") {
        // The job outlives cron, and is what the container waits for.
        expect(engine.docker("kill", "--signal=TERM", id).code).toBe(0);
        await until("cron has ended", () => said().includes("cron has ended"));
        within("touch /srv/end");
      } else expect(engine.docker("stop", "--time=10", id).code).toBe(0);
      const ended = engine.ended(id);
      const log = ended.stdout + ended.stderr;
      expect({ code: ended.code, log: ended.code === 0 ? "" : log }).toEqual({ code: 0, log: "" });
      // Nothing had to be killed, nothing was left, nothing went wrong.
      if (policy !== "cron") expect(log).not.toContain("fdinit:");
      if (ends) expect(log).toContain(ends);
    },
    60_000,
  );

  test("memcached by the policy's own command is ready; by another, on a port of its own, it is healthy without a check", async () => {
    const run = (...words: string[]) =>
      engine.docker("run", "--detach", "--network=none", "--user=memcache", ...words).stdout.trim();
    const health = (id: string) => engine.docker("exec", id, "/fdinit/fdinit", "health");
    const own = run(IMAGE, "--policy", "memcached");
    await until("it is ready", () => health(own).code === 0);
    const other = run(IMAGE, "--policy", "memcached", "memcached", "--port=11212");
    await until("it is healthy", () => health(other).code === 0);
    for (const id of [own, other]) {
      expect(engine.docker("stop", "--time=10", id).code).toBe(0);
      expect(engine.ended(id).code).toBe(0);
    }
  }, 60_000);

  test("nginx whose file is elsewhere than the policy says serves on, and health says what is missing", async () => {
    const words = ["run", "--detach", "--network=none", "--env=NGINX_PID=/run/elsewhere.pid"];
    const id = engine.docker(...words, IMAGE, "--policy", "nginx").stdout.trim();
    const within = (line: string) => engine.docker("exec", id, "bash", "-c", line);
    await until("it serves", () => within(`${CURL}/`).code === 0);
    expect(engine.docker("exec", id, "/fdinit/fdinit", "health")).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("/run/elsewhere.pid"),
    });
    expect(engine.docker("stop", "--time=10", id).code).toBe(0);
    expect(engine.ended(id).code).toBe(0);
  }, 60_000);
});
