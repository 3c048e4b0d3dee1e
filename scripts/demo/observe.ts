// The facts behind the story: one container that serves, is looked at and stopped, and one that is killed.

import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startContainer } from "./container.ts";
import { childrenOf, type Descriptor, descriptorsOf } from "./proc.ts";

export const ORPHANS = 20;
export const OWN_EXIT_CODE = 7;

/** Makes orphans that live until the gate is shut, and answers SIGTERM with an exit code of its own. */
const SERVER = `
for n in $(seq ${ORPHANS}); do (cat <&8 >/dev/null &); done 8<"$GATE"
trap 'kill $!; exit ${OWN_EXIT_CODE}' TERM
sleep 30 &
echo "ready $$"
wait $!`;

/** Does nothing about SIGTERM, which therefore kills it. */
const PLAIN_PROGRAM = `echo "ready $$"; exec sleep 30`;

const REAPING_DEADLINE_MS = 5_000;

export interface Observation {
  readonly name: string;
  readonly init: readonly Descriptor[];
  readonly program: readonly Descriptor[];
  /** Whether the launcher's log reader has seen the end of the file while the program was running. */
  readonly pipeEnded: boolean;
  readonly adopted: number;
  readonly left: { readonly running: number; readonly zombies: number };
  readonly ownExitCode: number;
  readonly killedExitCode: number;
}

/** The surroundings that the careless launcher gives a container. */
export interface Launcher {
  readonly namespace: readonly string[] | undefined;
  /** The descriptor of a listening socket. */
  readonly listener: number;
}

export async function observe(
  name: string,
  init: readonly string[],
  launcher: Launcher,
): Promise<Observation> {
  const directory = mkdtempSync(join(tmpdir(), "fdinit-demo-"));
  const environment = { PIPE: makeFifo(directory, "pipe"), GATE: makeFifo(directory, "gate") };
  const pipe = openSync(environment.PIPE, constants.O_RDONLY | constants.O_NONBLOCK);
  // For reading as well: to open a FIFO for writing only waits for a reader.
  const gate = openSync(environment.GATE, constants.O_RDWR);
  let gateIsOpen = true;
  const shutGate = () => {
    if (gateIsOpen) closeSync(gate);
    gateIsOpen = false;
  };
  try {
    using server = await startContainer({ ...launcher, init, environment, program: SERVER });
    const seen = {
      init: descriptorsOf(server.initPid),
      program: descriptorsOf(server.programPid),
      pipeEnded: readUntilEnd(pipe),
      adopted: orphansOf(server).length,
    };
    shutGate();
    const left = await untilReaped(() => orphansOf(server));
    const ownExitCode = await server.stop();
    using plain = await startContainer({ ...launcher, init, environment, program: PLAIN_PROGRAM });
    return { name, ...seen, left, ownExitCode, killedExitCode: await plain.stop() };
  } finally {
    shutGate();
    closeSync(pipe);
    rmSync(directory, { recursive: true });
  }
}

function makeFifo(directory: string, name: string): string {
  const path = join(directory, name);
  const made = Bun.spawnSync(["mkfifo", path]);
  if (!made.success) throw new Error(`mkfifo failed: ${made.stderr}`);
  return path;
}

/**
 * Reads what there is. The launcher has written before the program runs, so that the answer is final: end of
 * file when no writer is left, EAGAIN as long as anyone holds the write end.
 */
function readUntilEnd(pipe: number): boolean {
  const chunk = new Uint8Array(4096);
  if (readSync(pipe, chunk) === 0) throw new Error("the launcher wrote nothing into its pipe");
  try {
    while (readSync(pipe, chunk) > 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return false;
    throw error;
  }
}

function orphansOf({ initPid, programPid }: { initPid: number; programPid: number }) {
  return childrenOf(initPid).filter(({ pid }) => pid !== programPid);
}

/** Looks until no orphan is left; those still there at the deadline are the answer. */
async function untilReaped(orphans: () => ReturnType<typeof childrenOf>): Promise<Observation["left"]> {
  const deadline = performance.now() + REAPING_DEADLINE_MS;
  let left = orphans();
  for (; left.length > 0 && performance.now() < deadline; left = orphans()) await Bun.sleep(5);
  const zombies = left.filter(({ isZombie }) => isZombie).length;
  return { running: left.length - zombies, zombies };
}
