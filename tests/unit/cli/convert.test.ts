import { describe, expect, test } from "bun:test";
import { convert } from "../../../init/cli/convert/convert.ts";
import { loadPolicy } from "../../../init/policy/load.ts";
import type { Policy } from "../../../init/policy/types.ts";
import { ENOENT, ENOTDIR } from "../../../init/sys/libc/errno.ts";
import { bytesOf } from "../../../init/sys/text/bytes.ts";
import { fakeKernel } from "../fake-kernel.ts";

/** Runs `fdinit convert` over files in memory; folders are what their paths say. */
function run(files: Record<string, string>, path: string, from?: string) {
  let out = "";
  const kernel = fakeKernel([], {
    readFile: (name) =>
      Object.hasOwn(files, name as string) ? bytesOf(files[name as string] ?? "") : -ENOENT,
    listFolder: (name) => {
      if (Object.hasOwn(files, name)) return -ENOTDIR;
      const below = Object.keys(files).filter((file) => file.startsWith(`${name}/`));
      if (below.length === 0) return -ENOENT;
      return [...new Set(below.map((file) => file.slice(name.length + 1).replace(/\/.*$/, "/")))].sort();
    },
    write: (_fd, text) => {
      out += text;
      return 0;
    },
  });
  const options = from === undefined ? {} : { from };
  return { ...convert(kernel, { do: "convert", options: {}, operands: [path], ...options }), out };
}

function policyFrom(files: Record<string, string>, path: string): { policy: Policy; notes: string } {
  const { code, out, complaint } = run(files, path);
  expect([code, complaint]).toEqual([0, undefined]);
  const loaded = loadPolicy({ name: path, bytes: bytesOf(out) }, () => undefined);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.issues));
  return {
    policy: loaded.policy,
    notes: out
      .split("\n")
      .filter((line) => line.startsWith("#"))
      .join("\n"),
  };
}

const SIGQUIT = 3;
const SIGTERM = 15;

