// Several services in one container of a real Docker, from Debian's packages: nginx with php-fpm, and PostgreSQL with a
// migration and a web program. Each is started by readiness, killed, crashed in a loop and stopped by `docker stop`.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { portableTarget } from "../../scripts/portable.ts";
import { DEBIAN, whyNoDebian } from "../harness/debian.ts";
import { Engine } from "../harness/docker.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeUnless, missing } from "../harness/needs.ts";
import { until } from "../harness/processes.ts";
import { missingFor } from "../harness/targets.ts";

leaveNothingBehind();

const FROM = `FROM debian:12-slim
COPY --from=fdinit /fdinit /fdinit
COPY policy.yaml /etc/fdinit/policy.yaml
ENTRYPOINT ["/fdinit/fdinit"]
`;

const PHP = {
  "policy.yaml": `
version: 1
services:
  php:
    command: [php-fpm8.2, --nodaemonize]
    ready: { file: /run/php/php8.2-fpm.sock }
    stop: { signal: SIGQUIT, wait: 3s }
  nginx:
    command: [nginx, -g, "daemon off;"]
    dependsOn: { php: ready }
    ready: { tcp: ":80", period: 100ms }
    stop: { signal: SIGQUIT, wait: 3s }
shutdown: { budget: 8s }
log: { level: info }
control: { socket: "@fdinit" }
`,
  site: `server { listen 80; root /srv; location ~ \\.php$ { include snippets/fastcgi-php.conf; fastcgi_pass unix:/run/php/php8.2-fpm.sock; } }`,
  "index.php": `<?php echo "answer ", 6 * 7, "\\n";`,
  Dockerfile: `${FROM}COPY site /etc/nginx/sites-enabled/default
COPY index.php /srv/index.php
RUN mkdir -p /run/php
`,
};

const POSTGRES = {
  "policy.yaml": `
version: 1
services:
  db:
    command: [/usr/lib/postgresql/15/bin/postgres, -D, /data, -k, /tmp]
    user: postgres
    ready: { exec: [/usr/lib/postgresql/15/bin/pg_isready, -q, -h, /tmp], period: 100ms }
    stop: { signal: SIGINT, wait: 10s }
  migrate:
    command: [/usr/lib/postgresql/15/bin/psql, -q, -h, /tmp, -c, "create table visits (n int); insert into visits values (42)"]
    type: oneshot
    user: postgres
    dependsOn: { db: ready }
  web:
    command: [perl, /srv/web.pl]
    ready: { tcp: ":80", period: 100ms }
    dependsOn: { migrate: completed }
shutdown: { budget: 15s }
log: { level: info }
control: { socket: "@fdinit" }
`,
  "web.pl": `use IO::Socket::INET;
my $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1:80", Listen => 5) or die "$!\\n";
while (my $client = $listener->accept) {
  next unless <$client>; # a check of readiness asks for nothing
  my $visits = \`/usr/lib/postgresql/15/bin/psql -qAt -h /tmp -U postgres -c "update visits set n = n + 1 returning n"\`;
  print $client "HTTP/1.0 200 OK\\r\\n\\r\\nvisits $visits";
  close $client;
}
`,
  Dockerfile: `${FROM}COPY web.pl /srv/web.pl
RUN install -d -m 700 -o postgres /data && su postgres -c "/usr/lib/postgresql/15/bin/initdb -A trust -D /data >/dev/null"
`,
};

const reason = missing("dockerd", "gcc", "unshare", "root") ?? missingFor(portableTarget()) ?? whyNoDebian();

