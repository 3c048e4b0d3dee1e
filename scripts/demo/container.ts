// Starts a program behind an init the way a careless launcher does: with three descriptors too many.
// Every wait here ends: whatever is still running after DEADLINE_MS is killed, and its output with it.

import { childrenOf, innerPid } from "./proc.ts";

const DEADLINE_MS = 15_000;

/**
 * The launcher is the shell that becomes the init. It puts a socket, a directory of the host and a pipe at
 * 5, 7 and 9, as in container runtimes' own accidents: an engine's listener, a leaked root, a log pipe.
 */
const LAUNCHER = `
exec 5<&3 3<&- 7</etc 9>"$PIPE"
echo "launcher: starting the container" >&9
exec "$@"`;

export interface Start {
  /** Runs its command as PID 1; undefined: no PID namespace, the init is a subreaper. */
  readonly namespace: readonly string[] | undefined;
  readonly init: readonly string[];
  /** A shell script that prints "ready" and its pid when it is. */
  readonly program: string;
  readonly listener: number;
  readonly environment: { readonly PIPE: string; readonly GATE: string };
}

/** Disposed of, it is killed unless it was stopped. */
export interface Container extends Disposable {
  /** As the host sees them. */
  readonly initPid: number;
  readonly programPid: number;
  /** Sends SIGTERM to the init, as `docker stop` does, and answers the exit code. */
  stop(): Promise<number>;
}

/** Answers when the program says it is ready. */
export async function startContainer(start: Start): Promise<Container> {
  const { namespace = [], init, program, listener, environment } = start;
  const launched = Bun.spawn([...namespace, "sh", "-c", LAUNCHER, "launcher", ...init, "sh", "-c", program], {
    // fdinit's defaults are shown, whatever its variables say on this machine.
    env: { ...process.env, FDINIT_POLICY: "", FDINIT_INTENT: "", ...environment },
    stdio: ["ignore", "pipe", "inherit", listener],
    timeout: DEADLINE_MS,
    killSignal: "SIGKILL",
  });
  const reportedPid = await readReadiness(launched.stdout);
  // unshare stays as the parent of the PID 1 that it made.
  const initPid = start.namespace ? onlyChild(launched.pid) : launched.pid;
  const programPid = childrenOf(initPid).find(({ pid }) => innerPid(pid) === reportedPid)?.pid;
  if (programPid === undefined) throw new Error(`${init[0]} has no child with the pid ${reportedPid}`);
  return {
    initPid,
    programPid,
    stop() {
      process.kill(initPid, "SIGTERM");
      return launched.exited;
    },
    [Symbol.dispose]() {
      if (launched.exitCode !== null) return;
      // The program too: without a PID namespace it would outlive its init.
      for (const pid of [programPid, initPid]) process.kill(pid, "SIGKILL");
    },
  };
}

async function readReadiness(stdout: ReadableStream<Uint8Array>): Promise<number> {
  const decoder = new TextDecoder();
  let said = "";
  for await (const chunk of stdout) {
    said += decoder.decode(chunk, { stream: true });
    const pid = /^ready (\d+)\n/.exec(said)?.[1];
    if (pid) return Number(pid);
  }
  throw new Error(`the program was never ready; it said ${JSON.stringify(said)}`);
}

function onlyChild(parent: number): number {
  const [child, ...others] = childrenOf(parent);
  if (!child || others.length > 0) throw new Error(`unshare has ${others.length + 1} children, not one`);
  return child.pid;
}
