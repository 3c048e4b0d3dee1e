// The same command line given to another init and to fdinit under its name, so that a test can hold the two
// against each other. Process ids, which differ from run to run, are masked.

import { expect } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { FDINIT, fixture } from "./fixtures.ts";
import { temporaryDirectory } from "./leftovers.ts";
import { UNSHARE } from "./needs.ts";
import { statusText, until } from "./processes.ts";
import { type Ended, type Running, type Start, start } from "./run.ts";

export type Original = "tini" | "dumb-init" | "catatonit";

export type How = Pick<Start, "as" | "launch" | "env" | "cwd" | "before">;

/** Starts "the original" or "fdinit" by that name, found in PATH, so that argv[0] is the name alone. */
export type Starter = (args: readonly string[], how?: How) => Running;

/** A directory that holds nothing but an executable of this name, which leads to `target`. */
export function under(name: string, target: string): string {
  const directory = join(temporaryDirectory(), "bin");
  mkdirSync(directory);
  symlinkSync(target, join(directory, name));
  return directory;
}

function starter(name: string, target: string): Starter {
  return (args, how = {}) => {
    const path = `PATH=${under(name, target)}:${process.env["PATH"]}`;
    return start({ as: "child", ...how, run: ["/usr/bin/env", path, name, ...args], direct: true });
  };
}

/** fdinit under another init's name. */
export function fdinitAs(name: string): Starter {
  return starter(name, FDINIT);
}

function originalOf(name: Original): Starter {
  return starter(name, Bun.which(name) ?? name);
}

/** A test's look at each of the two; the answers must be the same. */
export async function same<T>(name: Original, look: (start: Starter) => Promise<T>): Promise<T> {
  const original = await look(originalOf(name));
  const ours = await look(fdinitAs(name));
  expect(ours).toEqual(original);
  return ours;
}

/** Runs both to their end; code, standard output and error must be the same. */
export function sameEnd(name: Original, args: readonly string[], how: How = {}): Promise<Ended> {
  return same(name, async (begin) => masked(await begin(args, how).finished()));
}

/** Runs both to their end; the code, which stream is written to, and the lines that match must be the same. */
export function sameShape(name: Original, args: readonly string[], lines: RegExp, how: How = {}) {
  return same(name, async (begin) => {
    const { code, stdout, stderr } = masked(await begin(args, how).finished());
    const matching = (text: string) => text.split("\n").filter((line) => lines.test(line));
    return { code, out: stdout !== "", err: stderr !== "", lines: [matching(stdout), matching(stderr)] };
  });
}

function masked({ code, stdout, stderr }: Ended): Ended {
  return { code, stdout: withoutPids(stdout), stderr: withoutPids(stderr) };
}

