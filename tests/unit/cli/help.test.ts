import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { launchExit } from "../../../init/cli/exit-codes.ts";
import { COMMANDS, EXIT_TABLE } from "../../../init/cli/help/command-table.ts";
import { completion } from "../../../init/cli/help/completion.ts";
import { help } from "../../../init/cli/help/help.ts";
import { MESSAGES, START_MESSAGES } from "../../../init/cli/help/messages.ts";
import { keyNames } from "../../../init/cli/help/schema-keys.ts";
import { SUBCOMMANDS } from "../../../init/cli/invocation.ts";
import { launchFailure } from "../../../init/cli/start/launch-failure.ts";
import type { LaunchFailure } from "../../../init/launch/result.ts";
import { type LaunchStage, STAGE_WORDS } from "../../../init/launch/stages.ts";
import { loadPolicy } from "../../../init/policy/load.ts";
import { EACCES, EAGAIN, ENOENT, EPERM } from "../../../init/sys/libc/errno.ts";
import { bytesOf } from "../../../init/sys/text/bytes.ts";
import { fakeKernel } from "../fake-kernel.ts";
import { brief } from "../policy/reading.ts";

function explained(about?: string) {
  let out = "";
  const kernel = fakeKernel([], {
    write: (_fd, text) => {
      out += text;
      return 0;
    },
  });
  const outcome = help(kernel, { do: "help", options: {}, operands: about === undefined ? [] : [about] });
  return { ...outcome, out };
}

describe("fdinit help", () => {
  const things = [
    ...COMMANDS.map(({ name }) => name),
    ...Object.keys(MESSAGES),
    ...Object.keys(START_MESSAGES),
    ...EXIT_TABLE.map(({ code }) => code),
    ...keyNames(),
    "services.app.restart.policy",
    "fds.open.admin.listen",
    "fds.inherited.rules[0].match.kind",
    "143",
  ];
  test("explains every subcommand, key, code of a message and exit code", () => {
    for (const thing of things) {
      const { code, out } = explained(thing);
      expect([thing, code, out.length > 40]).toEqual([thing, 0, true]);
      for (const line of out.split("\n")) expect(line.length).toBeLessThan(230);
    }
  });
  test("guesses what was meant otherwise, and ends with 64", () => {
    expect(explained("shutdown.bugdet")).toMatchObject({
      code: 64,
      complaint: expect.stringContaining("shutdown.budget"),
    });
    expect(explained("unknwon-key").complaint).toContain("did you mean unknown-key?");
  });
  test("names every subcommand of this version, and no other", () => {
    const { out } = explained();
    for (const { name } of COMMANDS) expect(out).toContain(`fdinit ${name}`);
    for (const name of SUBCOMMANDS)
      if (!COMMANDS.some((command) => command.name === name)) expect(out).not.toContain(`fdinit ${name}`);
  });
});

describe("the examples of each message", () => {
  for (const [code, { wrong, right }] of Object.entries(MESSAGES)) {
    if (wrong !== undefined)
      test(`${code}: the wrong one gets it`, () => expect(brief(`${wrong}\n`).join()).toContain(code));
    if (right !== undefined)
      test(`${code}: the right one is accepted`, () => {
        expect(loadPolicy({ name: "p", bytes: Buffer.from(right) }, () => undefined)).toMatchObject({
          ok: true,
        });
      });
  }
});

describe("completions", () => {
  const script = (shell: string) => {
    let out = "";
    const kernel = fakeKernel([], {
      write: (_fd, text) => {
        out += text;
        return 0;
      },
    });
    const outcome = completion(kernel, { do: "completion", options: {}, operands: [shell] });
    return { ...outcome, out };
  };
  /** Bash's offers behind these words, the last of them begun. */
  const offered = (...words: string[]) => {
    const run = Bun.spawnSync(
      [
        "bash",
        "-c",
        `${script("bash").out}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _fdinit; printf '%s\\n' "\${COMPREPLY[@]}"`,
        "bash",
        "fdinit",
        ...words,
      ],
      { cwd: import.meta.dir },
    );
    expect(run.stderr.toString()).toBe("");
    return run.stdout.toString().trim().split("\n").sort();
  };
  test("of bash know subcommands, options and their values", () => {
    expect(offered("che")).toContain("check");
    expect(offered("check", "--f")).toEqual(["--format"]);
    expect(offered("check", "--format", "")).toEqual(["github", "json", "sarif", "text"]);
    expect(offered("--intent", "s")).toEqual(["security", "simplicity"]);
    expect(offered("completion", "")).toEqual(["--help", "-h", "bash", "fish", "zsh"]);
    expect(offered("policies", "n")).toEqual(["nginx", "node"]);
    expect(offered("check", "help.te")).toEqual(["help.test.ts"]);
  });
  const fish = Bun.which("fish");
  test.skipIf(fish === null)("of fish know subcommands, options and their values", () => {
    const completed = (line: string) => {
      const command = `source /dev/stdin; complete -C ${JSON.stringify(line)}`;
      const run = Bun.spawnSync([fish ?? "fish", "--no-config", "-c", command], {
        stdin: Buffer.from(script("fish").out),
      });
      return run.stdout
        .toString()
        .trim()
        .split("\n")
        .map((offer) => offer.split("\t")[0]);
    };
    expect(completed("fdinit che")).toEqual(["check"]);
    expect(completed("fdinit check --format ")).toEqual(["github", "json", "sarif", "text"]);
    expect(completed("fdinit completion ")).toEqual(["bash", "fish", "zsh"]);
  });
  for (const shell of ["zsh", "fish"] as const) {
    const path = Bun.which(shell);
    test.skipIf(path === null)(`of ${shell} are a script that it accepts`, () => {
      const run = Bun.spawnSync([path ?? shell, "-n", "/dev/stdin"], {
        stdin: Buffer.from(script(shell).out),
      });
      expect([run.exitCode, run.stderr.toString()]).toEqual([0, ""]);
    });
    test(`of ${shell} name every subcommand and option`, () => {
      const { out } = script(shell);
      for (const { name, options } of COMMANDS)
        for (const word of [name, ...options.map((option) => option.name.slice(2))])
          expect(out).toContain(word);
    });
  }
  test("of another shell are none", () => expect(script("csh").code).toBe(64));
});

