// The examples of docs/migrating.md, run: what is there before, and the policy after it, start the same programs. Stand-ins
// of these programs say who they are.

import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeUnless, missing, testUnless } from "../harness/needs.ts";
import { policy, type Running, start } from "../harness/run.ts";

leaveNothingBehind();

const PAGE = readFileSync(join(ROOT, "docs/migrating.md"), "utf8");

function example(when: "before" | "after", name: string): string {
  const found = new RegExp(`<!-- ${when}: ${name} -->\\n\`\`\`\\w*\\n([^]*?)\`\`\``).exec(PAGE)?.[1];
  if (found === undefined) throw new Error(`docs/migrating.md has no ${when} of ${name}`);
  return found;
}

const SAY = 'echo "$(basename $0) $(id -un) $*"';
const STAY = "exec sleep 10000";
const STAND_INS: Readonly<Record<string, string>> = {
  "php-fpm": `${SAY}; : > $DIRECTORY/php-fpm.ready; ${STAY}`,
  nginx: `${SAY}; ${STAY}`,
  migrate: SAY,
  web: `${SAY}; echo >&3; ${STAY}`,
  "s6-setuidgid": 'user=$1; shift; exec setpriv --reuid $user --clear-groups -- "$@"',
  gosu: 'user=$1; shift; exec setpriv --reuid $user --clear-groups -- "$@"',
  envsubst: "sed s/NAME/filled/",
  cron: `${SAY}; ${STAY}`,
  "wait-for-it": SAY,
  app: `${SAY}; cat $2; ${STAY}`,
};

/** A folder with the stand-ins, which is first in PATH. Paths below /tmp of the examples are in it. */
function folder() {
  const directory = temporaryDirectory();
  chmodSync(directory, 0o777);
  for (const [name, script] of Object.entries(STAND_INS)) {
    writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(directory, name), 0o755);
  }
  writeFileSync(join(directory, "app.conf.template"), "NAME\n");
  const env = { PATH: `${directory}:${process.env["PATH"]}`, DIRECTORY: directory };
  return { directory, env, here: (text: string) => text.replaceAll("/tmp/", `${directory}/`) };
}

/** The entrypoint before has no init: the shell that is PID 1 then ignores SIGTERM, and is killed. */
async function said(
  running: Running,
  count: number,
  end: "SIGTERM" | "SIGKILL" = "SIGKILL",
): Promise<string[]> {
  const heard: string[] = [];
  while (heard.length < count) {
    const line = await running.line();
    // supervisord's own lines have a date.
    if (!/^\d{4}-/.test(line)) heard.push(line);
  }
  process.kill(await running.pid(), end);
  await running.ended();
  return heard;
}

function after(name: string, count: number): Promise<string[]> {
  const { env, here } = folder();
  return said(start({ run: [], options: policy(here(example("after", name))), env }), count, "SIGTERM");
}

describeUnless(missing("gcc", "unshare", "root"), "an example of docs/migrating.md", () => {
  const none = Bun.which("supervisord")
    ? undefined
    : "supervisord is not installed (apt-get install supervisor)";

  const PHP = ["php-fpm root --nodaemonize", "nginx root -g daemon off;"];

  testUnless(none, "from supervisord: what is there before", async () => {
    const { directory, env, here } = folder();
    const file = join(directory, "supervisord.conf");
    writeFileSync(file, here(example("before", "supervisord")));
    // It opens its output by name, which the pipe of a shell lets it do, and the socket of the test does not.
    const run = ["sh", "-c", `supervisord -c ${file} | cat`];
    const heard = await said(start({ run, direct: true, env, cwd: directory }), 2);
    expect(heard.sort()).toEqual([...PHP].sort());
  });

  test("from supervisord: the policy, which waits for the socket", async () => {
    expect(await after("supervisord", 2)).toEqual(PHP);
  });

  const S6 = ["migrate root ", "web www-data "];

  test("from s6-overlay: the scripts that are there before, in the order of their dependencies", async () => {
    const { directory, env } = folder();
    for (const line of example("before", "s6").trim().split("\n")) {
      const [path = "", ...words] = line.split(/\s+/);
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), `${words.join(" ")}\n`);
    }
    const [up, run] = ["migrate/up", "web/run"].map((name) => join(directory, "s6-rc.d", name));
    const both = `sh ${up}; exec 3>/dev/null; . ${run}`;
    expect(await said(start({ run: ["sh", "-c", both], direct: true, env }), 2)).toEqual(S6);
  });

  test("from s6-overlay: the policy", async () => {
    expect(await after("s6", 2)).toEqual(S6);
  });

  test("from a shell entrypoint: before and after", async () => {
    const { directory, env, here } = folder();
    const file = join(directory, "entrypoint");
    writeFileSync(file, here(example("before", "shell")));
    const named = (lines: readonly string[]) => lines.map((line) => line.replace(/\/\S*\//, "")).sort();
    const expected = [
      "app www-data --config app.conf",
      "cron root -f",
      "filled",
      "wait-for-it root 127.0.0.1:5432",
    ];
    const before = await said(start({ run: ["sh", file], direct: true, env }), 4);
    expect(named(before)).toEqual(expected);
    expect(named(await after("shell", 4))).toEqual(expected);
  });
});