describe("fdinit convert", () => {
  test("reads the last stage of a Dockerfile, and takes tini and gosu off the command", () => {
    const text = [
      "FROM debian AS build",
      'ENTRYPOINT ["make"]',
      "FROM debian:12",
      "WORKDIR /srv",
      "STOPSIGNAL SIGQUIT",
      'ENTRYPOINT ["/usr/bin/tini", "-g", "-e", "143", \\',
      '  "--", "gosu", "app:app"]',
      'CMD ["node", "server.js", "$HOME ${X}"]',
    ].join("\n");
    const { policy } = policyFrom({ Dockerfile: text }, "Dockerfile");
    const [service] = policy.services;
    expect(service.command).toEqual(["node", "server.js", "$HOME ${X}"]);
    expect(service.user).toEqual({ user: "app", group: "app" });
    expect(service.cwd).toBe("/srv");
    expect(service.signals.to).toBe("group");
    expect(service.signals.rewrite.get(SIGTERM)).toBe(SIGQUIT);
    expect(policy.exitMap.get(143)).toBe(0);
  });

  test("reads dumb-init's rewrites, and its session", () => {
    const text = 'ENTRYPOINT ["dumb-init", "-r", "15:3", "--rewrite=1:0", "--", "app"]';
    const [service] = policyFrom({ Dockerfile: text }, "Dockerfile").policy.services;
    expect([...service.signals.rewrite]).toEqual([
      [SIGTERM, SIGQUIT],
      [1, "ignore"],
    ]);
    expect(service.setsid).toBe(true);
  });

  test("reads every program of a supervisord.conf", () => {
    const text =
      '[supervisord]\nnodaemon=true\n[program:web]\ncommand=/usr/sbin/nginx -g "daemon off;" ; front\nstopsignal=QUIT\nstopwaitsecs=20\nautorestart=true\nenvironment=A="1",B=two\nnumprocs=2\n[program:php]\ncommand=php-fpm\n';
    const { policy, notes } = policyFrom({ "supervisord.conf": text }, "supervisord.conf");
    const [service] = policy.services;
    expect([service.name, service.command]).toEqual(["web", ["/usr/sbin/nginx", "-g", "daemon off;"]]);
    expect(service.restart.policy).toBe("always");
    expect(service.env).toEqual({ A: "1", B: "two" });
    expect(service.stop?.[0]).toEqual({ signal: SIGQUIT, waitMs: 20_000 });
    expect(policy.services.map(({ name, command }) => [name, command])).toEqual([
      ["web", ["/usr/sbin/nginx", "-g", "daemon off;"]],
      ["php", ["php-fpm"]],
    ]);
    expect(notes).toContain("numprocs=2");
    expect(notes).toContain("essential: false");
  });

  test("reads a systemd unit", () => {
    const text =
      '[Service]\nExecStart=/usr/bin/app --port 80\nUser=app\nEnvironment="A=b c" D=e\nRestart=on-failure\nTimeoutStopSec=1min 30s\nLimitNOFILE=1024:4096\nProtectSystem=strict\n';
    const { policy, notes } = policyFrom({ "my.service": text }, "my.service");
    const [service] = policy.services;
    expect(service.env).toEqual({ A: "b c", D: "e" });
    expect(service.restart.policy).toBe("onFailure");
    expect(policy.shutdown.steps[0]?.waitMs).toBe(90_000);
    expect(notes).toContain("ProtectSystem=strict");
  });

  test("reads every service of a Compose file that names its program, with the order and each one's own signals", () => {
    const text = `services:
  web:
    command: tini -g -- nginx
    stop_grace_period: 20s
    depends_on: { db: { condition: service_healthy }, setup: { condition: service_completed_successfully }, cache: { condition: service_started } }
  db: { command: postgres, stop_signal: SIGINT }
  setup: { command: ./migrate }
  cache: { image: redis }
`;
    const { policy, notes } = policyFrom({ "compose.yaml": text }, "compose.yaml");
    const [web, db, ...others] = policy.services;
    expect([web.name, db?.name, ...others.map(({ name }) => name)]).toEqual(["web", "db", "setup"]);
    expect([...(web.dependsOn ?? [])]).toEqual([
      ["db", "started"],
      ["setup", "completed"],
    ]);
    expect([web.signals.to, db?.signals.to]).toEqual(["group", "process"]);
    expect(web.stop?.[0]?.waitMs).toBe(20_000);
    for (const note of ["an image that holds all", "the service cache", "depends_on of web"])
      expect(notes).toContain(note);
  });

  test("gives the program the dollar signs that Compose would, and says where Compose puts something of its own", () => {
    const text = `services:
  web:
    command: [sh, -c, "echo $$HOME $\${X} \${TAG:-latest}"]
    environment: [A=$$1, TOKEN]
  db: { command: postgres, environment: { B: 1, C: } }
`;
    const { policy, notes } = policyFrom({ "compose.yaml": text }, "compose.yaml");
    const [web, db] = policy.services;
    expect(web.command).toEqual(["sh", "-c", "echo $HOME ${X} ${TAG:-latest}"]);
    expect([web.env, db?.env]).toEqual([{ A: "$1" }, { B: "1" }]);
    for (const note of ["variable TAG there", "web.environment TOKEN", "db.environment C"])
      expect(notes).toContain(note);
    expect(notes).not.toContain("variable HOME");
  });

  test("reads the notification, the watchdog and the variables' files of a systemd unit", () => {
    const text =
      "[Service]\nExecStart=/usr/sbin/app\nType=notify\nWatchdogSec=30\nEnvironmentFile=/etc/app.env\nEnvironmentFile=-/etc/default/app\n";
    const { policy, notes } = policyFrom({ "app.service": text }, "app.service");
    const [app] = policy.services;
    expect([app.ready?.by, app.watchdogMs, app.envFile]).toEqual(["sdNotify", 30_000, ["/etc/app.env"]]);
    expect(notes).toContain("/etc/default/app: the file may be absent");
  });

  test("says of a supervisord program what nothing here stands for", () => {
    const text = "[program:a]\ncommand=/bin/a --home %(ENV_HOME)s\nautostart=false\n";
    const { notes } = policyFrom({ "supervisord.conf": text }, "supervisord.conf");
    for (const note of ["autostart of a", "command=/bin/a --home %(ENV_HOME)s"])
      expect(notes).toContain(note);
  });

  test("waits as s6-rc does for a service that tells when it is ready, and names the files that it leaves out", () => {
    const files = {
      "s6/web/run": "#!/bin/execlineb -P\nnginx\n",
      "s6/web/type": "longrun\n",
      "s6/web/dependencies.d/db": "",
      "s6/web/producer-for": "web-log\n",
      "s6/db/run": "#!/bin/execlineb -P\npostgres\n",
      "s6/db/type": "longrun\n",
      "s6/db/notification-fd": "3\n",
      "s6/db/env/PGDATA": "/data\n",
    };
    const { policy, notes } = policyFrom(files, "s6");
    const web = policy.services.find(({ name }) => name === "web");
    expect([...(web?.dependsOn ?? [])]).toEqual([["db", "ready"]]);
    for (const note of ["web/producer-for", "db/env/"]) expect(notes).toContain(note);
  });

  test("reads a Compose file of one program", () => {
    const text =
      "services:\n  web:\n    image: nginx\n    command: nginx -g 'daemon off;'\n    environment: [A=1]\n    stop_grace_period: 1m30s\n    restart: always\n    userns_mode: host\n";
    const { policy, notes } = policyFrom({ "compose.yaml": text }, "compose.yaml");
    expect(policy.services[0].command).toEqual(["nginx", "-g", "daemon off;"]);
    expect(policy.services[0].env).toEqual({ A: "1" });
    expect(policy.shutdown.budgetMs).toBe(90_000);
    expect(notes).toContain("userns_mode");
  });

  test("reads a folder of s6-overlay, down to the user of its run script", () => {
    const files = {
      "s6/web/run": '#!/usr/bin/with-contenv sh\nexec s6-setuidgid www nginx -g "daemon off;"\n',
      "s6/web/type": "longrun\n",
      "s6/web/dependencies.d/init": "",
      "s6/web/dependencies.d/base": "",
      "s6/web/notification-fd": "3\n",
      "s6/init/type": "oneshot\n",
      "s6/init/up": "/etc/s6-overlay/scripts/init\n",
    };
    const { policy } = policyFrom(files, "s6");
    const web = policy.services.find(({ name }) => name === "web");
    expect(web?.command).toEqual(["nginx", "-g", "daemon off;"]);
    expect(web?.user).toEqual({ user: "www" });
    expect([...(web?.dependsOn ?? [])]).toEqual([["init", "completed"]]);
    expect(web?.ready).toMatchObject({ by: "notify", fd: 3 });
    expect(policy.services.find(({ name }) => name === "init")).toMatchObject({
      type: "oneshot",
      command: ["/etc/s6-overlay/scripts/init"],
    });
  });

  test("says what it cannot read or recognise, with exit code 64", () => {
    expect(run({}, "nope").code).toBe(64);
    expect(run({ x: "hello\n" }, "x").code).toBe(64);
    expect(run({ x: "hello\n" }, "x").complaint).toContain("--from");
  });
});
