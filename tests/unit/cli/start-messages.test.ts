// The words about a start that fails or goes with a warning: the file, the line, the column and the key of the policy that decided
// it, the code, and what is missing.

import { describe, expect, test } from "bun:test";
import { linesOf, type Message } from "../../../init/cli/output/say.ts";
import { launchFailure } from "../../../init/cli/start/launch-failure.ts";
import { refusal, sayWarnings } from "../../../init/cli/start/refusal.ts";
import type { LaunchFailure } from "../../../init/launch/result.ts";
import type { LaunchStage } from "../../../init/launch/stages.ts";
import { loadPolicy } from "../../../init/policy/load.ts";
import { builtInPolicy } from "../../../init/policy/meaning/built-in.ts";
import { EACCES, ENOENT, EPERM } from "../../../init/sys/libc/errno.ts";
import { bytesOf } from "../../../init/sys/text/bytes.ts";
import { fakeKernel } from "../fake-kernel.ts";

const POLICY = `version: 1
fds:
  open:
    web: { listen: "*:80" }
    log: { file: /var/log/x, access: append, owner: app }
  inherited:
    rules:
      - { match: { fd: 7 }, action: refuse }
limits: { nofile: { hard: 9000000 } }
services:
  app:
    command: [/srv/app]
    user: app
    cwd: /srv
    capabilities: { keep: [CAP_KILL] }
    fds: { pass: { web: 3, log: 4 } }
`;

const ROOT_WITHOUT = "Name:\tfdinit\nCapEff:\t0000000000000000\n";

interface Place {
  readonly policy?: string;
  readonly files?: Readonly<Record<string, string>>;
  /** st_mode, or a negated errno, by path; anything else is a file that everybody may execute. */
  readonly modes?: Readonly<Record<string, number>>;
}

function placeWith({ policy = POLICY, files = {}, modes = {} }: Place) {
  const all: Readonly<Record<string, string>> = {
    "p.yaml": policy,
    "/proc/self/status": ROOT_WITHOUT,
    "/proc/self/setgroups": "allow\n",
    ...files,
  };
  const reading = (path: unknown) => {
    const text = all[String(path)];
    return text === undefined ? -ENOENT : bytesOf(text);
  };
  return fakeKernel([], {
    pathMode: (path) => modes[String(path)] ?? 0o40755,
    commandLineArgument: () => bytesOf("chek"),
    readSource: reading,
    readFile: reading,
  });
}

function policyOf(text: string) {
  const loaded = loadPolicy({ name: "p.yaml", bytes: Buffer.from(text) }, () => undefined);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.issues));
  return loaded.policy;
}

function said(failure: LaunchFailure, place: Place = {}, programAt?: number): string {
  const policy = policyOf(place.policy ?? POLICY);
  const [, message] = launchFailure(
    placeWith(place),
    policy,
    failure,
    programAt === undefined ? {} : { programAt },
  );
  expect(message.stage).toBe(failure.stage);
  return linesOf(message).join("\n");
}

/** As the launch room gives it: the error and the call stand in the message. */
function failed(stage: LaunchStage, message: string, more: Partial<LaunchFailure> = {}): LaunchFailure {
  const [, call, name = ""] = /(?:\(([^()]*)\): )?(E[A-Z]+)/.exec(message) ?? [];
  const errno = ({ EPERM, EACCES, ENOENT } as Readonly<Record<string, number>>)[name];
  return {
    stage,
    message,
    ...(errno === undefined ? {} : { errno }),
    ...(call === undefined ? {} : { call }),
    ...more,
  };
}

const ofApp = (stage: LaunchStage, message: string) => failed(stage, message, { service: "app" });
const opening = (name: string, kind: string, message: string) =>
  failed("open", message, { at: ["fds", "open", name, kind] });