describeUnless(reason, "several services from Debian's packages in Docker", () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await Engine.withFdinit();
    expect(engine.import("debian:12-slim", DEBIAN)).toMatchObject({ code: 0 });
    for (const [tag, files] of Object.entries({ php: PHP, postgres: POSTGRES })) {
      const { code, stdout, stderr } = engine.build(tag, files);
      expect({ code, output: code === 0 ? "" : stdout + stderr }).toEqual({ code: 0, output: "" });
    }
  }, 400_000);

  afterAll(async () => {
    expect(await engine.stop()).toEqual([]);
  }, 60_000);

  function up(...words: string[]): string {
    const { code, stdout, stderr } = engine.docker("run", "--detach", "--network=none", ...words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return stdout.trim();
  }

  const fdinit = (id: string, ...words: string[]) => engine.docker("exec", id, "/fdinit/fdinit", ...words);

  async function healthy(id: string): Promise<void> {
    await until("the container is healthy", () => {
      if (fdinit(id, "health").code === 0) return true;
      if (engine.docker("inspect", "-f", "{{.State.Running}}", id).stdout.trim() === "true") return false;
      throw new Error(engine.docker("logs", id).stderr);
    });
  }

  function pidOf(id: string, service: string): number {
    const { services } = JSON.parse(fdinit(id, "status", "--json").stdout) as {
      services: { name: string; pid?: number }[];
    };
    return services.find(({ name }) => name === service)?.pid ?? 0;
  }

  const ask = (id: string, path: string) =>
    engine.docker(
      ...["exec", id, "bash", "-c"],
      `exec 3<>/dev/tcp/127.0.0.1/80; printf 'GET ${path} HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3`,
    ).stdout;

  /** The services in the order in which fdinit started them, by its own lines. */
  const started = (text: string) => [...text.matchAll(/started (\w+): it is pid/g)].map(([, name]) => name);

  test("nginx starts when php-fpm is ready, and docker stop lets both end by themselves", async () => {
    const id = up("php");
    await healthy(id);
    expect(ask(id, "/index.php")).toContain("answer 42");
    const began = performance.now();
    engine.docker("stop", "--time", "10", id);
    expect(performance.now() - began).toBeLessThan(9_000);
    const { code, stderr } = engine.ended(id);
    expect({ code, started: started(stderr) }).toEqual({ code: 0, started: ["php", "nginx"] });
    expect(stderr).not.toContain("SIGKILL");
    expect(stderr.indexOf("nginx exited with code 0")).toBeLessThan(stderr.indexOf("stopping php"));
  }, 60_000);

  test("a killed php-fpm, whose workers live on, ends the container with 137, and a killed nginx too", async () => {
    for (const service of ["php", "nginx"]) {
      const id = up("php");
      await healthy(id);
      engine.docker("exec", id, "bash", "-c", `kill -9 ${pidOf(id, service)}`);
      expect(Number(engine.docker("wait", id).stdout)).toBe(137);
      const { stderr } = engine.ended(id);
      expect(stderr).toContain(`${service} was killed by SIGKILL, which ends the container`);
    }
  }, 60_000);

  test("PostgreSQL, its migration and the web program run in this order; a killed database gives its code", async () => {
    const id = up("postgres");
    await healthy(id);
    for (const visits of [43, 44]) expect(ask(id, "/")).toEndWith(`visits ${visits}\n`);
    // Docker's log may be behind.
    await until("all are started", () => started(engine.docker("logs", id).stderr).length === 3);
    expect(started(engine.docker("logs", id).stderr)).toEqual(["db", "migrate", "web"]);
    engine.docker("exec", id, "bash", "-c", `kill -9 ${pidOf(id, "db")}`);
    expect(Number(engine.docker("wait", id).stdout)).toBe(137);
    engine.ended(id);
  }, 60_000);

  test("docker stop ends the web program, then the database, which shuts down in order", async () => {
    const id = up("postgres");
    await healthy(id);
    engine.docker("stop", "--time", "20", id);
    const { code, stderr } = engine.ended(id);
    expect(stderr).toContain("database system is shut down");
    expect(stderr.indexOf("web was killed by SIGTERM")).toBeLessThan(stderr.indexOf("stopping db"));
    // No service has decided the code before the shutdown: the first essential end is the web program's.
    expect(code).toBe(143);
  }, 60_000);

  test("a migration that fails ends the container with its code, and the web program never starts", async () => {
    const files = {
      ...POSTGRES,
      "policy.yaml": POSTGRES["policy.yaml"].replace("create table", "create nonsense"),
    };
    expect(engine.build("broken", files)).toMatchObject({ code: 0 });
    const id = up("broken");
    expect(Number(engine.docker("wait", id).stdout)).toBe(1);
    const { stderr } = engine.ended(id);
    expect(started(stderr)).toEqual(["db", "migrate"]);
    expect(stderr).toContain("database system is shut down");
  }, 60_000);

  test("a crash loop ends at its limit with the service's code, and a slow stop within the budget", async () => {
    const policy = (app: string) => ({
      "policy.yaml": `
version: 1
services:
  app: { command: [bash, -c, "${app}"], restart: { policy: onFailure, backoff: 1ms..4ms, limit: 3/1m } }
  other: { command: [sleep, "10000"] }
shutdown: { budget: 2s }
control: { socket: "@fdinit" }
`,
      Dockerfile: FROM,
    });
    expect(engine.build("crash", policy("exit 7"))).toMatchObject({ code: 0 });
    const crashed = engine.run("crash");
    expect(crashed.code).toBe(7);
    expect(crashed.stderr).toContain("3 restarts within 1 min are the limit");
    expect(engine.build("slow", policy("trap '' TERM; while :; do sleep 0.1; done"))).toMatchObject({
      code: 0,
    });
    const id = up("slow");
    await healthy(id);
    engine.docker("stop", "--time", "10", id);
    const { code, stderr } = engine.ended(id);
    // fdinit answers for it: Docker's own SIGKILL would leave no line.
    // Its share of the budget ends with the budget: either is said, as the clock has it.
    expect(stderr).toMatch(/app has not ended in time: SIGKILL|the shutdown budget is used up/);
    expect([137, 143]).toContain(code);
  }, 60_000);
});
