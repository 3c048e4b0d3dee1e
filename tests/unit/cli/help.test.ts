import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launchExit } from "../../../init/cli/exit-codes.ts";
import { COMMANDS, EXIT_TABLE } from "../../../init/cli/help/command-table.ts";
import { completion } from "../../../init/cli/help/completion.ts";
import { help } from "../../../init/cli/help/help.ts";
import { MESSAGES, START_MESSAGES } from "../../../init/cli/help/messages.ts";
import { keyNames } from "../../../init/cli/help/schema-keys.ts";
import { SUBCOMMANDS } from "../../../init/cli/invocation.ts";
import { type LaunchStage, STAGE_WORDS } from "../../../init/launch/stages.ts";
import { loadPolicy } from "../../../init/policy/load.ts";
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
  test("finds a key by its last name, and without the brackets of a list", () => {
    for (const about of ["kind", "fds.inherited.rules.match.kind", "fds.inherited.rules[0].match.kind"]) {
      const { code, out } = explained(about);
      expect([code, out]).toEqual([0, expect.stringMatching(/rules.*match\.kind: Kind\n/)]);
    }
    const { out } = explained("wait");
    for (const key of ["services.NAME.stop.wait", "shutdown.steps[].wait"]) expect(out).toContain(key);
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
  const zsh = Bun.which("zsh");
  test.skipIf(zsh === null)(
    "of zsh are what a person gets who types and presses the tab key",
    () => {
      const folder = mkdtempSync(join(tmpdir(), "fdinit-zsh-"));
      writeFileSync(join(folder, "_fdinit"), script("zsh").out);
      writeFileSync(join(folder, "policy-of-mine.yaml"), "");
      const typed: readonly (readonly [keys: string, words: string])[] = [
        ["fdinit che\t", "check"],
        ["fdinit check --form\tgi\t", "check --format=github"],
        ["fdinit check --format sa\t", "check --format sarif"],
        ["fdinit check pol\t", "check policy-of-mine.yaml"],
        ["fdinit completion fi\t", "completion fish"],
        ["fdinit --intent si\t", "--intent simplicity"],
        ["fdinit --policy ngi\t", "--policy nginx"],
        ["fdinit policies pos\t", "policies postgres"],
        ["fdinit audit --sug\t", "audit --suggest"],
        ["fdinit help doc\t", "help doctor"],
      ];
      const setUp = `fpath=(${folder} $fpath); autoload -Uz compinit; compinit -u -D; cd ${folder}
fdinit() { print -r -- "RAN<$*>" }
PROMPT= RPROMPT=; print READY`;
      const session = `zmodload zsh/zpty
zpty person zsh -f -i
zpty -w person '${setUp.replaceAll("'", "'\\''")}'
zpty -r person line $'*\nREADY*'
${typed.map(([keys]) => `zpty -w person $'${keys.replaceAll("\t", "\\t")}'; zpty -r person line '*RAN<*>*'; print -r -- "$line"`).join("\n")}
zpty -d person`;
      const run = Bun.spawnSync([zsh ?? "zsh", "-f", "-c", session], { stdin: "ignore", timeout: 50_000 });
      const ran = [...run.stdout.toString().matchAll(/RAN<([^>$]*)>/g)].map(([, words = ""]) => words.trim());
      rmSync(folder, { recursive: true });
      expect(ran).toEqual(typed.map(([, words]) => words));
    },
    60_000,
  );
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