describe("a failed start names the place of the key that is at fault", () => {
  test.each([
    [
      ofApp("find-user", 'cannot start app: no user "app" in /etc/passwd'),
      13,
      "services.app.user",
      "cannot-start",
    ],
    [ofApp("user", "cannot become user 7 (setresuid): EPERM: no"), 13, "services.app.user", "cannot-start"],
    [
      ofApp("groups", "cannot take the groups 7 (setgroups): EPERM: no"),
      13,
      "services.app.user",
      "cannot-start",
    ],
    [
      ofApp("working-directory", 'cannot change to "/srv" (chdir): ENOENT: no'),
      14,
      "services.app.cwd",
      "cannot-start",
    ],
    [
      ofApp("bounding-set", "cannot give up capability 0 (PR_CAPBSET_DROP): EPERM: no"),
      15,
      "services.app.capabilities",
      "cannot-start",
    ],
    [
      ofApp("find-program", 'cannot execute "/srv/app": ENOENT: no'),
      12,
      "services.app.command[0]",
      "not-found",
    ],
    [
      ofApp("execute", 'cannot execute "/srv/app": EACCES: no'),
      12,
      "services.app.command[0]",
      "not-executable",
    ],
    [
      opening("web", "listen", "cannot open listener (bind *:80): EADDRINUSE: no"),
      4,
      "fds.open.web.listen",
      "kernel",
    ],
    [
      opening("log", "file", 'cannot open "log" (open /var/log/x): ENOENT: no'),
      5,
      "fds.open.log.file",
      "kernel",
    ],
    [
      opening("log", "file", 'cannot open "log": no user "app" in /etc/passwd'),
      5,
      "fds.open.log.owner",
      "kernel",
    ],
    [
      failed("open-files-limit", "cannot set RLIMIT_NOFILE to 1:2 (prlimit): EPERM: no"),
      9,
      "limits.nofile",
      "kernel",
    ],
  ] as const)("%o", (failure, line, key, code) => {
    const text = said(failure);
    expect(text).toMatch(new RegExp(`^p\\.yaml:${line}:\\d+: `));
    expect(text).toContain(`(${key})`);
    expect(text).toContain(`[${code}]`);
    expect(text).toContain(POLICY.split("\n")[line - 1] as string);
  });

  test("and none where the policy does not hold the key, or there is no policy", () => {
    const limits = ofApp(
      "limit",
      "cannot start app: cannot set the limit nofile to 1:2 (prlimit64): EPERM: no",
    );
    expect(said(limits)).toMatch(/^cannot start app: .* \[cannot-start\]\n/);
    const failure = failed("find-program", 'cannot execute "x": not found in PATH');
    expect(launchFailure(placeWith({}), builtInPolicy("security"), failure, {})).toEqual([
      127,
      { stage: "find-program", text: ['cannot execute "x": not found in PATH [not-found]'] },
    ]);
  });

  test("and none of the policy's command where the command line names the program", () => {
    const failure = ofApp("find-program", 'cannot execute "chek": not found');
    expect(said(failure, {}, 1)).toBe(
      'cannot execute "chek": not found [not-found]\n    did you mean the subcommand "check"?',
    );
  });
});

