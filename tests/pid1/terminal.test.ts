// Terminals, driven through a real one (tests/fixtures/pty.c): fdinit as a container's first process with
// a shell behind it, and fdinit as a job of an interactive shell.

import { expect, test } from "bun:test";
import { FDINIT, fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeWith, UNSHARE } from "../harness/needs.ts";
import { policy, type Running, start } from "../harness/run.ts";

leaveNothingBehind();

const CTRL_C = "\x03";
const CTRL_Z = "\x1a";
const BASH = ["bash", "--norc", "--noprofile", "-i"];

/** A program on a terminal. PS1 is printed when a shell waits for a line. */
function onTerminal(command: readonly string[]): Running {
  const env = { PS1: "PROMPT>", PS2: "", TERM: "dumb", INPUTRC: "/dev/null", HISTFILE: undefined };
  return start({ run: [fixture("pty"), ...command], direct: true, as: "child", env });
}

/** fdinit as PID 1 and session leader with the terminal, as `docker run -it` starts it. */
const container = (options: readonly string[], ...program: readonly string[]) =>
  onTerminal([...UNSHARE, "setsid", "--ctty", FDINIT, ...options, "--", ...program]);

const withPolicy = (keys: Record<string, unknown>) => policy(JSON.stringify({ version: 1, ...keys }));

const GROUPS: [name: string, options: () => string[]][] = [
  ["sharing fdinit's group", () => []],
  ["with a group of its own", () => withPolicy({ signals: { to: "group" } })],
  ["in the foreground by policy", () => withPolicy({ tty: "foreground" })],
  ["in a session of its own", () => withPolicy({ services: { app: { setsid: true } } })],
];

describeWith(["gcc", "unshare", "bash"], "a shell behind PID 1", () => {
  for (const [name, options] of GROUPS) {
    test(`has job control: ^Z, fg, ^C, and its own code at the end (${name})`, async () => {
      const shell = container(options(), ...BASH);
      expect(await shell.printed("PROMPT>")).not.toContain("job control");
      shell.type("sh -c 'echo sta''rted; read line; echo got $line; exec sleep 1000'\n");
      await shell.printed("started");
      shell.type(CTRL_Z);
      expect(await shell.printed("PROMPT>")).toContain("Stopped");
      shell.type("jobs\n");
      expect(await shell.printed("PROMPT>")).toContain("sleep 1000");
      shell.type("fg\n");
      await shell.printed("sleep 1000");
      shell.type("hello\n");
      await shell.printed("got hello");
      shell.type(CTRL_C);
      await shell.printed("PROMPT>");
      shell.type("exit 3\n");
      expect((await shell.ended()).code).toBe(3);
    });
  }

  test("sees the terminal change its size", async () => {
    const shell = container([], ...BASH);
    await shell.printed("PROMPT>");
    shell.type("trap 'stty size' WINCH; echo read''y\n");
    await shell.printed("ready");
    await shell.printed("PROMPT>");
    process.kill(shell.launcher, "SIGWINCH");
    await shell.printed("33 99");
    shell.type("\nexit\n");
    expect((await shell.ended()).code).toBe(0);
  });

  test("gets ^C once when it shares fdinit's group and once when it does not", async () => {
    for (const [, options] of GROUPS) {
      const running = container(options(), fixture("recorder"));
      await running.printed("ready\n");
      running.type(CTRL_C);
      await running.printed("2 128 0\n");
      running.type("\x04");
      expect(await running.printed("end\n")).toBe("end\n");
      expect((await running.ended()).code).toBe(0);
    }
  });
});

describeWith(["gcc", "unshare", "bash"], "fdinit as a shell's job", () => {
  for (const [name, options] of GROUPS.slice(0, 3)) {
    const job = (command: string) => `${[FDINIT, ...options()].join(" ")} -- ${command}`;

    test(`stops and goes on with its program, and the shell has the terminal in between (${name})`, async () => {
      const shell = onTerminal(BASH);
      await shell.printed("PROMPT>");
      shell.type(`${job("sh -c 'echo sta''rted; read line; echo got $line; exit 5'")}\n`);
      await shell.printed("started");
      shell.type(CTRL_Z);
      expect(await shell.printed("PROMPT>")).toContain("Stopped");
      shell.type("echo the shell re''ads\n");
      await shell.printed("the shell reads");
      await shell.printed("PROMPT>");
      shell.type("fg\n");
      await shell.printed("exit 5'");
      shell.type("hello\n");
      await shell.printed("got hello");
      await shell.printed("PROMPT>");
      shell.type("echo code=$?\n");
      await shell.printed("code=5");
      shell.type("exit\n");
      await shell.ended();
    });

    test(`gives the terminal back when ^C ended its program (${name})`, async () => {
      const shell = onTerminal(BASH);
      await shell.printed("PROMPT>");
      shell.type(`${job("sh -c 'echo sta''rted; exec sleep 1000'")}\n`);
      await shell.printed("started");
      shell.type(CTRL_C);
      await shell.printed("PROMPT>");
      shell.type("echo code=$?\n");
      await shell.printed("code=130");
      shell.type("exit\n");
      await shell.ended();
    });

    test(`does not take the terminal in the background (${name})`, async () => {
      const shell = onTerminal(BASH);
      await shell.printed("PROMPT>");
      shell.type(`${job("sh -c 'echo sta''rted; exec sleep 1000'")} &\n`);
      await shell.printed("started");
      shell.type("echo the shell re''ads; kill %1; wait %1; echo code=$?\n");
      await shell.printed("the shell reads");
      await shell.printed("code=143");
      shell.type("exit\n");
      await shell.ended();
    });
  }
});