describe("a launch that failed", () => {
  const words = (
    failure: Omit<LaunchFailure, "message"> & { readonly message?: string },
    mode = 0o100755,
    mounts = "",
  ) => {
    const kernel = fakeKernel([], {
      pathMode: () => mode,
      commandLineArgument: () => bytesOf("chek"),
      readFile: (path) =>
        bytesOf(path === "/proc/self/mountinfo" ? mounts : path === "/proc/self/setgroups" ? "allow\n" : ""),
    });
    const [code, said] = launchFailure(kernel, { message: "cannot", ...failure }, { programAt: 1 });
    expect(said.stage).toBe(failure.stage);
    return [code, said.text] as const;
  };
  test("guesses the subcommand", () => {
    expect(words({ stage: "find-program", errno: ENOENT })).toEqual([
      127,
      expect.stringContaining('"check"'),
    ]);
  });
  test.each([
    [126, { stage: "user", call: "setresuid", errno: EPERM }, "CAP_SETUID"],
    [126, { stage: "groups", call: "setgroups", errno: EPERM }, "CAP_SETGID"],
    [126, { stage: "oom-score", call: "write", errno: EACCES }, "CAP_SYS_RESOURCE"],
    [70, { stage: "open", call: "bind *:80", errno: EACCES }, "CAP_NET_BIND_SERVICE"],
    [70, { stage: "open", call: "give it to app, chown", errno: EPERM }, "CAP_CHOWN"],
  ] as const)("ends with %d and names the capability that is missing: %j", (code, failure, missing) => {
    expect(words(failure)).toEqual([code, expect.stringContaining(missing)]);
  });
  test("suggests no capability for another error", () => {
    expect(words({ stage: "user", call: "setresuid", errno: EAGAIN })).toEqual([126, "cannot"]);
    expect(words({ stage: "open", call: "bind *:8080", errno: EACCES })).toEqual([70, "cannot"]);
  });
  test("says why a file cannot be executed", () => {
    const message = 'cannot execute "/x/app": EACCES: permission denied';
    const failure = { stage: "execute", errno: EACCES, message } as const;
    expect(words(failure, 0o040755)[1]).toContain("it is a directory");
    expect(words(failure, 0o100644)[1]).toContain("chmod +x");
    const mounts = "1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /x rw,noexec - tmpfs b rw\n";
    expect(words(failure, 0o100755, mounts)[1]).toContain("/x, which is mounted noexec");
  });
});

describe("documentation has everything", () => {
  const docs = (name: string) => readFileSync(join(import.meta.dir, "../../../docs", name), "utf8");
  test("every stage of a launch stands in the row of its exit code", () => {
    const rows = docs("exit-codes.md").split("\n");
    for (const stage of Object.keys(STAGE_WORDS) as LaunchStage[])
      expect(rows.filter((row) => row.includes(`\`${stage}\``))).toEqual([
        expect.stringContaining(`| ${launchExit(stage)} | `),
      ]);
  });
  test("every code of a message has a section", () => {
    const page = docs("messages.md");
    for (const code of [...Object.keys(MESSAGES), ...Object.keys(START_MESSAGES)])
      expect(page).toContain(`\n### ${code}\n`);
  });
  test("every option, variable and exit code stands in the manual page", () => {
    const page = docs("man/fdinit.8.md");
    for (const { name, options } of COMMANDS) {
      expect(page).toContain(name);
      for (const option of options) expect(page).toContain(option.name);
    }
    for (const word of ["FDINIT_POLICY", "FDINIT_INTENT", "NO_COLOR", "COLUMNS"])
      expect(page).toContain(word);
    for (const { code } of EXIT_TABLE) expect(page).toContain(code);
  });
  test("every key stands in the manual page of the policy", () => {
    const page = docs("man/fdinit-policy.5.md");
    for (const key of keyNames()) expect(page).toContain(`\`${key}\``);
  });
});