describe("EPERM and EACCES say what is missing", () => {
  test.each([
    ["user", "cannot become uid 7 (setresuid): EPERM: no", "CAP_SETUID"],
    ["groups", "cannot take the groups 7 (setgroups): EPERM: no", "CAP_SETGID"],
    ["open", "cannot open listener (bind *:80): EACCES: no", "CAP_NET_BIND_SERVICE"],
    ["open", "cannot open it (give it to app, chown): EPERM: no", "CAP_CHOWN"],
    ["limit", "cannot set the limit nofile to 1:2 (prlimit64): EPERM: no", "CAP_SYS_RESOURCE"],
    ["oom-score", "cannot set the OOM score adjustment -9 (write): EACCES: no", "CAP_SYS_RESOURCE"],
  ] as const)("the capability of the stage %s: %s", (stage, message, missing) => {
    expect(said(ofApp(stage, message))).toContain(`${missing}, which fdinit does not have`);
  });

  test("the capability that cannot be given up, by its name", () => {
    expect(
      said(ofApp("bounding-set", "cannot give up capability 10 (PR_CAPBSET_DROP): EPERM: no")),
    ).toContain("cannot give up CAP_NET_BIND_SERVICE (PR_CAPBSET_DROP)");
  });

  test("something else, where fdinit has the capability", () => {
    const files = { "/proc/self/status": "CapEff:\t000001ffffffffff\n" };
    const text = said(ofApp("user", "cannot become user 7 (setresuid): EPERM: no"), { files });
    expect(text).toContain("fdinit has CAP_SETUID, so a seccomp profile");
  });

  test("the kernel's own limit, which no capability raises", () => {
    const message = "cannot start app: cannot set the limit nofile to 1:2000000000 (prlimit64): EPERM: no";
    const text = said(ofApp("limit", message), { files: { "/proc/sys/fs/nr_open": "1048576\n" } });
    expect(text).toContain("at most 1048576 (fs.nr_open)");
  });

  test("a user namespace that forbids setgroups", () => {
    const files = { "/proc/self/setgroups": "deny\n" };
    expect(said(ofApp("groups", "x (setgroups): EPERM: no"), { files })).toContain("/proc/self/setgroups");
  });

  const message = 'cannot execute "/x/app": EACCES: permission denied';
  const execution = ofApp("execute", message);
  test.each([
    [{ "/x/app": 0o040755 }, "", "it is a directory"],
    [{ "/x/app": 0o100644 }, "", "chmod +x"],
    [{ "/x/app": 0o100750 }, "", "only its owner or group may execute it (mode 0750)"],
    [{ "/x/app": 0o100755, "/x": 0o040700 }, "", 'may enter the folder "/x" (mode 0700)'],
    [{ "/x/app": -EACCES, "/x": 0o040700 }, "", `fdinit's user may not enter the folder "/x"`],
    [
      { "/x/app": 0o100755 },
      "1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /x rw,noexec - tmpfs b rw\n",
      "/x, which is mounted noexec",
    ],
  ])("%o: %s%s", (modes, mounts, hint) => {
    const files = { "/proc/self/mountinfo": mounts };
    expect(said(execution, { files, modes: modes as Record<string, number> })).toContain(hint);
  });

  test("a folder on the way to a working directory, a file, a socket", () => {
    const modes = { "/x": 0o040700 };
    for (const failed of [
      ofApp("working-directory", 'cannot change to the working directory "/x/y" (chdir): EACCES: no'),
      opening("log", "file", 'cannot open "log" (open /x/y): EACCES: no'),
      opening("web", "listen", 'cannot open listener "web" (bind unix:/x/y): EACCES: no'),
    ])
      expect(said(failed, { modes })).toContain('may enter the folder "/x" (mode 0700)');
  });
});

describe("what a plan refuses or warns of", () => {
  const policy = policyOf(POLICY);
  test("has the place of the rule, and the code", () => {
    const refusals = [
      {
        code: "descriptor",
        message: "descriptor 7 (file /a) was inherited and fds.inherited.rules[0] of the policy refuses it",
        at: ["fds", "inherited", "rules", 0],
      },
      { code: "descriptor", message: "the working directory lies outside" },
    ] as const;
    const [code, first, second] = refusal(placeWith({}), policy, { ok: false, code: "descriptor", refusals });
    expect(code).toBe(77);
    expect(linesOf(first as Message)[0]).toBe(
      "p.yaml:8:9: descriptor 7 (file /a) was inherited and fds.inherited.rules[0] of the policy refuses it [descriptor]",
    );
    expect(second).toEqual(["the working directory lies outside [descriptor]"]);
  });

  test("a warning has it on one line", () => {
    const warnings = [
      { message: 'descriptor "web" is given to no service', at: ["fds", "open", "web"] },
      { message: "b" },
    ];
    const lines: unknown[] = [];
    sayWarnings((level, line) => lines.push([level, line]), placeWith({}), policy, warnings);
    expect(lines).toEqual([
      ["warn", 'p.yaml:4:5: descriptor "web" is given to no service (fds.open.web)'],
      ["warn", "b"],
    ]);
  });
});