export function withoutPids(text: string): string {
  return text.replace(/(tini \(|catatonit:|pid:? '|pid=|PID |process |pid1 \()\d+/g, "$1N");
}

/** The recorder behind an init, ready. */
export async function recorder(begin: Starter, args: readonly string[], how: How = {}): Promise<Running> {
  const running = begin([...args, fixture("recorder")], how);
  await running.printed("ready\n");
  return running;
}

export function send(pid: number, signal: number): void {
  const sent = Bun.spawnSync([fixture("send"), String(pid), String(signal)], { timeout: 10_000 });
  if (!sent.success) throw new Error(`send ${pid} ${signal} failed`);
}

/** The signals up to `last` that an original can be sent as PID 1: 17 is not forwarded, 32 and 33 are libc's. */
const NEVER_SENT = [9, 17, 19, 32, 33];

/** Sends each signal to the init of a recorder; answers those that arrive there. */
export async function forwarded(
  running: Running,
  last: number,
  without: readonly number[],
): Promise<string[]> {
  const [pid, payload] = [await running.pid(), await running.payload()];
  for (let signal = 1; signal <= last; signal++) {
    if (NEVER_SENT.includes(signal) || without.includes(signal)) continue;
    send(pid, signal);
    // One at a time: SIGCONT and the stop signals cancel each other while they are pending.
    await hasTakenAll(pid);
    await hasTakenAll(payload);
  }
  const { stdout } = await running.finished();
  return stdout
    .split("\n")
    .filter((line) => !line.startsWith("17 "))
    .sort();
}

/**
 * Two recorders in one process group behind each of the two inits, which get SIGUSR2: what both print, but for
 * the signals of `unseen`. The answers must be the same.
 */
export function sameInGroup(
  name: Original,
  args: readonly string[],
  unseen: readonly number[],
  how: How = {},
): Promise<string[]> {
  const script = `exec 3<&0; ${fixture("recorder")} <&3 & exec ${fixture("recorder")}`;
  return same(name, async (begin) => {
    const running = await begin([...args, "sh", "-c", script], how).ready();
    await running.ready();
    send(await running.pid(), 12);
    await running.printed("12 0 0\n");
    const { stdout } = await running.finished();
    return stdout
      .split("\n")
      .filter((line) => !unseen.some((signal) => line.startsWith(`${signal} `)))
      .sort();
  });
}

/** Until nothing is pending and the process waits. */
async function hasTakenAll(pid: number): Promise<void> {
  await until(`${pid} has taken every signal`, () => {
    const text = statusText(pid);
    return /^State:\tS/m.test(text) && /^SigPnd:\t0+$/m.test(text) && /^ShdPnd:\t0+$/m.test(text);
  });
}

/** Until a process is stopped, or no longer is. */
export async function isStopped(pid: number, stopped: boolean): Promise<void> {
  const what = `${pid} is ${stopped ? "" : "not "}stopped`;
  await until(what, () => /^State:\tT/m.test(statusText(pid)) === stopped);
}

const CTRL_Z = "\x1a";

/** A shell on a terminal of its own. PS1 is printed when it waits for a line. */
export async function shell(): Promise<Running> {
  const env = { PS1: "PROMPT>", PS2: "", TERM: "dumb", INPUTRC: "/dev/null", HISTFILE: undefined };
  const run = [fixture("pty"), ...BASH];
  const running = start({ run, direct: true, as: "child", env });
  await running.printed("PROMPT>");
  return running;
}

const BASH = ["bash", "--norc", "--noprofile", "-i"];

/** A program behind fdinit as PID 1 and session leader with the terminal, as `docker run -it --init` starts it. */
export function onTerminalBehind(name: Original, program: readonly string[] = BASH): Running {
  const env = { PS1: "PROMPT>", PS2: "", TERM: "dumb", INPUTRC: "/dev/null", HISTFILE: undefined };
  const init = ["setsid", "--ctty", join(under(name, FDINIT), name), "--"];
  const run = [fixture("pty"), ...UNSHARE, ...init, ...program];
  return start({ run, direct: true, as: "child", env });
}

/** ^Z and fg of a job that ends with 5 once it may, with the shell at its prompt in between. */
export async function stopAndGoOn(name: Original, options: readonly string[]): Promise<void> {
  const running = await shell();
  const init = [join(under(name, FDINIT), name), ...options, "--"].join(" ");
  // It does not read from the terminal: behind setsid it would not be kept from it, and take the shell's bytes.
  const fifo = join(temporaryDirectory(), "fifo");
  Bun.spawnSync(["mkfifo", fifo]);
  running.type(`${init} sh -c 'echo sta''rted; read line <${fifo}; exit 5'\n`);
  await running.printed("started");
  running.type(CTRL_Z);
  expect(await running.printed("PROMPT>")).toContain("Stopped");
  running.type("echo the shell re''ads\n");
  await running.printed("the shell reads");
  await running.printed("PROMPT>");
  running.type("fg\n");
  Bun.spawnSync(["sh", "-c", `echo >${fifo}`], { timeout: 10_000 });
  await running.printed("PROMPT>");
  running.type("echo code=$?\n");
  await running.printed("code=5");
  running.type("exit\n");
  await running.ended();
}

/** A job in the background leaves the terminal to the shell. */
export async function leavesTerminal(name: Original, options: readonly string[]): Promise<void> {
  const running = await shell();
  const init = [join(under(name, FDINIT), name), ...options, "--"].join(" ");
  running.type(`${init} sh -c 'echo sta''rted; exec sleep 1000' &\n`);
  await running.printed("started");
  running.type("echo the shell re''ads; kill %1; wait %1; echo code=$?\n");
  await running.printed("the shell reads");
  await running.printed("code=143");
  running.type("exit\n");
  await running.ended();
}
